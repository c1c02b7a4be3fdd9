// HPKE (RFC 9180) for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM: base mode and mode_psk.
//
// Wherever the RFC extracts and expands once from the same input, WebCrypto's HKDF does both in one call.
/** @import {Bytes} from '../bytes.js' */
/** @import {KeyPair} from './x25519.js' */
import { concat, equal, unhex, utf8 } from '../bytes.js';
import { must } from './errors.js';
import { HASH_LENGTH, KEY_LENGTH, NONCE_LENGTH, NONE, extract, open, seal, wipe } from './primitives.js';
import { agree, newPair, pairFrom } from './x25519.js';

/** @typedef {{psk: Bytes, id: Bytes}} Psk both not empty; at least 32 bytes of psk */
/** @typedef {{enc: Bytes, ciphertext: Bytes}} Sealed */

const { subtle } = globalThis.crypto;
const KEM = concat(utf8('KEM'), unhex('0020'));
const SUITE = concat(utf8('HPKE'), unhex('002000010001'));
const VERSION = utf8('HPKE-v1');

/** @param {Bytes} suite @param {string} label @param {Bytes} ikm @returns {Bytes} RFC 9180 §4, LabeledExtract */
const labelledInput = (suite, label, ikm) => concat(VERSION, suite, utf8(label), ikm);

/** @param {Bytes} suite @param {string} label @param {Bytes} info @param {number} length @returns {Bytes} */
const labelledInfo = (suite, label, info, length) =>
  concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suite, utf8(label), info);

/** @param {Bytes} ikm @returns {Promise<CryptoKey>} */
const hkdfKey = (ikm) => subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits']);

/** @param {CryptoKey} ikm @param {Bytes} salt @param {Bytes} info @param {number} length @returns {Promise<Bytes>} */
const hkdf = async (ikm, salt, info, length) =>
  new Uint8Array(await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, ikm, length * 8));

/** @param {Bytes} ikm a secret @returns {Promise<KeyPair>} DeriveKeyPair of RFC 9180 §7.1.3 */
export async function deriveKeyPair(ikm) {
  const labelled = labelledInput(KEM, 'dkp_prk', ikm);
  const raw = await hkdf(await hkdfKey(labelled), NONE, labelledInfo(KEM, 'sk', NONE, 32), 32);
  const pair = await pairFrom(raw);
  wipe(raw, labelled);
  return pair;
}

/** @param {Bytes} dh @param {Bytes} enc @param {Bytes} recipient @returns {Promise<Bytes>} the KEM's shared secret */
async function kemSecret(dh, enc, recipient) {
  const labelled = labelledInput(KEM, 'eae_prk', dh);
  const info = labelledInfo(KEM, 'shared_secret', concat(enc, recipient), HASH_LENGTH);
  const secret = await hkdf(await hkdfKey(labelled), NONE, info, HASH_LENGTH);
  wipe(dh, labelled);
  return secret;
}

/** @param {Bytes} recipient a public key @returns {Promise<{enc: Bytes, secret: Bytes}>} Encap of RFC 9180 §4.1 */
async function encapsulate(recipient) {
  const ephemeral = await newPair();
  const dh = await agree(ephemeral.privateKey, recipient);
  return { enc: ephemeral.publicKey, secret: await kemSecret(dh, ephemeral.publicKey, recipient) };
}

/** @param {KeyPair} recipient @param {Bytes} enc @returns {Promise<Bytes>} Decap */
const decapsulate = async (recipient, enc) =>
  kemSecret(await agree(recipient.privateKey, enc), enc, recipient.publicKey);

/** The psk input of "secret" and the hash of its id in base mode never change. @type {Promise<[CryptoKey, Bytes]>} */
let base;

/** A commit's seals have one info: its hash is kept for the next. @type {{info: Bytes, hash: Promise<Bytes>}|undefined} */
let latest;

/** @param {Bytes} info not secret @returns {Promise<Bytes>} info_hash */
function infoHash(info) {
  if (!latest || !equal(latest.info, info)) {
    latest = { info, hash: extract(NONE, labelledInput(SUITE, 'info_hash', info)) };
  }
  return latest.hash;
}

/** @param {Psk|null} psk @returns {Promise<[CryptoKey, Bytes]>} */
async function pskParts(psk) {
  const make = (/** @type {Bytes} */ secret, /** @type {Bytes} */ id) =>
    Promise.all([
      hkdfKey(labelledInput(SUITE, 'secret', secret)),
      extract(NONE, labelledInput(SUITE, 'psk_id_hash', id)),
    ]);
  if (!psk) return (base ??= make(NONE, NONE));
  must(psk.psk.length >= 32 && psk.id.length > 0, 'usage', 'a psk has an id and at least 32 bytes');
  return make(psk.psk, psk.id);
}

/**
 * messageKey is the key schedule of RFC 9180 §5.1, for one message.
 * @param {Bytes} shared is overwritten @param {Bytes} info @param {Psk|null} psk
 * @returns {Promise<[Bytes, Bytes]>} key and nonce
 */
async function messageKey(shared, info, psk) {
  const [[input, pskIdHash], hashed] = await Promise.all([pskParts(psk), infoHash(info)]);
  const schedule = concat(Uint8Array.of(psk ? 1 : 0), pskIdHash, hashed);
  const derive = (/** @type {string} */ label, /** @type {number} */ length) =>
    hkdf(input, shared, labelledInfo(SUITE, label, schedule, length), length);
  const both = await Promise.all([derive('key', KEY_LENGTH), derive('base_nonce', NONCE_LENGTH)]);
  wipe(shared);
  return /** @type {[Bytes, Bytes]} */ (both);
}

/**
 * sealTo encrypts one message: SealBase, or SealPSK when there is a psk.
 * @param {Bytes} recipient a public key @param {Bytes} info @param {Bytes} aad @param {Bytes} plaintext
 * @param {Psk|null} [psk] @returns {Promise<Sealed>}
 */
export async function sealTo(recipient, info, aad, plaintext, psk = null) {
  const { enc, secret } = await encapsulate(recipient);
  const [key, nonce] = await messageKey(secret, info, psk);
  const ciphertext = await seal(key, nonce, aad, plaintext);
  wipe(key, nonce);
  return { enc, ciphertext };
}

/**
 * openFrom decrypts one message: OpenBase, or OpenPSK.
 * @param {KeyPair} recipient @param {Bytes} info @param {Bytes} aad @param {Sealed} sealed @param {Psk|null} [psk]
 * @returns {Promise<Bytes>} throws MlsError 'key' or 'decrypt'
 */
export async function openFrom(recipient, info, aad, { enc, ciphertext }, psk = null) {
  const [key, nonce] = await messageKey(await decapsulate(recipient, enc), info, psk);
  const plaintext = await open(key, nonce, aad, ciphertext);
  wipe(key, nonce);
  return plaintext;
}
