// X25519 over WebCrypto: key pairs, and which public keys are refused before the platform sees them.
/** @import {Bytes} from '../bytes.js' */
import { concat, unhex } from '../bytes.js';
import { fail, must } from './errors.js';
import { wipe } from './primitives.js';

const { subtle } = globalThis.crypto;
const X25519 = { name: 'X25519' };
/** RFC 8410: the private key's 32 bytes follow. */
const PKCS8 = unhex('302e020100300506032b656e04220420');
const BASE_POINT = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0));

/** @typedef {{privateKey: CryptoKey, publicKey: Bytes}} KeyPair a public key is raw; a private one may be sealed in */

/** The points of small order, whose shared secret is zero: their coordinates are in no other order than RFC 7748's. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(unhex);

/** 2^255 − 19, little-endian. */
const P = unhex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');

/** @param {Uint8Array} a @param {Uint8Array} b of the same length @returns {boolean} a < b, little-endian; not secret */
export function below(a, b) {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return a[i] < b[i];
  return false;
}

/**
 * usable says whether a peer's public key can be used: 32 bytes, the one spelling of its point, and not of small order.
 * @param {Uint8Array} key @returns {boolean}
 */
export const usable = (key) =>
  key.length === 32 && below(key, P) && !SMALL_ORDER.some((p) => p.every((b, i) => b === key[i]));

/** @param {CryptoKey} privateKey @param {Bytes} publicKey @returns {Promise<Bytes>} throws when it would be zero */
export async function agree(privateKey, publicKey) {
  must(publicKey.length === 32, 'key', 'an X25519 public key has 32 bytes');
  const peer = await subtle.importKey('raw', publicKey, X25519, false, []);
  let secret;
  try {
    secret = new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: peer }, privateKey, 256));
  } catch {
    return fail('key', 'no shared secret');
  }
  must(
    secret.some((b) => b !== 0),
    'key',
    'a shared secret of zeros',
  );
  return secret;
}

/** @param {Bytes} raw 32 bytes @returns {Promise<CryptoKey>} it can't be read out */
async function privateFrom(raw) {
  must(raw.length === 32, 'key', 'an X25519 private key has 32 bytes');
  const wrapped = concat(PKCS8, raw);
  try {
    return await subtle.importKey('pkcs8', wrapped, X25519, false, ['deriveBits']);
  } finally {
    wipe(wrapped);
  }
}

/** @param {CryptoKey} privateKey @returns {Promise<Bytes>} its public key, by the base point */
const publicOf = (privateKey) => agree(privateKey, BASE_POINT);

/** @param {Bytes} raw 32 bytes @returns {Promise<KeyPair>} */
export async function pairFrom(raw) {
  const privateKey = await privateFrom(raw);
  return { privateKey, publicKey: await publicOf(privateKey) };
}

/** @returns {Promise<KeyPair>} a new one, whose private key can't be read out */
export async function newPair() {
  const pair = /** @type {CryptoKeyPair} */ (await subtle.generateKey(X25519, false, ['deriveBits']));
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)) };
}
