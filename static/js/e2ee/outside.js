// What members and those outside the group say to each other: a recorder or bot asks, a member who agreed gives it keys
// of single tracks, and it gives members the secret that it seals under (docs/e2ee.md, section 14).
/** @import {Bytes} from './bytes.js' */
/** @import {LinkSecrets} from './link.js' */
/** @import {Admission, Identity} from './seat.js' */
/** @import {RawKey} from './sframe.js' */
import { concat } from './bytes.js';
import { Reader, fields, label, u32, u64, u8 } from './encoding.js';
import { sealTo } from './mls/hpke.js';
import { verifyStrict } from './mls/signing.js';
import { openName, readAdmission, writeAdmission } from './seat.js';

/** Stands where private messages have their epoch. */
export const MARK = 0xffff_ffff_ffff_ffffn;
export const ASK = 1;
const KEYS = 2;
export const VOICE = 3;

const KEY = 32;
const SIGNATURE = 64;
const GROUP_ID = 16;
const ADMISSION = 97;
const ENC = 32;
const MAX_NUMBER = 0x3ff;

/** @typedef {{x: Bytes, purpose: string}} Ask x: the key that keys are sealed to */
/**
 * @typedef {object} Voice what one outside says of one epoch
 * @property {Bytes} groupId @property {bigint} epoch @property {number} number the sender in the key id
 * @property {Admission|null} admission @property {Bytes} signature @property {Bytes} sealed
 */

/** @param {LinkSecrets} link */
export const pskOf = ({ hpke }) => ({ psk: hpke, id: fields(label('hpke')) });

/**
 * @param {LinkSecrets} link @param {Bytes} from whose question it is said to be @param {Bytes} self @param {Bytes} body
 * @returns {Promise<Ask>} rejects when they did not ask this, or not this member
 */
export async function openAsk(link, from, self, body) {
  const r = new Reader(body);
  const [x, signature, sealed] = [r.take(KEY).slice(), r.take(SIGNATURE), r.rest()];
  const signed = fields(label('ask'), link.meeting, from, self, x, sealed);
  if (!(await verifyStrict(from, signed, signature))) throw new TypeError('forged');
  const purpose = await openName(link, from, sealed);
  if (!purpose) throw new TypeError('for nothing');
  return { x, purpose };
}

/**
 * @typedef {object} Given what a member tells one outside
 * @property {Bytes} groupId @property {bigint} epoch @property {Bytes} confirmed confirmed_transcript_hash
 * @property {Bytes} externalPub @property {Admission|null} admission the member's own @property {RawKey[]} keys at most 4
 */

/**
 * @param {LinkSecrets} link @param {Identity} from @param {{ik: Bytes, x: Bytes}} to @param {Given} given
 * @returns {Promise<Bytes>} what travels in `relay`
 */
export async function sealKeys(link, from, to, { groupId, epoch, confirmed, externalPub, admission, keys }) {
  const plain = concat(
    confirmed,
    externalPub,
    admission ? concat(u8(1), writeAdmission(admission)) : u8(0),
    u8(keys.length),
    ...keys.flatMap(({ kid, key, salt }) => [u32(Number(kid)), key, salt]),
  );
  const info = fields(label('keys'), groupId, u64(epoch));
  const { enc, ciphertext } = await sealTo(to.x, info, concat(from.ikPublic, to.ik), plain, pskOf(link));
  plain.fill(0);
  const sealed = concat(enc, ciphertext);
  const signed = fields(label('keys sig'), groupId, u64(epoch), from.ikPublic, to.ik, sealed);
  const signature = await crypto.subtle.sign({ name: 'Ed25519' }, from.ik.privateKey, signed);
  return concat(u64(MARK), u8(KEYS), groupId, u64(epoch), new Uint8Array(signature), sealed);
}

/** @param {Bytes} body @returns {Voice} throws when it is none. Nothing of it is proven yet */
export function readVoice(body) {
  const r = new Reader(body);
  const [groupId, epoch] = [r.take(GROUP_ID), r.u64()];
  const number = r.u8() * 256 + r.u8();
  if (number > MAX_NUMBER) throw new RangeError('no such sender');
  const admission = readAdmission(r.take(ADMISSION));
  return { groupId, epoch, number, admission, signature: r.take(SIGNATURE), sealed: r.rest() };
}

/**
 * openVoice opens the secret under which one outside seals in an epoch.
 * @param {LinkSecrets} link @param {Bytes} from @param {Bytes} confirmed the epoch's confirmed_transcript_hash
 * @param {Voice} v of this group @param {import('./mls/group.js').Group['openExternal']} openExternal of the epoch
 * @returns {Promise<Bytes>} rejects when they did not say it of this epoch
 */
export async function openVoice(link, from, confirmed, v, openExternal) {
  const number = Uint8Array.of(v.number >> 8, v.number & 0xff);
  const about = [label('outside'), v.groupId, u64(v.epoch)];
  if (!(await verifyStrict(from, fields(...about, confirmed, number, v.sealed), v.signature))) {
    throw new TypeError('forged');
  }
  const box = { enc: v.sealed.slice(0, ENC), ciphertext: v.sealed.slice(ENC) };
  const base = await openExternal(fields(...about), from, box, pskOf(link));
  if (base.length !== 16) throw new RangeError('no base key');
  return base;
}
