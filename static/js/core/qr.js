// QR codes (ISO/IEC 18004): byte mode, error correction level M, versions 1 to 10, which holds any meeting link. Made
// here so that no link reaches another service.

const ECC_PER_BLOCK = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5];

/** @param {number} version @returns {number} modules that carry data or error correction */
function rawModules(version) {
  let n = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const align = Math.floor(version / 7) + 2;
    n -= (25 * align - 10) * align - 55;
    if (version >= 7) n -= 36;
  }
  return n;
}

/** @param {number} version @returns {number} */
const dataCodewords = (version) =>
  Math.floor(rawModules(version) / 8) - ECC_PER_BLOCK[version - 1] * BLOCKS[version - 1];

/** @param {number} a @param {number} b @returns {number} product in GF(2^8), polynomial 0x11d */
function multiply(a, b) {
  let z = 0;
  for (let i = 7; i >= 0; i--) z = (z << 1) ^ ((z >>> 7) * 0x11d) ^ (((b >>> i) & 1) * a);
  return z;
}

/** @param {number[]} data @param {number} degree @returns {number[]} Reed-Solomon remainder */
function reedSolomon(data, degree) {
  const divisor = new Array(degree).fill(0);
  divisor[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) divisor[j] = multiply(divisor[j], root) ^ (divisor[j + 1] ?? 0);
    root = multiply(root, 2);
  }
  const result = new Array(degree).fill(0);
  for (const byte of data) {
    const factor = byte ^ result.shift();
    result.push(0);
    divisor.forEach((d, i) => {
      result[i] ^= multiply(d, factor);
    });
  }
  return result;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} version
 * @returns {number[]} data codewords with mode, length and padding
 */
function encode(bytes, version) {
  /** @type {number[]} */
  const bits = [];
  const put = (/** @type {number} */ value, /** @type {number} */ length) => {
    for (let i = length - 1; i >= 0; i--) bits.push((value >>> i) & 1);
  };
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const b of bytes) put(b, 8);
  const capacity = dataCodewords(version) * 8;
  put(0, Math.min(4, capacity - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(i * 8, i * 8 + 8).reduce((n, b) => (n << 1) | b, 0),
  );
}

/**
 * @param {number[]} data
 * @param {number} version
 * @returns {number[]} blocks with their error correction, interleaved
 */
function interleave(data, version) {
  const blocks = BLOCKS[version - 1];
  const ecc = ECC_PER_BLOCK[version - 1];
  const raw = Math.floor(rawModules(version) / 8);
  const short = blocks - (raw % blocks);
  const length = Math.floor(raw / blocks) - ecc;
  let at = 0;
  const parts = Array.from({ length: blocks }, (_, i) => {
    const part = data.slice(at, at + length + (i < short ? 0 : 1));
    at += part.length;
    return { part, check: reedSolomon(part, ecc) };
  });
  const out = [];
  for (let i = 0; i <= length; i++) for (const { part } of parts) if (i < part.length) out.push(part[i]);
  for (let i = 0; i < ecc; i++) for (const { check } of parts) out.push(check[i]);
  return out;
}

/** A square of modules, and which of them belong to the patterns. */
class Matrix {
  /** @param {number} version */
  constructor(version) {
    this.version = version;
    this.size = version * 4 + 17;
    this.modules = new Uint8Array(this.size * this.size);
    this.fixed = new Uint8Array(this.size * this.size);
  }

  /** @param {number} x @param {number} y @returns {boolean} */
  get(x, y) {
    return this.modules[y * this.size + x] === 1;
  }

  /** @param {number} x @param {number} y @param {boolean} dark sets a module of a pattern */
  pattern(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.modules[y * this.size + x] = dark ? 1 : 0;
    this.fixed[y * this.size + x] = 1;
  }

