// What is in the fragment of a meeting's link, which no server sees, and what is derived from it (docs/e2ee.md,
// section 3).
/** @import {Bytes} from './bytes.js' */
import { base64url, random, unbase64url, utf8 } from './bytes.js';
import { NONE, fields, hash, hkdf, label, u32, u8 } from './encoding.js';

const ROUNDS = 600_000;

/**
 * @typedef {object} Link
 * @property {Bytes} k the secret, 32 bytes
 * @property {Bytes} c the creator's fingerprint, 16 bytes
 * @property {boolean} lobby as the meeting was founded
 */

/** @param {string} fragment with or without # @returns {boolean} whether it claims to hold a key */
export const hasKey = (fragment) => new URLSearchParams(fragment.replace(/^#/, '')).has('k');

/** @param {string} fragment with or without # @returns {Link|null} null when it is incomplete: such a link is not joined */
export function parse(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ''));
  const one = (/** @type {string} */ name) => (given.getAll(name).length === 1 ? (given.get(name) ?? '') : '');
  try {
    const [k, c, l] = [unbase64url(one('k')), unbase64url(one('c')), one('l')];
    return k.length === 32 && c.length === 16 && /^[01]$/.test(l) ? { k, c, lobby: l === '1' } : null;
  } catch {
    return null;
  }
}

/** @param {Link} link @returns {string} the fragment, with # */
export const format = ({ k, c, lobby }) => `#k=${base64url(k)}&c=${base64url(c)}&l=${lobby ? 1 : 0}`;

/** @param {Bytes} key public, of who made a meeting @returns {Promise<Bytes>} */
export const fingerprint = async (key) => (await hash(label('creator'), key)).slice(0, 16);

/** @param {Bytes} key the creator's @param {boolean} lobby @returns {Promise<Link>} */
export const make = async (key, lobby) => ({ k: random(32), c: await fingerprint(key), lobby });

/**
 * @typedef {object} LinkSecrets
 * @property {string} meeting
 * @property {Bytes} root
 * @property {Bytes} p what a password adds; empty without one
 * @property {Bytes} join the key of proofs in key packages
 * @property {Bytes} name the key of sealed names
 * @property {Bytes} hpke the PSK of all that is sealed outside MLS
 */

/**
 * secrets derives all that the link gives.
 * @param {Link} link @param {string} meeting canonical id @param {Bytes} [p] of passwordSecrets
 * @returns {Promise<LinkSecrets>}
 */
export async function secrets({ k, c, lobby }, meeting, p = NONE) {
  const root = await hkdf(k, NONE, fields(label('link'), meeting, c, u8(lobby ? 1 : 0)), 32);
  const derive = (/** @type {string} */ what) => hkdf(root, NONE, fields(label(what)), 32);
  return { meeting, root, p, join: await derive('join'), name: await derive('name'), hpke: await derive('hpke') };
}

/**
 * passwordSecrets stretches a password. Who knows one half learns neither the other nor the link's secret.
 * @param {Link} link @param {string} meeting @param {string} password
 * @returns {Promise<{p: Bytes, verifier: Bytes}>} verifier: what the server is given to compare with
 */
export async function passwordSecrets(link, meeting, password) {
  const { root } = await secrets(link, meeting);
  const salt = await hkdf(root, NONE, fields(label('password salt')), 16);
  const key = await crypto.subtle.importKey('raw', utf8(password), 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ROUNDS };
  const bytes = new Uint8Array(await crypto.subtle.deriveBits(how, key, 512));
  return { p: bytes.slice(0, 32), verifier: bytes.slice(32) };
}

/** @param {number} version @returns {Bytes} the external PSK's id */
export const pskId = (version) => fields(label('psk'), u32(version));

/** @param {LinkSecrets} s @param {number} version @returns {Promise<Bytes>} */
export const psk = ({ root, p }, version) => hkdf(root, p, pskId(version), 32);
