// The meeting as the group agrees on it: who made it, lobby, roles, heirs, who was removed (docs/e2ee.md, section 4).
// An extension of the GroupContext, so that who disagrees about it has other keys.
/** @import {Bytes} from './bytes.js' */
/** @import {Extension, GroupContext, LeafNode} from './mls/types.js' */
/** @import {Admission, Identity} from './seat.js' */
import { compare, concat, equal, hex } from './bytes.js';
import { fields, label, u8 } from './encoding.js';
import { fingerprint } from './link.js';
import { decode, encode } from './mls/codec.js';
import { verifyStrict } from './mls/signing.js';
import { COHOST, HOST, MEETING, OURS, PARTICIPANT, isSigned, seatOf, writeAdmission } from './seat.js';

const KEY = 32;
const FINGERPRINT = 16;
/** What is remembered of keys and signatures. */
const MAX_FOUND = 4096;
/** Keys with a role of their own. */
const MAX_ROLES = 64;
/** Heirs beside the cohosts. */
export const MAX_HEIRS = 3;
/** Keys that were removed; where it is full, the meeting is locked to remove further. */
export const MAX_REVOKED = 256;

const REQUIRED_CAPABILITIES = 3;
const EXTERNAL_SENDERS = 5;

/** Bytes of a grant. */
const GRANT = 130;
/** The role of who is listed as heir. */
export const HEIR = 4;

/**
 * @typedef {object} Grant a role that is signed, so that no one can forge a meeting in which they have it
 * @property {Bytes} key whose it is @property {number} role
 * @property {number} signed what was signed: the role, or that of the heir who succeeded
 * @property {Bytes} issuer @property {Bytes} signature
 */

/**
 * @typedef {object} Meeting
 * @property {Bytes} creator the fingerprint that the link has @property {boolean} lobby @property {number} pskVersion
 * @property {Grant[]} roles by key @property {Grant[]} heirs in order of succession
 * @property {Bytes[]} revoked oldest first
 */

/** @param {Grant} g @returns {Bytes} */
export const writeGrant = (g) => concat(g.key, u8(g.role), u8(g.signed), g.issuer, g.signature);

/** @param {readonly Grant[]} grants @returns {Bytes} */
const writeGrants = (grants) => encode((w) => void w.list(grants, (inner, g) => inner.raw(writeGrant(g))));

/** @param {readonly Grant[]} grants @returns {Grant[]} */
const sorted = (grants) => [...grants].sort((a, b) => compare(a.key, b.key));

/** @param {Meeting} m @returns {Bytes} */
export const writeMeeting = (m) =>
  encode((w) => {
    w.raw(m.creator)
      .u8(m.lobby ? 1 : 0)
      .u32(m.pskVersion);
    w.raw(writeGrants(sorted(m.roles))).raw(writeGrants(m.heirs));
    w.list(m.revoked, (inner, key) => inner.raw(key));
  });

/** @param {Bytes[]} keys @returns {boolean} whether no two are the same */
const different = (keys) => new Set(keys.map(hex)).size === keys.length;

/** @param {Grant} g @returns {boolean} whether it was signed for this role, or by succession */
const fits = ({ role, signed }) => signed === role || (role === HOST && (signed === COHOST || signed === HEIR));

/** @param {Meeting} m @returns {boolean} whether the lists are within their bounds, in order, without repetition */
function wellFormed({ roles, heirs, revoked }) {
  return (
    roles.every(({ key }, i) => i === 0 || compare(roles[i - 1].key, key) < 0) &&
    roles.every((g) => g.role <= HOST && fits(g)) &&
    heirs.every((g) => g.role === HEIR && fits(g)) &&
    roles.length <= MAX_ROLES &&
    heirs.length <= MAX_HEIRS &&
    revoked.length <= MAX_REVOKED &&
    different(heirs.map((h) => h.key)) &&
    different(revoked)
  );
}

