// Who somebody is in this meeting: their device's key, the key of this seat, and proof that they have both and the link
// (docs/e2ee.md, section 4).
/** @import {Bytes} from './bytes.js' */
/** @import {LinkKeys} from './link.js' */
import { concat, equal } from './bytes.js';
import { Reader, fields, hash, label, u8 } from './encoding.js';

export const ED25519 = { name: 'Ed25519' };
export const X25519 = { name: 'X25519' };
const SUITE = 1;
const BOT = 1;
const LENGTH = 146;
const MAC = 16;

/** @typedef {{ik: CryptoKeyPair, ikPublic: Bytes}} Identity */
/** @typedef {{bytes: Bytes, hash: Bytes, bot: boolean, ik: Bytes, ek: Bytes}} Announcement hash is the identity of the seat */

/** @param {CryptoKey} key @returns {Promise<Bytes>} */
export const rawKey = async (key) => new Uint8Array(await crypto.subtle.exportKey('raw', key));

/** @returns {Promise<CryptoKeyPair>} X25519; the private half cannot be read out */
export const newSeatKey = async () => /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(X25519, false, ['deriveBits']));

/** @param {Bytes} bytes @returns {Promise<Bytes>} A */
const announceHash = (bytes) => hash(label('announce hash'), bytes);

/** @param {string} meeting @param {number} flags @param {Bytes} ik @param {Bytes} ek */
const signed = (meeting, flags, ik, ek) => fields(label('announce'), meeting, u8(SUITE), u8(flags), ik, ek);

/**
 * @param {Identity} identity @param {Bytes} ek public @param {LinkKeys} link @param {string} meeting @param {{bot?: boolean}} [o]
 * @returns {Promise<Announcement>}
 */
export async function announce(identity, ek, link, meeting, { bot = false } = {}) {
  const flags = bot ? BOT : 0;
  const ik = identity.ikPublic;
  const sig = new Uint8Array(await crypto.subtle.sign(ED25519, identity.ik.privateKey, signed(meeting, flags, ik, ek)));
  const body = concat(u8(SUITE), u8(flags), ik, ek, sig);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', link.mac, body)).subarray(0, MAC);
  const bytes = concat(body, mac);
  return { bytes, hash: await announceHash(bytes), bot, ik, ek };
}

/**
 * readAnnounce checks an announcement; nothing of it is used before.
 * @param {Bytes} bytes @param {LinkKeys} link @param {string} meeting @returns {Promise<Announcement|null>} null when it is not genuine
 */
export async function readAnnounce(bytes, link, meeting) {
  if (bytes.length !== LENGTH) return null;
  const r = new Reader(bytes);
  const [suite, flags, ik, ek, sig, mac] = [r.u8(), r.u8(), r.take(32).slice(), r.take(32).slice(), r.take(64), r.rest()];
  if (suite !== SUITE || flags & ~BOT) return null;
  const want = new Uint8Array(await crypto.subtle.sign('HMAC', link.mac, bytes.subarray(0, LENGTH - MAC)));
  if (!equal(want.subarray(0, MAC), mac)) return null;
  if (!await verify(ik, sig, signed(meeting, flags, ik, ek))) return null;
  return { bytes, hash: await announceHash(bytes), bot: (flags & BOT) !== 0, ik, ek };
}

/** @param {Bytes} ik @param {Bytes} sig @param {Bytes} data @returns {Promise<boolean>} false for what is no key, too */
export async function verify(ik, sig, data) {
  try {
    const key = await crypto.subtle.importKey('raw', ik, ED25519, false, ['verify']);
    return await crypto.subtle.verify(ED25519, key, sig, data);
  } catch {
    return false;
  }
}
