// Admission: a chain of signatures from the creator, whose fingerprint is in the link, to a seat (docs/e2ee.md, section 5).
/** @import {Bytes} from './bytes.js' */
/** @import {Identity, Announcement} from './announce.js' */
import { concat, equal } from './bytes.js';
import { Reader, fields, label, u64, u8 } from './encoding.js';
import { ED25519, verify } from './announce.js';
import { fingerprint } from './link.js';

const SUITE = 1;
const MAX_LINKS = 4;
const DAY = 24 * 3_600_000;

export const VIEWER = 0;
export const PARTICIPANT = 1;
export const COHOST = 2;
export const HOST = 3;

/** @typedef {{role: number, issued: number, bytes: Bytes}} Credential that was found valid */

/** @param {string} meeting @param {Bytes} issuer @param {number} role @param {bigint} issued @param {bigint} expires @param {Bytes} ik @param {Bytes} a */
const signed = (meeting, issuer, role, issued, expires, ik, a) => fields(label('credential'), meeting, issuer, u8(role), u64(issued), u64(expires), ik, a);

/**
 * check says what a credential is worth for a seat.
 * @param {Bytes} bytes @param {{ik: Bytes, hash: Bytes}} who @param {Bytes} creator fingerprint of the link @param {string} meeting
 * @param {number} now Unix ms @returns {Promise<Credential|null>} null when it is worth nothing
 */
export async function check(bytes, who, creator, meeting, now) {
  const r = new Reader(bytes);
  try {
    if (r.u8() !== SUITE) return null;
    let issuer = r.take(32);
    if (!equal(await fingerprint(issuer), creator)) return null;
    const n = r.u8();
    if (n < 1 || n > MAX_LINKS) return null;
    let power = HOST;
    for (let i = 1; ; i++) {
      const [role, issued, expires, ik, a, sig] = [r.u8(), r.u64(), r.u64(), r.take(32), r.take(32), r.take(64)];
      if (role > mayGive(power) || issued >= expires || expires > issued + BigInt(DAY) || BigInt(Math.floor(now)) >= expires) return null;
      if (!await verify(issuer, sig, signed(meeting, issuer, role, issued, expires, ik, a))) return null;
      if (i === n) {
        r.end();
        return equal(ik, who.ik) && equal(a, who.hash) ? { role, issued: Number(issued), bytes } : null;
      }
      [issuer, power] = [ik, role];
    }
  } catch {
    return null; // too short or too long
  }
}

/** @param {number} role @returns {number} the highest role that somebody of a role may give; below 0 for none */
export const mayGive = (role) => (role === HOST ? HOST : role === COHOST ? PARTICIPANT : -1);

/**
 * issue admits a seat, or gives it another role.
 * @param {Identity} issuer @param {Bytes|null} own the issuer's credential; null for the creator
 * @param {Announcement} to @param {number} role @param {string} meeting @param {number} now Unix ms
 * @returns {Promise<Bytes|null>} null when the chain is full
 */
export async function issue(issuer, own, to, role, meeting, now) {
  const before = own ?? concat(u8(SUITE), issuer.ikPublic, u8(0));
  if (before[33] >= MAX_LINKS) return null;
  const [issued, expires] = [BigInt(Math.floor(now)), BigInt(Math.floor(now) + DAY)];
  const data = signed(meeting, issuer.ikPublic, role, issued, expires, to.ik, to.hash);
  const sig = new Uint8Array(await crypto.subtle.sign(ED25519, issuer.ik.privateKey, data));
  const out = concat(before, u8(role), u64(issued), u64(expires), to.ik, to.hash, sig);
  out[33]++;
  return out;
}
