// The numbers that people compare (docs/e2ee.md, section 15). Each costs as much as a password check, so that a number
// can't be searched for.
/** @import {Bytes} from './bytes.js' */
import { compare, concat } from './bytes.js';
import { fields, label, u64 } from './encoding.js';

const ROUNDS = 600_000;

/** @param {Bytes} secret @param {Bytes} salt @param {number} groups of five digits @returns {Promise<string>} */
async function digits(secret, salt, groups) {
  const key = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ROUNDS };
  const bytes = new Uint8Array(await crypto.subtle.deriveBits(how, key, groups * 40));
  const out = [];
  for (let i = 0; i < bytes.length; i += 5) {
    const n = bytes.subarray(i, i + 5).reduce((sum, b) => sum * 256 + b, 0);
    out.push(String(n % 100_000).padStart(5, '0'));
  }
  return out.join(' ');
}

/**
 * @param {Bytes} authenticator of an epoch @param {Bytes} groupId @param {bigint} epoch
 * @returns {Promise<string>} the safety number of a meeting: 30 digits in groups of five
 */
export const safetyNumber = (authenticator, groupId, epoch) =>
  digits(authenticator, fields(label('code'), groupId, u64(epoch)), 6);

/** @param {Bytes} a an identity key @param {Bytes} b @returns {Promise<string>} the lasting number of two people: 45 digits */
export const pairNumber = (a, b) => digits(concat(...[a, b].sort(compare)), fields(label('pair code')), 9);
