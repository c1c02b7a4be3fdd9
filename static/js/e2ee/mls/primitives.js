// Hash, MAC, KDF and AEAD of cipher suite 1 over WebCrypto. Secrets are raw bytes, because Expand and Extract are HMAC.
/** @import {Bytes} from '../bytes.js' */
import { concat } from '../bytes.js';
import { fail, must } from './errors.js';

const { subtle } = globalThis.crypto;
const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** Nh: bytes of a hash and of most secrets. */
export const HASH_LENGTH = 32;
/** Nk: bytes of an AEAD key. */
export const KEY_LENGTH = 16;
/** Nn: bytes of an AEAD nonce. */
export const NONCE_LENGTH = 12;
export const NONE = new Uint8Array(0);
export const ZEROS = new Uint8Array(HASH_LENGTH);

/** @param {Bytes} data @returns {Promise<Bytes>} SHA-256 */
export const hash = async (data) => new Uint8Array(await subtle.digest('SHA-256', data));

/** @param {Bytes} key @param {Bytes} data @returns {Promise<Bytes>} HMAC-SHA256 */
export async function mac(key, data) {
  const imported = await subtle.importKey('raw', key, HMAC, false, ['sign']);
  return new Uint8Array(await subtle.sign('HMAC', imported, data));
}

/** @param {Bytes} salt @param {Bytes} ikm @returns {Promise<Bytes>} RFC 5869 §2.2; an empty salt is one of zeros */
export const extract = (salt, ikm) => mac(salt.length > 0 ? salt : ZEROS, ikm);

/** @param {Bytes} prk @param {Bytes} info @param {number} length @returns {Promise<Bytes>} RFC 5869 §2.3 */
export async function expand(prk, info, length) {
  must(length <= 255 * HASH_LENGTH, 'usage', 'a derived secret has at most 8,160 bytes');
  const key = await subtle.importKey('raw', prk, HMAC, false, ['sign']);
  const out = new Uint8Array(length);
  let block = NONE;
  for (let at = 0, i = 1; at < length; at += HASH_LENGTH, i++) {
    block = new Uint8Array(await subtle.sign('HMAC', key, concat(block, info, Uint8Array.of(i))));
    out.set(block.subarray(0, length - at), at);
  }
  return out;
}

/**
 * @param {Bytes} key @param {Bytes} nonce @param {Bytes} aad @param {Bytes} plaintext
 * @returns {Promise<Bytes>} AES-128-GCM, with the tag at the end
 */
export async function seal(key, nonce, aad, plaintext) {
  const imported = await subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: aad };
  return new Uint8Array(await subtle.encrypt(algorithm, imported, plaintext));
}

/**
 * @param {Bytes} key @param {Bytes} nonce @param {Bytes} aad @param {Bytes} ciphertext
 * @returns {Promise<Bytes>} throws MlsError 'decrypt' when it does not open
 */
export async function open(key, nonce, aad, ciphertext) {
  const imported = await subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: aad };
  try {
    return new Uint8Array(await subtle.decrypt(algorithm, imported, ciphertext));
  } catch {
    return fail('decrypt', 'the ciphertext does not open');
  }
}

/** @param {...(Uint8Array|null|undefined)} secrets overwrites them, as far as a garbage collector lets one */
export function wipe(...secrets) {
  for (const secret of secrets) secret?.fill(0);
}
