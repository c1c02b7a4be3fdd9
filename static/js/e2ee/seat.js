// What a client says of itself and proves: its key, its sealed name, the proof that it has the link, the admission
// that a host signed (docs/e2ee.md, section 4).
/** @import {Bytes} from './bytes.js' */
/** @import {LinkSecrets} from './link.js' */
/** @import {KeyPackage, LeafNode} from './mls/types.js' */
/** @import {OwnKeyPackage} from './mls/keypackage.js' */
/** @import {SignatureKey} from './mls/signing.js' */
import { concat, equal, random, utf8 } from './bytes.js';
import { fields, label, readName, u8 } from './encoding.js';
import { decode, encode } from './mls/codec.js';
import { newKeyPackage } from './mls/keypackage.js';
import { mac } from './mls/primitives.js';
import { verifyStrict } from './mls/signing.js';

/** The types of Conclave's extensions (docs/e2ee.md, section 4). */
export const MEETING = 0xf0c0;
export const SEAT = 0xf0c1;
const JOIN_PROOF = 0xf0c2;
/** @type {readonly number[]} */
export const OURS = [MEETING, SEAT, JOIN_PROOF];

export const PARTICIPANT = 1;
export const COHOST = 2;
export const HOST = 3;

const BOT = 1;
/** Classes of length that names are padded to. */
const SHORT = 64;
const LONG = 256;
const NONCE = 12;
const TAG = 16;
const ADMISSION = 97;

/** @typedef {{ik: CryptoKeyPair, ikPublic: Bytes}} Identity a device's Ed25519 key; the private half can't be read out */
/** @typedef {{role: number, issuer: Bytes, signature: Bytes}} Admission */
/** @typedef {{bot: boolean, name: Bytes, admission: Admission|null}} Seat name is sealed */

/** @param {Identity} identity @returns {SignatureKey} */
export const signatureKeyOf = ({ ik, ikPublic }) => ({ privateKey: ik.privateKey, publicKey: ikPublic });

/** @param {Bytes} plain @param {number} length @returns {Bytes} with 0x80 and zeros after it, length bytes in all */
export function pad(plain, length) {
  const out = new Uint8Array(length);
  if (plain.length >= length) throw new RangeError('too long');
  out.set(plain);
  out[plain.length] = 0x80;
  return out;
}

/** @param {Bytes} padded @returns {Bytes} throws when it is not padded */
export function unpad(padded) {
  const end = padded.findLastIndex((b) => b !== 0);
  if (padded[end] !== 0x80) throw new TypeError('not padded');
  return padded.subarray(0, end);
}

/** @param {Bytes} key @returns {Promise<CryptoKey>} */
const nameKey = (key) => crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);

/** @param {LinkSecrets} link @param {Bytes} ik whose it is @param {string} name @returns {Promise<Bytes>} */
export async function sealName(link, ik, name) {
  const bytes = utf8(name);
  const plain = pad(bytes, bytes.length < SHORT ? SHORT : LONG);
  const iv = random(NONCE);
  const how = { name: 'AES-GCM', iv, additionalData: ik };
  return concat(iv, new Uint8Array(await crypto.subtle.encrypt(how, await nameKey(link.name), plain)));
}

/** @param {LinkSecrets} link @param {Bytes} ik @param {Bytes} sealed @returns {Promise<string>} empty if it isn't a name */
export async function openName(link, ik, sealed) {
  try {
    const how = { name: 'AES-GCM', iv: sealed.slice(0, NONCE), additionalData: ik };
    const plain = await crypto.subtle.decrypt(how, await nameKey(link.name), sealed.slice(NONCE));
    return readName(unpad(new Uint8Array(plain)));
  } catch {
    return '';
  }
}

/** @param {Bytes} sealed @returns {boolean} whether it has one of the lengths of a sealed name */
const nameLength = (sealed) => [SHORT, LONG].some((n) => sealed.length === NONCE + n + TAG);

