// What is in the fragment of a meeting's link, which no server sees (docs/e2ee.md, section 3).
/** @import {Bytes} from './bytes.js' */
import { base64url, random, unbase64url } from './bytes.js';
import { NONE, fields, hash, hkdf, label, u8 } from './encoding.js';

/**
 * @typedef {object} Link
 * @property {Bytes} k the secret; 32 zero bytes for a link without fragment
 * @property {Bytes} c the creator's fingerprint, 16 bytes, or empty
 * @property {boolean} lobby only admitted people get keys
 */

/** @param {string} fragment with or without # @returns {boolean} whether it claims to hold a key */
export const hasKey = (fragment) => new URLSearchParams(fragment.replace(/^#/, '')).has('k');

/** @param {string} fragment with or without # @returns {Link|null} null when it is incomplete; the open link when there is none */
export function parse(fragment) {
  const bare = fragment.replace(/^#/, '');
  if (bare === '') return { k: new Uint8Array(32), c: NONE, lobby: false };
  const given = new URLSearchParams(bare);
  const one = (/** @type {string} */ name) => (given.getAll(name).length === 1 ? given.get(name) ?? '' : '');
  try {
    const [k, c, l] = [unbase64url(one('k')), unbase64url(one('c')), one('l')];
    return k.length === 32 && c.length === 16 && /^[01]$/.test(l) ? { k, c, lobby: l === '1' } : null;
  } catch {
    return null;
  }
}

/** @param {Link} link @returns {string} the fragment, with # */
export const format = ({ k, c, lobby }) => `#k=${base64url(k)}&c=${base64url(c)}&l=${lobby ? 1 : 0}`;

/** @param {Bytes} ik @returns {Promise<Bytes>} of who made a meeting */
export const fingerprint = async (ik) => (await hash(label('creator'), ik)).subarray(0, 16);

/** @param {Bytes} ik the creator's @param {boolean} lobby @returns {Promise<Link>} */
export const make = async (ik, lobby) => ({ k: random(32), c: (await fingerprint(ik)).slice(), lobby });

/** @typedef {{root: Bytes, mac: CryptoKey}} LinkKeys */

/** @param {Link} link @param {string} meeting canonical id @returns {Promise<LinkKeys>} what everything else is derived from */
export async function keys({ k, c, lobby }, meeting) {
  const root = await hkdf(k, NONE, fields(label('link'), meeting, c, u8(lobby ? 1 : 0)), 32);
  const mac = await hkdf(root, NONE, fields(label('announce mac')), 32);
  return { root, mac: await crypto.subtle.importKey('raw', mac, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']) };
}
