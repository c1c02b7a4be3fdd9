// Ed25519 with the labels of RFC 9420 §5.1.2. Browsers and Go accept any message under a key of small order, so keys
// and signatures are examined before the platform sees them.
/** @import {Bytes} from '../bytes.js' */
import { concat, unhex } from '../bytes.js';
import { must } from './errors.js';
import { signContent } from './labels.js';
import { below } from './x25519.js';

/** @typedef {{privateKey: CryptoKey, publicKey: Bytes}} SignatureKey the private key may be one that can't be read out */

const { subtle } = globalThis.crypto;
const ED25519 = { name: 'Ed25519' };
const PKCS8 = unhex('302e020100300506032b657004220420');

/** 2^255 − 19 and the order of the base point, little-endian. */
const P = unhex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
const L = unhex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** The y of the eight points of small order. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(unhex);

/** @param {Uint8Array} point 32 bytes @returns {boolean} the one spelling of a y, and not of small order */
function strictPoint(point) {
  const y = point.slice();
  y[31] &= 0x7f;
  return below(y, P) && !SMALL_ORDER.some((small) => small.every((b, i) => b === y[i]));
}

/** @param {Uint8Array} key @returns {boolean} whether it may be a participant's public key */
export const strictKey = (key) => key.length === 32 && strictPoint(key);

/** @param {Uint8Array} signature @returns {boolean} whether R is a strict point and S is reduced */
const strictSignature = (signature) =>
  signature.length === 64 && strictPoint(signature.subarray(0, 32)) && below(signature.subarray(32), L);

/**
 * verifyStrict is Ed25519 as RFC 8032 §5.1.7 has it, without the keys and signatures that fit more than one message.
 * @param {Bytes} publicKey @param {Bytes} message @param {Bytes} signature @returns {Promise<boolean>}
 */
export async function verifyStrict(publicKey, message, signature) {
  if (!strictKey(publicKey) || !strictSignature(signature)) return false;
  try {
    const key = await subtle.importKey('raw', publicKey, ED25519, false, ['verify']);
    return await subtle.verify(ED25519, key, signature, message);
  } catch {
    return false; // not a point
  }
}

/** @param {Bytes} publicKey @param {string} label @param {Bytes} content @param {Bytes} signature @returns {Promise<boolean>} */
export const verifyWithLabel = (publicKey, label, content, signature) =>
  verifyStrict(publicKey, signContent(label, content), signature);

/** @param {SignatureKey} key @param {string} label @param {Bytes} content @returns {Promise<Bytes>} 64 bytes */
export const signWithLabel = async (key, label, content) =>
  new Uint8Array(await subtle.sign(ED25519, key.privateKey, signContent(label, content)));

/** @returns {Promise<SignatureKey>} a new one, whose private key can't be read out */
export async function newSignatureKey() {
  const pair = /** @type {CryptoKeyPair} */ (await subtle.generateKey(ED25519, false, ['sign', 'verify']));
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)) };
}

/** @param {Bytes} seed 32 bytes @param {Bytes} publicKey its own @returns {Promise<SignatureKey>} */
export async function signatureKeyFrom(seed, publicKey) {
  must(seed.length === 32, 'key', 'an Ed25519 private key has 32 bytes');
  const privateKey = await subtle.importKey('pkcs8', concat(PKCS8, seed), ED25519, false, ['sign']);
  return { privateKey, publicKey };
}
