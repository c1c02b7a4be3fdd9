// What all who see the same people have in common: the meeting code, and the roster hash (docs/e2ee.md, sections 10 and 11).
/** @import {Bytes} from './bytes.js' */
import { compare, concat } from './bytes.js';
import { fields, hash, hkdf, label } from './encoding.js';

/** @param {readonly Bytes[]} hashes announce hashes of all admitted members, oneself included @returns {Bytes[]} */
const sorted = (hashes) => [...hashes].sort(compare);

/** @param {readonly Bytes[]} hashes @param {Bytes} root @returns {Promise<Bytes>} R */
export const rosterHash = async (hashes, root) => (await hash(label('roster'), root, ...sorted(hashes))).slice(0, 16);

/** @param {readonly Bytes[]} hashes @param {Bytes} root @returns {Promise<string>} thirty digits in six groups of five */
export async function meetingCode(hashes, root) {
  const c = await hkdf(concat(...sorted(hashes)), root, fields(label('code')), 30);
  const groups = [0, 1, 2, 3, 4, 5].map((i) => c.subarray(5 * i, 5 * i + 5).reduce((n, b) => n * 256 + b, 0) % 100_000);
  return groups.map((n) => String(n).padStart(5, '0')).join(' ');
}
