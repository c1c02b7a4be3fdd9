// How values become bytes (docs/e2ee.md, section 2): fields with their lengths, big-endian numbers, hashes, derived keys.
/** @import {Bytes} from './bytes.js' */
import { concat, text, utf8 } from './bytes.js';

/** @param {number} n @returns {Bytes} */
export const u8 = (n) => Uint8Array.of(n);

/** @param {number} n @returns {Bytes} */
export function u32(n) {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, n);
  return out;
}

/** @param {bigint} n @returns {Bytes} */
export function u64(n) {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, n);
  return out;
}

/** @param {string} x @returns {string} the first field of everything that is hashed, signed or derived */
export const label = (x) => `conclave e2ee/2 ${x}`;

/** @param {...(Uint8Array|string)} parts text is UTF-8 @returns {Bytes} each with its length before it */
export function fields(...parts) {
  return concat(
    ...parts.flatMap((part) => {
      const bytes = typeof part === 'string' ? utf8(part) : part;
      if (bytes.length > 0xffff) throw new RangeError('a field has at most 65,535 bytes');
      return [Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes];
    }),
  );
}

/** @param {...(Uint8Array|string)} parts @returns {Promise<Bytes>} SHA-256 of the fields */
export const hash = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', fields(...parts)));

/** @param {Bytes} ikm @param {Bytes} salt @param {Bytes} info @param {number} n @returns {Promise<Bytes>} RFC 5869 with SHA-256 */
export async function hkdf(ikm, salt, info, n) {
  const key = await crypto.subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, n * 8));
}

/** No salt, or no bytes. */
export const NONE = new Uint8Array(0);

/** Reads a message from its beginning to its end; throws when it is too short, and, by end(), when something is left. */
export class Reader {
  #data;
  #at = 0;

  /** @param {Bytes} data */
  constructor(data) {
    this.#data = data;
  }

  /** @param {number} n @returns {Bytes} */
  take(n) {
    if (this.#at + n > this.#data.length) throw new RangeError('too short');
    this.#at += n;
    return this.#data.subarray(this.#at - n, this.#at);
  }

  /** @returns {number} */
  u8() {
    return this.take(1)[0];
  }

  /** @returns {number} */
  u32() {
    return this.take(4).reduce((n, b) => n * 256 + b, 0);
  }

  /** @returns {bigint} */
  u64() {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** @returns {Bytes} */
  rest() {
    return this.take(this.#data.length - this.#at);
  }

  end() {
    if (this.#at !== this.#data.length) throw new RangeError('too long');
  }
}

const CONTROL = /\p{Cc}/u;
/** Characters that could make one name look like another, or change the text around it. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\u115f\u1160\u2800\u3164\uffa0\ufffc]|\u034f|\u17b4|\u17b5/u;

/** @param {Uint8Array} bytes @returns {string} the name of a participant; throws when it may not be shown as one */
export function readName(bytes) {
  const name = text(bytes);
  if (bytes.length > 255 || [...name].length > 64 || name.trim() === '' || INVISIBLE.test(name)) {
    throw new TypeError('not a name');
  }
  return name;
}

/** @param {Uint8Array} bytes @returns {string} what somebody wrote; throws when it may not be shown */
export function readChat(bytes) {
  const said = text(bytes);
  const n = [...said].length;
  if (bytes.length > 8000 || n < 1 || n > 2000 || CONTROL.test(said.replace(/[\n\t]/g, ''))) {
    throw new TypeError('not a message');
  }
  return said;
}

/** @param {Uint8Array} bytes @returns {string} what a page says to other pages; throws when it is none */
export function readApp(bytes) {
  const said = text(bytes);
  if (bytes.length > 8000 || said === '' || CONTROL.test(said.replace(/[\n\t]/g, ''))) {
    throw new TypeError('not a message');
  }
  return said;
}

/** @param {Uint8Array} bytes @returns {string} the protocol's id of a reaction; throws when it is none */
export function readReaction(bytes) {
  const reaction = text(bytes);
  if (!/^[a-z_]{1,32}$/.test(reaction)) throw new TypeError('not a reaction');
  return reaction;
}