  patterns() {
    const { size, version } = this;
    for (let i = 0; i < size; i++) {
      this.pattern(6, i, i % 2 === 0);
      this.pattern(i, 6, i % 2 === 0);
    }
    for (const [cx, cy] of [
      [3, 3],
      [size - 4, 3],
      [3, size - 4],
    ]) {
      for (let dy = -4; dy <= 4; dy++) {
        for (let dx = -4; dx <= 4; dx++) {
          const ring = Math.max(Math.abs(dx), Math.abs(dy));
          this.pattern(cx + dx, cy + dy, ring !== 2 && ring !== 4);
        }
      }
    }
    const at = alignment(version, size);
    const last = at.length - 1;
    at.forEach((x, i) =>
      at.forEach((y, j) => {
        if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
        for (let dy = -2; dy <= 2; dy++) {
          for (let dx = -2; dx <= 2; dx++) this.pattern(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
        }
      }),
    );
    this.format(0);
    if (version >= 7) this.versionBits();
  }

  versionBits() {
    let rem = this.version;
    for (let i = 0; i < 12; i++) rem = (rem << 1) ^ ((rem >>> 11) * 0x1f25);
    const bits = (this.version << 12) | rem;
    for (let i = 0; i < 18; i++) {
      const dark = ((bits >>> i) & 1) === 1;
      const a = this.size - 11 + (i % 3);
      const b = Math.floor(i / 3);
      this.pattern(a, b, dark);
      this.pattern(b, a, dark);
    }
  }

  /** @param {number} mask writes the format information for level M */
  format(mask) {
    let rem = mask;
    for (let i = 0; i < 10; i++) rem = (rem << 1) ^ ((rem >>> 9) * 0x537);
    const bits = ((mask << 10) | rem) ^ 0x5412;
    const bit = (/** @type {number} */ i) => ((bits >>> i) & 1) === 1;
    const { size } = this;
    for (let i = 0; i <= 5; i++) this.pattern(8, i, bit(i));
    this.pattern(8, 7, bit(6));
    this.pattern(8, 8, bit(7));
    this.pattern(7, 8, bit(8));
    for (let i = 9; i < 15; i++) this.pattern(14 - i, 8, bit(i));
    for (let i = 0; i < 8; i++) this.pattern(size - 1 - i, 8, bit(i));
    for (let i = 8; i < 15; i++) this.pattern(8, size - 15 + i, bit(i));
    this.pattern(8, size - 8, true);
  }

  /** @param {number[]} codewords fills the zigzag */
  data(codewords) {
    let i = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (let v = 0; v < this.size; v++) {
        for (let j = 0; j < 2; j++) {
          const x = right - j;
          const y = ((right + 1) & 2) === 0 ? this.size - 1 - v : v;
          if (this.fixed[y * this.size + x] || i >= codewords.length * 8) continue;
          this.modules[y * this.size + x] = (codewords[i >>> 3] >>> (7 - (i & 7))) & 1;
          i++;
        }
      }
    }
  }

  /** @param {number} mask */
  mask(mask) {
    for (let y = 0; y < this.size; y++) {
      for (let x = 0; x < this.size; x++) {
        if (!this.fixed[y * this.size + x] && MASKS[mask](x, y)) this.modules[y * this.size + x] ^= 1;
      }
    }
  }

  /** @returns {number} how hard it is to read: long runs, blocks, too much of one colour */
  penalty() {
    const { size } = this;
    let total = 0;
    let dark = 0;
    for (let a = 0; a < size; a++) {
      for (const line of [(/** @type {number} */ b) => this.get(b, a), (/** @type {number} */ b) => this.get(a, b)]) {
        let run = 1;
        for (let b = 1; b <= size; b++) {
          if (b < size && line(b) === line(b - 1)) run++;
          else {
            if (run >= 5) total += run - 2;
            run = 1;
          }
        }
      }
      for (let b = 0; b < size; b++) {
        if (this.get(a, b)) dark++;
        if (
          a + 1 < size &&
          b + 1 < size &&
          this.get(a, b) === this.get(a + 1, b) &&
          this.get(a, b) === this.get(a, b + 1) &&
          this.get(a, b) === this.get(a + 1, b + 1)
        ) {
          total += 3;
        }
      }
    }
    return total + Math.floor(Math.abs((dark * 20) / (size * size) - 10)) * 10;
  }
}

/** @type {((x: number, y: number) => boolean)[]} */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** @param {number} version @param {number} size @returns {number[]} */
function alignment(version, size) {
  if (version === 1) return [];
  const n = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + n * 3 + 5) / (n * 4 - 4)) * 2;
  const out = [6];
  for (let at = size - 7; out.length < n; at -= step) out.splice(1, 0, at);
  return out;
}

/**
 * qr makes the code of a text.
 * @param {string} text @returns {{size: number, dark: (x: number, y: number) => boolean}|null} null when it is too long
 */
export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  while (version <= 10 && bytes.length + (version < 10 ? 2 : 3) > dataCodewords(version)) version++;
  if (version > 10) return null;
  const codewords = interleave(encode(bytes, version), version);
  /** @type {Matrix|null} */
  let best = null;
  let least = Infinity;
  for (let mask = 0; mask < 8; mask++) {
    const m = new Matrix(version);
    m.patterns();
    m.data(codewords);
    m.mask(mask);
    m.format(mask);
    const penalty = m.penalty();
    if (penalty < least) [best, least] = [m, penalty];
  }
  const chosen = /** @type {Matrix} */ (best);
  return { size: chosen.size, dark: (x, y) => chosen.get(x, y) };
}
