// Sender chains: one secret a sender, stepped forward when somebody comes, replaced when somebody goes (docs/e2ee.md, section 7).
/** @import {Bytes} from './bytes.js' */
/** @import {FrameKey} from './sframe.js' */
import { NONE, fields, hkdf, label, u8 } from './encoding.js';
import { deriveKey } from './sframe.js';

/** Track numbers: the lowest three bits of a KID. */
export const TRACKS = Object.freeze({ mic: 0, camera: 1, screen_audio: 2, screen: 3, data: 7 });

export const LAST_STEP = 31;
export const LAST_GENERATION = 0xffffff;

/** @typedef {{gen: number, step: number, chain: Bytes}} Chain */

/** @param {number} gen @param {number} step @param {number} track @returns {bigint} */
const kidOf = (gen, step, track) => BigInt(gen) << 8n | BigInt(step << 3 | track);

/** @param {bigint} kid @returns {{gen: number, step: number, track: number}|null} null when it is none of ours */
export function readKid(kid) {
  if (kid >> 32n) return null;
  const n = Number(kid);
  return { gen: n >>> 8, step: n >> 3 & LAST_STEP, track: n & 7 };
}

/** @param {Chain} from @param {number} step not before its own @returns {Promise<Chain>} */
export async function ratchet(from, step) {
  let { chain } = from;
  for (let s = from.step; s < step; s++) chain = await hkdf(chain, NONE, fields(label('ratchet')), 32);
  return { gen: from.gen, step, chain };
}

/** @param {Chain} c @param {number} track @param {Bytes} sender announce hash @returns {Promise<Bytes>} */
export const baseKey = (c, track, sender) => hkdf(c.chain, NONE, fields(label('track'), u8(track), sender), 32);

/** @param {Chain} c @param {number} track @param {Bytes} sender announce hash @returns {Promise<FrameKey>} */
export const frameKey = async (c, track, sender) => deriveKey(kidOf(c.gen, c.step, track), await baseKey(c, track, sender));
