// Private messages: sealed to the leaf of one member, signed, and sealed again under a key of the epoch (docs/e2ee.md,
// section 12).
/** @import {Bytes} from './bytes.js' */
/** @import {KeyPair} from './mls/x25519.js' */
/** @import {Identity} from './seat.js' */
import { concat, random, utf8 } from './bytes.js';
import { Reader, fields, label, readApp, readChat, u32, u64, u8 } from './encoding.js';
import { openFrom, sealTo } from './mls/hpke.js';
import { open, seal } from './mls/primitives.js';
import { verifyStrict } from './mls/signing.js';
import { pad, unpad } from './seat.js';

/** Bytes of a private text: a relay takes 2 KiB. */
export const MAX_PRIVATE = 1500;
/** Classes of length that they are padded to: the largest fits a relay. */
const CLASSES = [64, 256, 1024, 1600];
const KINDS = /** @type {const} */ ({ chat: 3, app: 5 });

/** @typedef {{groupId: Bytes, epoch: bigint, key: Bytes, hpke: Bytes}} Under key: the exporter's; hpke: of the link */
/** @typedef {{kind: 'chat'|'app', counter: number, text: string}} Inner */

/** @param {Under} u @param {Bytes} sender @param {Bytes} receiver @param {Bytes} sealed */
const toSign = ({ groupId, epoch }, sender, receiver, sealed) =>
  fields(label('private sig'), groupId, u64(epoch), sender, receiver, sealed);

/** @param {Under} u */
const info = ({ groupId, epoch }) => fields(label('private'), groupId, u64(epoch));

/** @param {Under} u */
const pskOf = ({ hpke }) => ({ psk: hpke, id: fields(label('hpke')) });

/**
 * @param {Under} u @param {Identity} from @param {{ik: Bytes, encryptionKey: Bytes}} to @param {Inner} inner
 * @returns {Promise<Bytes>} what travels in `relay`
 */
export async function sealPrivate(u, from, to, { kind, counter, text }) {
  const plain = concat(u8(KINDS[kind]), u32(counter), utf8(text));
  const length = CLASSES.find((c) => plain.length < c) ?? 0; // 0: pad() throws
  const padded = pad(plain, length);
  const { enc, ciphertext } = await sealTo(to.encryptionKey, info(u), concat(from.ikPublic, to.ik), padded, pskOf(u));
  const sealed = concat(enc, ciphertext);
  const how = { name: 'Ed25519' };
  const sig = await crypto.subtle.sign(how, from.ik.privateKey, toSign(u, from.ikPublic, to.ik, sealed));
  const nonce = random(12);
  return concat(u64(u.epoch), nonce, await seal(u.key, nonce, u64(u.epoch), concat(new Uint8Array(sig), sealed)));
}

/** @param {Bytes} data @returns {bigint} the epoch it is of; throws when it is too short */
export const epochOf = (data) => new Reader(data).u64();

/**
 * @param {Under} u of the epoch that epochOf says @param {Bytes} ik one's own @param {KeyPair} leaf one's own in that epoch
 * @param {Bytes} sender @param {Bytes} data @returns {Promise<Inner|null>} null for a type that isn't known; rejects when
 *   they did not say it
 */
export async function openPrivate(u, ik, leaf, sender, data) {
  const r = new Reader(data);
  const head = r.take(8);
  const nonce = r.take(12);
  const inner = await open(u.key, nonce, head, r.rest());
  const sig = inner.slice(0, 64);
  const sealed = inner.slice(64);
  if (!(await verifyStrict(sender, toSign(u, sender, ik, sealed), sig))) throw new TypeError('forged');
  const box = { enc: sealed.slice(0, 32), ciphertext: sealed.slice(32) };
  const plain = new Reader(unpad(await openFrom(leaf, info(u), concat(sender, ik), box, pskOf(u))));
  const [type, counter, said] = [plain.u8(), plain.u32(), plain.rest()];
  if (said.length > MAX_PRIVATE) throw new RangeError('too long');
  if (type === KINDS.chat) return { kind: 'chat', counter, text: readChat(said) };
  return type === KINDS.app ? { kind: 'app', counter, text: readApp(said) } : null;
}