/** @param {Admission} a @returns {Bytes} */
export const writeAdmission = (a) => concat(u8(a.role), a.issuer, a.signature);

/** @param {Bytes} bytes @returns {Admission|null} null when it is none */
export function readAdmission(bytes) {
  if (bytes.length !== ADMISSION || bytes[0] > HOST) return null;
  return { role: bytes[0], issuer: bytes.slice(1, 33), signature: bytes.slice(33) };
}

/** @param {Seat} seat @returns {Bytes} */
export const writeSeat = ({ bot, name, admission }) =>
  encode((w) => {
    w.u8(bot ? BOT : 0).vec(name);
    w.optional(admission, (inner, a) => inner.raw(writeAdmission(a)));
  });

/** @param {LeafNode} leaf @returns {Seat|null} null when it has none, or one that isn't well-formed */
export function seatOf(leaf) {
  const data = leaf.extensions.find((x) => x.type === SEAT)?.data;
  if (!data || leaf.credential.type !== 1 || !equal(leaf.credential.identity, leaf.signatureKey)) return null;
  try {
    return decode(data, (r) => {
      const flags = r.u8();
      const name = r.vec().slice();
      const given = r.optional((inner) => inner.raw(ADMISSION));
      const admission = given && readAdmission(given);
      if (flags & ~BOT || !nameLength(name) || (given && !admission)) throw new TypeError('not a seat');
      return { bot: (flags & BOT) !== 0, name, admission };
    });
  } catch {
    return null;
  }
}

/** @param {Bytes} groupId @param {Bytes} subject @param {number} role */
const admits = (groupId, subject, role) => fields(label('admission'), groupId, subject, u8(role));

/** @param {Identity} issuer @param {Bytes} groupId @param {Bytes} subject @param {number} role @returns {Promise<Admission>} */
export async function admit(issuer, groupId, subject, role) {
  const signed = await crypto.subtle.sign({ name: 'Ed25519' }, issuer.ik.privateKey, admits(groupId, subject, role));
  return { role, issuer: issuer.ikPublic, signature: new Uint8Array(signed) };
}

/** @param {Admission} a @param {Bytes} groupId @param {Bytes} subject @returns {Promise<boolean>} whether its issuer signed it */
export const isSigned = (a, groupId, subject) => verifyStrict(a.issuer, admits(groupId, subject, a.role), a.signature);

/** @param {LinkSecrets} link @param {Bytes} ik @param {Bytes} initKey @returns {Promise<Bytes>} proof that one has the link */
const joinProof = (link, ik, initKey) => mac(link.join, concat(ik, initKey));

/** @param {LinkSecrets} link @param {KeyPackage} k @returns {Promise<boolean>} */
export async function isProven(link, k) {
  const proof = k.extensions.find((x) => x.type === JOIN_PROOF)?.data;
  return proof !== undefined && equal(proof, await joinProof(link, k.leaf.signatureKey, k.initKey));
}

/** @param {Bytes} ik @param {Bytes} seat as written @returns {import('./mls/keypackage.js').LeafData} */
export const leafData = (ik, seat) => ({
  credential: { type: 1, identity: ik },
  capabilities: { versions: [1], suites: [1], extensions: [...OURS], proposals: [], credentials: [1] },
  extensions: [{ type: SEAT, data: seat }],
});

/** @param {SignatureKey} key @param {LinkSecrets} link @param {Bytes} seat @returns {Promise<OwnKeyPackage>} */
export const keyPackage = (key, link, seat) =>
  newKeyPackage(leafData(key.publicKey, seat), key, async (initKey) => [
    { type: JOIN_PROOF, data: await joinProof(link, key.publicKey, initKey) },
  ]);

/** @param {Bytes} bytes what `join` carries @returns {{ik: Bytes, name: Bytes}|null} null when it is none */
export function readAnnounce(bytes) {
  const name = bytes.slice(32);
  return nameLength(name) ? { ik: bytes.slice(0, 32), name } : null;
}