/** @param {import('./mls/codec.js').Reader} r @param {number} most @returns {Grant[]} */
const readGrants = (r, most) =>
  r.list(most, (inner) => {
    const g = inner.raw(GRANT).slice();
    return { key: g.slice(0, 32), role: g[32], signed: g[33], issuer: g.slice(34, 66), signature: g.slice(66) };
  });

/** @param {readonly Extension[]} extensions of a GroupContext @returns {Meeting|null} null when there is none that is right */
export function meetingOf(extensions) {
  const data = extensions.find((x) => x.type === MEETING)?.data;
  if (!data) return null;
  try {
    const m = decode(data, (r) => {
      const creator = r.raw(FINGERPRINT).slice();
      const lobby = r.u8();
      if (lobby > 1) throw new TypeError('neither 0 nor 1');
      const pskVersion = r.u32();
      const [roles, heirs] = [readGrants(r, MAX_ROLES), readGrants(r, MAX_HEIRS)];
      const revoked = r.list(MAX_REVOKED, (inner) => inner.raw(KEY).slice());
      return { creator, lobby: lobby === 1, pskVersion, roles, heirs, revoked };
    });
    return wellFormed(m) ? m : null;
  } catch {
    return null;
  }
}

/** @param {Bytes} groupId @param {Uint8Array} key @param {number} signed */
const toSign = (groupId, key, signed) => fields(label('grant'), groupId, key, u8(signed));

/** @param {Identity} issuer @param {Bytes} groupId @param {Bytes} key @param {number} role @returns {Promise<Grant>} */
export async function grant(issuer, groupId, key, role) {
  const how = { name: 'Ed25519' };
  const signature = await crypto.subtle.sign(how, issuer.ik.privateKey, toSign(groupId, key, role));
  return { key, role, signed: role, issuer: issuer.ikPublic, signature: new Uint8Array(signature) };
}

/** @param {Grant} a @param {Grant} b @returns {boolean} */
export const sameGrant = (a, b) => equal(writeGrant(a), writeGrant(b));

/** @param {Meeting} m @param {Grant} g @returns {Meeting} with g in the place of what its key had */
export const withGrant = (m, g) => ({ ...m, roles: sorted([...m.roles.filter((r) => !equal(r.key, g.key)), g]) });

/** What was found out of keys and signatures: each costs a hash or a check, and they come again with each commit. */
export class Found {
  /** @type {Map<string, boolean>} */
  #known = new Map();

  /** @param {string} what @param {() => Promise<boolean>} find @returns {Promise<boolean>} */
  async #once(what, find) {
    const known = this.#known.get(what);
    if (known !== undefined) return known;
    const found = await find();
    if (this.#known.size >= MAX_FOUND) this.#known.clear();
    this.#known.set(what, found);
    return found;
  }

  /** @param {Bytes} creator @param {Bytes} key @returns {Promise<boolean>} */
  isCreator(creator, key) {
    return this.#once(`c ${hex(creator)} ${hex(key)}`, async () => equal(await fingerprint(key), creator));
  }

  /** @param {Grant} g @param {Bytes} groupId @returns {Promise<boolean>} whether its issuer signed it */
  isGrant(g, groupId) {
    const id = `g ${hex(groupId)} ${hex(writeGrant(g))}`;
    return this.#once(id, () => verifyStrict(g.issuer, toSign(groupId, g.key, g.signed), g.signature));
  }

  /** @param {Admission} a @param {Bytes} groupId @param {Bytes} subject @returns {Promise<boolean>} */
  isAdmission(a, groupId, subject) {
    const id = `a ${hex(groupId)} ${hex(subject)} ${hex(writeAdmission(a))}`;
    return this.#once(id, () => isSigned(a, groupId, subject));
  }
}

/**
 * grantsAreRight says whether all grants are signed, by issuers from whom hosts' grants lead to the creator.
 * @param {Meeting} m @param {Bytes} groupId @param {Found} found @returns {Promise<boolean>}
 */
