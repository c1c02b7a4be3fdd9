// The presentation language of RFC 9420 §2.1: big-endian numbers, and vectors with a length of 1, 2 or 4 bytes before.
/** @import {Bytes} from '../bytes.js' */
import { fail, must } from './errors.js';

/** Writer collects a structure's bytes. */
export class Writer {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  /** @param {number} n makes room for n more bytes @returns {number} where they go */
  #room(n) {
    const at = this.#at;
    this.#at += n;
    if (this.#at > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer.fill(0);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  /** @param {number} n @returns {this} */
  u8(n) {
    const at = this.#room(1);
    this.#view.setUint8(at, n);
    return this;
  }

  /** @param {number} n @returns {this} */
  u16(n) {
    const at = this.#room(2);
    this.#view.setUint16(at, n);
    return this;
  }

  /** @param {number} n @returns {this} */
  u32(n) {
    const at = this.#room(4);
    this.#view.setUint32(at, n);
    return this;
  }

  /** @param {bigint} n @returns {this} */
  u64(n) {
    const at = this.#room(8);
    this.#view.setBigUint64(at, n);
    return this;
  }

  /** @param {Uint8Array} bytes @returns {this} */
  raw(bytes) {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** @param {Uint8Array} bytes with their length before them @returns {this} */
  vec(bytes) {
    return this.#length(bytes.length).raw(bytes);
  }

  /** @param {number} n @returns {this} in the fewest bytes (RFC 9420 §2.1.2) */
  #length(n) {
    if (n < 0x40) return this.u8(n);
    if (n < 0x4000) return this.u16(n | 0x4000);
    must(n < 0x40000000, 'usage', 'a vector is too long');
    return this.u32((n | 0x80000000) >>> 0);
  }

  /** @template T @param {Iterable<T>} items @param {(w: Writer, item: T) => void} each @returns {this} */
  list(items, each) {
    const inner = new Writer();
    for (const item of items) each(inner, item);
    return this.vec(inner.done());
  }

  /** @template T @param {T|null|undefined} value @param {(w: Writer, value: T) => void} present @returns {this} */
  optional(value, present) {
    if (value === null || value === undefined) return this.u8(0);
    this.u8(1);
    present(this, value);
    return this;
  }

  /** @returns {Bytes} a copy of what was written */
  done() {
    return this.#buffer.slice(0, this.#at);
  }
}

/** Reader takes a structure apart. Slices share the memory of the message. */
export class Reader {
  #data;
  #view;
  #at = 0;

  /** @param {Bytes} data */
  constructor(data) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** @param {number} n @returns {number} where the next n bytes begin */
  #next(n) {
    must(this.left >= n, 'decode', 'too short');
    this.#at += n;
    return this.#at - n;
  }

  /** @returns {number} how many bytes are not read yet */
  get left() {
    return this.#data.length - this.#at;
  }

  /** @returns {number} */
  u8() {
    return this.#view.getUint8(this.#next(1));
  }

  /** @returns {number} */
  u16() {
    return this.#view.getUint16(this.#next(2));
  }

  /** @returns {number} */
  u32() {
    return this.#view.getUint32(this.#next(4));
  }

  /** @returns {bigint} */
  u64() {
    return this.#view.getBigUint64(this.#next(8));
  }

  /** @param {number} n @returns {Bytes} */
  raw(n) {
    const at = this.#next(n);
    return this.#data.subarray(at, at + n);
  }

  /** @returns {Bytes} */
  rest() {
    return this.raw(this.left);
  }

  /** @returns {number} a vector's length, which must have the shortest spelling */
  length() {
    const first = this.u8();
    const prefix = first >> 6;
    if (prefix === 0) return first;
    must(prefix < 3, 'decode', 'a length with the reserved prefix');
    const n = prefix === 1 ? ((first & 0x3f) << 8) | this.u8() : this.#length4(first & 0x3f);
    must(n >= (prefix === 1 ? 0x40 : 0x4000), 'decode', 'a length that is not minimal');
    return n;
  }

  /** @param {number} first @returns {number} */
  #length4(first) {
    return first * 0x1000000 + this.u8() * 0x10000 + this.u16();
  }

  /** @returns {Bytes} at most as long as the message around it, which is bounded */
  vec() {
    return this.raw(this.length());
  }

  /** @template T @param {number} most items @param {(r: Reader) => T} each @returns {T[]} */
  list(most, each) {
    const inner = new Reader(this.vec());
    const items = [];
    while (inner.left > 0) {
      must(items.length < most, 'decode', 'a longer list than its bound');
      items.push(each(inner));
    }
    return items;
  }

  /** @template T @param {(r: Reader) => T} present @returns {T|null} */
  optional(present) {
    const there = this.u8();
    must(there <= 1, 'decode', 'an optional value that is neither absent nor present');
    return there ? present(this) : null;
  }

  /** @template T @param {(r: Reader) => T} read @returns {{value: T, bytes: Bytes}} with the bytes it was read from */
  with(read) {
    const at = this.#at;
    const value = read(this);
    return { value, bytes: this.#data.subarray(at, this.#at) };
  }

  end() {
    must(this.left === 0, 'decode', 'bytes are left over');
  }
}

/** @param {(w: Writer) => void} write @returns {Bytes} */
export function encode(write) {
  const w = new Writer();
  write(w);
  return w.done();
}

/** @template T @param {Bytes} bytes @param {(r: Reader) => T} read @returns {T} throws unless all bytes are used */
export function decode(bytes, read) {
  const r = new Reader(bytes);
  const value = read(r);
  r.end();
  return value;
}

/** @param {number} value @param {number[]} known @param {string} what @returns {number} */
export function oneOf(value, known, what) {
  return known.includes(value) ? value : fail('decode', `unknown ${what} ${value}`);
}
