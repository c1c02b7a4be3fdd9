// Media frames: which bytes stay readable for the server, and how a sealed frame is laid out for each codec
// (docs/e2ee.md, section 13). The readable bytes are authenticated with the rest.
/** @import {Bytes} from './bytes.js' */
/** @import {FrameKey, Header} from './sframe.js' */
import { concat } from './bytes.js';
import * as sframe from './sframe.js';

/** @typedef {'opus'|'vp8'|'vp9'|'av1'} Codec */

/** @param {string|undefined} mimeType @returns {Codec|null} null for one that cannot be sealed */
export function codecOf(mimeType) {
  const name = (mimeType ?? '').toLowerCase().replace(/^(audio|video)\//, '');
  return name === 'opus' || name === 'vp8' || name === 'vp9' || name === 'av1' ? name : null;
}

/**
 * clearBytes says how much of a frame stays readable: of VP8 what its key frames are recognised by (RFC 6386 §9.1).
 * @param {Codec} codec @param {Uint8Array} data the frame, sealed or not @returns {number}
 */
export function clearBytes(codec, data) {
  if (codec !== 'vp8' || data.length === 0) return 0;
  return data[0] & 1 ? 1 : 10;
}

/** OBU headers of the one synthetic OBU an AV1 frame travels in: a sequence header tells a packetiser "key frame". */
const OBU_KEY = 0x0a;
const OBU_DELTA = 0x32;

/** @param {number} n @returns {number[]} AV1 §4.10.5 */
function leb128(n) {
  const out = [];
  do {
    out.push((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
    n >>>= 7;
  } while (n > 0);
  return out;
}

/** Of a type-1 or type-6 OBU without extension: the header without its size bit. */
const isCarrier = (/** @type {number} */ h) => (h & ~2) === (OBU_KEY & ~2) || (h & ~2) === (OBU_DELTA & ~2);

/** @param {Bytes} data @returns {number} the header of the one OBU, after a temporal delimiter if there is one */
const carrierOf = (data) => data[data[0] === 0x12 && data[1] === 0 ? 2 : 0];

/**
 * unwrapOBU takes a frame out of its one OBU. Browsers differ in what they hand over: with or without a temporal delimiter before it,
 * with or without the size.
 * @param {Bytes} data @returns {Bytes|null} null when there is anything else
 */
function unwrapOBU(data) {
  const at = data[0] === 0x12 && data[1] === 0 ? 2 : 0;
  if (data.length <= at || !isCarrier(data[at])) return null;
  if (!(data[at] & 2)) return data.subarray(at + 1);
  let size = 0;
  for (let i = 0; i < 4 && at + 1 + i < data.length; i++) {
    const b = data[at + 1 + i];
    size |= (b & 0x7f) << (7 * i);
    if (!(b & 0x80)) return data.length === at + 2 + i + size ? data.subarray(at + 2 + i) : null;
  }
  return null;
}

/**
 * metadata is what is authenticated with a frame: its clear bytes, and, where these don't tell it, whether it is a key frame.
 * @param {Codec} codec @param {Bytes} clear @param {boolean} isKey @returns {Bytes}
 */
const metadata = (codec, clear, isKey) => (codec === 'vp9' || codec === 'av1' ? Uint8Array.of(isKey ? 1 : 0) : clear);

/**
 * sealFrame makes of an encoded frame what may leave the device.
 * @param {FrameKey} key @param {bigint} ctr @param {Codec} codec @param {boolean} isKey @param {Bytes} data not shorter than its clear bytes
 * @returns {Promise<Bytes>}
 */
export async function sealFrame(key, ctr, codec, isKey, data) {
  const n = clearBytes(codec, data);
  const clear = data.subarray(0, n);
  const sealed = await sframe.seal(key, ctr, metadata(codec, clear, isKey), data.subarray(n));
  if (codec === 'av1') return concat(Uint8Array.of(isKey ? OBU_KEY : OBU_DELTA, ...leb128(sealed.length)), sealed);
  return n ? concat(clear, sealed) : sealed;
}

/** @typedef {{header: Header, clear: Bytes, body: Bytes, metadata: Bytes}} Parsed */

/**
 * @param {Codec} codec @param {Bytes} data a frame as it came @param {boolean} isKey as the browser says it; AV1's OBU tells
 *   @returns {Parsed|null} null when it cannot be a sealed frame
 */
export function parseFrame(codec, data, isKey) {
  const n = clearBytes(codec, data);
  const body = codec === 'av1' ? unwrapOBU(data) : data.subarray(n);
  const header = body && sframe.parseHeader(body);
  if (!body || !header || body.length < header.length + sframe.TAG) return null;
  const clear = data.subarray(0, n);
  const key = codec === 'av1' ? (carrierOf(data) & ~2) === (OBU_KEY & ~2) : isKey;
  return { header, clear, body, metadata: metadata(codec, clear, key) };
}

/** @param {FrameKey} key @param {Parsed} parsed @returns {Promise<Bytes>} the encoded frame; rejects when anything was changed */
export async function openFrame(key, { header, clear, body, metadata: aad }) {
  const plain = await sframe.open(key, header, aad, body);
  return clear.length ? concat(clear, plain) : plain;
}
