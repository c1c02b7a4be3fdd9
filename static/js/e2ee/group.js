// Group chat and reactions: sealed under the data track, and signed, because who can open a frame could also have sealed it
// (docs/e2ee.md, section 9).
/** @import {Bytes} from './bytes.js' */
/** @import {FrameKey} from './sframe.js' */
/** @import {Identity} from './announce.js' */
import { concat, text, utf8 } from './bytes.js';
import { NONE, Reader, fields, label, readApp, readChat, u64, u8 } from './encoding.js';
import { ED25519, verify } from './announce.js';
import * as sframe from './sframe.js';

const KINDS = /** @type {const} */ ({ chat: 1, reaction: 2, app: 3 });
/** @typedef {keyof typeof KINDS} GroupKind */

/** @param {string} meeting @param {Bytes} sender A @param {number} kind @param {bigint} kid @param {bigint} ctr @param {Bytes} said */
const signed = (meeting, sender, kind, kid, ctr, said) => fields(label('broadcast'), meeting, sender, u8(kind), u64(kid), u64(ctr), said);

/**
 * @param {Identity} identity @param {Bytes} sender one's own announce hash @param {FrameKey} key of the data track @param {bigint} ctr
 * @param {string} meeting @param {GroupKind} kind @param {string} said @returns {Promise<Bytes>}
 */
export async function sealGroup(identity, sender, key, ctr, meeting, kind, said) {
  const body = utf8(said);
  const sig = new Uint8Array(await crypto.subtle.sign(ED25519, identity.ik.privateKey, signed(meeting, sender, KINDS[kind], key.kid, ctr, body)));
  return sframe.seal(key, ctr, NONE, concat(u8(KINDS[kind]), sig, body));
}

/**
 * @param {{ik: Bytes, hash: Bytes}} from @param {FrameKey} key @param {sframe.Header} header @param {Bytes} data @param {string} meeting @param {string} kind as the server says it
 * @returns {Promise<string>} what was said; rejects when they did not say it
 */
export async function openGroup(from, key, header, data, meeting, kind) {
  const r = new Reader(await sframe.open(key, header, NONE, data));
  const [n, sig, said] = [r.u8(), r.take(64), r.rest()];
  if (n !== KINDS[/** @type {GroupKind} */ (kind)]) throw new TypeError('another kind than the server says');
  if (!await verify(from.ik, sig, signed(meeting, from.hash, n, header.kid, header.ctr, said))) throw new TypeError('forged');
  return n === KINDS.chat ? readChat(said) : n === KINDS.app ? readApp(said) : text(said);
}
