// SFrame, RFC 9605: the header, the key schedule, and sealing and opening with AES-GCM (suites 4 and 5).
/** @import {Bytes} from './bytes.js' */
import { concat, utf8 } from './bytes.js';

/** AES_128_GCM_SHA256_128 (§4.5), what meetings use. */
const SUITE = 4;
/** Octets of the authentication tag. */
export const TAG = 16;

/** @type {Record<number, {hash: 'SHA-256'|'SHA-512', key: number}>} */
const SUITES = { 4: { hash: 'SHA-256', key: 16 }, 5: { hash: 'SHA-512', key: 32 } };

/** @typedef {{kid: bigint, ctr: bigint, length: number}} Header length in octets */

/** @typedef {{kid: bigint, aead: CryptoKey, salt: Bytes}} FrameKey made by deriveKey, for one KID */
/** @typedef {{kid: bigint, key: Bytes, salt: Bytes}} RawKey the same, to be given away */

/** @param {bigint} n @returns {number[]} big-endian, without leading zeros, at least one octet */
function octets(n) {
  const out = [];
  do {
    out.unshift(Number(n & 0xffn));
    n >>= 8n;
  } while (n > 0n);
  return out;
}

/** @param {bigint} kid @param {bigint} ctr both below 2^64 @returns {Bytes} §4.3 */
export function encodeHeader(kid, ctr) {
  if (kid < 0n || ctr < 0n || kid >> 64n || ctr >> 64n) throw new RangeError('KID and CTR have 64 bits');
  const k = kid < 8n ? [] : octets(kid);
  const c = ctr < 8n ? [] : octets(ctr);
  const config =
    (k.length ? 0x80 | ((k.length - 1) << 4) : Number(kid) << 4) | (c.length ? 0x08 | (c.length - 1) : Number(ctr));
  return Uint8Array.of(config, ...k, ...c);
}

/** @param {Uint8Array} data @param {number} from @param {number} n @returns {bigint} */
function number(data, from, n) {
  let out = 0n;
  for (let i = 0; i < n; i++) out = (out << 8n) | BigInt(data[from + i]);
  return out;
}

/**
 * parseHeader reads the header at the beginning of data. Longer encodings than needed are refused: one header has one spelling.
 * @param {Uint8Array} data @returns {Header|null} null when it is no header
 */
export function parseHeader(data) {
  if (data.length === 0) return null;
  const config = data[0];
  const kLength = config & 0x80 ? ((config >> 4) & 7) + 1 : 0;
  const cLength = config & 0x08 ? (config & 7) + 1 : 0;
  const length = 1 + kLength + cLength;
  if (data.length < length) return null;
  const kid = kLength ? number(data, 1, kLength) : BigInt((config >> 4) & 7);
  const ctr = cLength ? number(data, 1 + kLength, cLength) : BigInt(config & 7);
  const minimal = (/** @type {bigint} */ v, /** @type {number} */ n) =>
    n === 0 || (v >= 8n && v >> BigInt(8 * (n - 1)) > 0n);
  return minimal(kid, kLength) && minimal(ctr, cLength) ? { kid, ctr, length } : null;
}

/** @param {string} what @param {bigint} kid @param {number} suite @returns {Bytes} §4.4.2 */
function label(what, kid, suite) {
  const out = concat(utf8(`SFrame 1.0 Secret ${what} `), new Uint8Array(10));
  const view = new DataView(out.buffer);
  view.setBigUint64(out.length - 10, kid);
  view.setUint16(out.length - 2, suite);
  return out;
}

/**
 * deriveRaw derives key and salt of one KID from a base key (§4.4.2), for one outside the group who may have them.
 * @param {bigint} kid @param {Bytes} baseKey @param {number} [suite] 4 or 5 @returns {Promise<RawKey>}
 */
export async function deriveRaw(kid, baseKey, suite = SUITE) {
  const { hash, key: bytes } = SUITES[suite];
  const secret = await crypto.subtle.importKey('raw', baseKey, 'HKDF', false, ['deriveBits']);
  const derive = (/** @type {string} */ what, /** @type {number} */ n) =>
    crypto.subtle.deriveBits(
      { name: 'HKDF', hash, salt: new Uint8Array(0), info: label(what, kid, suite) },
      secret,
      n * 8,
    );
  const [key, salt] = await Promise.all([derive('key', bytes), derive('salt', 12)]);
  return { kid, key: new Uint8Array(key), salt: new Uint8Array(salt) };
}

/**
 * deriveKey makes the key of one KID out of a base key.
 * @param {bigint} kid @param {Bytes} baseKey @param {number} [suite] 4 or 5
 * @returns {Promise<FrameKey>} its AES key cannot be read out again
 */
export async function deriveKey(kid, baseKey, suite = SUITE) {
  const { key, salt } = await deriveRaw(kid, baseKey, suite);
  const aead = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  key.fill(0);
  return { kid, aead, salt };
}

/** @param {FrameKey} key @param {bigint} ctr @returns {Bytes} §4.4.3 */
function nonce({ salt }, ctr) {
  const out = salt.slice();
  const view = new DataView(out.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ ctr);
  return out;
}

/**
 * seal encrypts one frame (§4.4.3). A counter must never be used twice with a key.
 * @param {FrameKey} key @param {bigint} ctr @param {Bytes} metadata authenticated, not sent @param {Bytes} plain
 * @returns {Promise<Bytes>} header and ciphertext
 */
export async function seal(key, ctr, metadata, plain) {
  const header = encodeHeader(key.kid, ctr);
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv: nonce(key, ctr), additionalData: concat(header, metadata), tagLength: TAG * 8 },
    key.aead,
    plain,
  );
  return concat(header, new Uint8Array(sealed));
}

/**
 * open decrypts one frame (§4.4.4).
 * @param {FrameKey} key @param {Header} header as parsed from data @param {Bytes} metadata @param {Bytes} data header and ciphertext
 * @returns {Promise<Bytes>} rejects when anything was changed
 */
export async function open(key, header, metadata, data) {
  const plain = await crypto.subtle.decrypt(
    {
      name: 'AES-GCM',
      iv: nonce(key, header.ctr),
      additionalData: concat(data.subarray(0, header.length), metadata),
      tagLength: TAG * 8,
    },
    key.aead,
    data.subarray(header.length),
  );
  return new Uint8Array(plain);
}