export async function grantsAreRight(m, groupId, found) {
  const reaches = async (/** @type {Bytes} */ issuer) => {
    let at = issuer;
    for (let n = 0; n <= m.roles.length; n++) {
      if (await found.isCreator(m.creator, at)) return true;
      const here = at;
      const entry = m.roles.find((g) => g.role === HOST && equal(g.key, here));
      if (!entry) return false;
      at = entry.issuer;
    }
    return false;
  };
  for (const g of [...m.roles, ...m.heirs]) {
    if (!(await found.isGrant(g, groupId)) || !(await reaches(g.issuer))) return false;
  }
  return true;
}

/**
 * roleOf says what somebody is: the creator is host; others are what their grant says; the owner of the room that made
 * the meeting is host by the room's word; the others are participants.
 * @param {Meeting} m @param {Bytes} groupId @param {Bytes} key @param {LeafNode|null|undefined} leaf of that key
 * @param {Found} found @returns {Promise<number>}
 */
export async function roleOf(m, groupId, key, leaf, found) {
  if (await found.isCreator(m.creator, key)) return HOST;
  const entry = m.roles.find((r) => equal(r.key, key));
  if (entry) return entry.role;
  const admission = leaf && seatOf(leaf)?.admission;
  if (!admission || admission.role !== HOST || !(await found.isCreator(m.creator, admission.issuer))) {
    return PARTICIPANT;
  }
  return (await found.isAdmission(admission, groupId, key)) ? HOST : PARTICIPANT;
}

/** @param {readonly Uint8Array[]} keys @param {Uint8Array} key @returns {boolean} */
export const has = (keys, key) => keys.some((k) => equal(k, key));

/** @param {Bytes} key the server's, for this meeting @returns {Extension} */
const serverSender = (key) => ({
  type: EXTERNAL_SENDERS,
  data: encode((w) => void w.list([key], (inner, k) => inner.vec(k).u16(1).vec(k))),
});

/** @param {Bytes} serverKey @param {Meeting} m @returns {Extension[]} of a new group's context */
export function firstExtensions(serverKey, m) {
  const u16s = (/** @type {readonly number[]} */ list) => encode((w) => void w.list(list, (inner, n) => inner.u16(n)));
  const required = encode(
    (w) =>
      void w
        .raw(u16s(OURS))
        .raw(u16s([]))
        .raw(u16s([1])),
  );
  return [
    { type: REQUIRED_CAPABILITIES, data: required },
    serverSender(serverKey),
    { type: MEETING, data: writeMeeting(m) },
  ];
}

/** @param {readonly Extension[]} extensions @param {Bytes} serverKey @returns {boolean} whether they are those of a meeting at this server */
export function isOurs(extensions, serverKey) {
  const types = extensions.map((x) => x.type).sort((a, b) => a - b);
  const { type, data } = serverSender(serverKey);
  return (
    types.join() === [REQUIRED_CAPABILITIES, EXTERNAL_SENDERS, MEETING].join() &&
    extensions.some((x) => x.type === type && equal(x.data, data))
  );
}

/** @param {readonly Extension[]} extensions @param {Meeting} m @returns {Extension[]} with m in the place of what was there */
export const withMeeting = (extensions, m) =>
  extensions.map((x) => (x.type === MEETING ? { type: MEETING, data: writeMeeting(m) } : x));

/** @param {readonly Extension[]} a @param {readonly Extension[]} b @returns {boolean} whether all but the meeting is the same */
export function sameButMeeting(a, b) {
  const rest = (/** @type {readonly Extension[]} */ list) => list.filter((x) => x.type !== MEETING);
  const [x, y] = [rest(a), rest(b)];
  return (
    a.length === b.length &&
    x.length === y.length &&
    x.every((e, i) => e.type === y[i].type && equal(e.data, y[i].data))
  );
}

/** @param {GroupContext} context @returns {Meeting} of a group that was checked */
export function mustMeeting({ extensions }) {
  const m = meetingOf(extensions);
  if (!m) throw new TypeError('a group without a meeting');
  return m;
}
