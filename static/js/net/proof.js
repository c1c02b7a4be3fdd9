// Proof of work: docs/protocol.md, "Proof of work". It runs in small batches, so that the page stays live meanwhile.

/** @typedef {{puzzle: string, parts: number, bits: number}} Puzzle */

const BATCH = 128; // digests at once: one to three milliseconds
const TURN_MS = 12; // work between two chances for the page to draw and to answer
const MAX_PARTS = 16; // what goes beyond these is not a small puzzle, and no server of ours asks for it
const MAX_BITS = 18;

const encoder = new TextEncoder();

/**
 * solve does the work of a puzzle: some seconds at most on a phone.
 * @param {Puzzle} puzzle
 * @param {() => Promise<void>} [breathe] lets the page go on
 * @returns {Promise<string>} the proof
 */
export async function solve({ puzzle, parts, bits }, breathe = pause) {
  if (!(parts >= 1 && parts <= MAX_PARTS && bits >= 0 && bits <= MAX_BITS)) throw new RangeError('not a small puzzle');
  let proof = puzzle;
  for (let part = 0; part < parts; part++) proof += `.${await search(`${puzzle}.${part}.`, bits, breathe)}`;
  return proof;
}

/** @param {string} prefix @param {number} bits @param {() => Promise<void>} breathe @returns {Promise<number>} */
async function search(prefix, bits, breathe) {
  let turn = performance.now();
  for (let first = 0; ; first += BATCH) {
    const sums = await Promise.all(Array.from({ length: BATCH }, (_, i) => hash(prefix + (first + i))));
    const found = sums.findIndex((sum) => Math.clz32(new DataView(sum).getUint32(0)) >= bits);
    if (found >= 0) return first + found;
    if (performance.now() - turn < TURN_MS) continue;
    await breathe();
    turn = performance.now();
  }
}

/** @param {string} text @returns {Promise<ArrayBuffer>} */
const hash = (text) => crypto.subtle.digest('SHA-256', encoder.encode(text));

/** @returns {Promise<void>} */
const pause = () => new Promise((done) => setTimeout(done));
