// What Go made opens here, and comes out the same here: e2ee/testdata/vectors.json (docs/e2ee.md). So does what was
// made here, vectors-js.json, which Go checks (MAKE_VECTORS=1 makes it anew).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, unhex, utf8 } from '../../../static/js/e2ee/bytes.js';
import { pairNumber, safetyNumber } from '../../../static/js/e2ee/codes.js';
import { readApp, readChat, readName, readReaction } from '../../../static/js/e2ee/encoding.js';
import { entryHash } from '../../../static/js/e2ee/entries.js';
import { openFrame, parseFrame, sealFrame } from '../../../static/js/e2ee/frame.js';
import * as links from '../../../static/js/e2ee/link.js';
import { openFrom } from '../../../static/js/e2ee/mls/hpke.js';
import { mac } from '../../../static/js/e2ee/mls/primitives.js';
import { pairFrom } from '../../../static/js/e2ee/mls/x25519.js';
import { Found, grantsAreRight, meetingOf, roleOf, writeMeeting } from '../../../static/js/e2ee/policy.js';
import { ASK, MARK, VOICE, openAsk, openVoice, readVoice } from '../../../static/js/e2ee/outside.js';
import { epochOf, openPrivate } from '../../../static/js/e2ee/private.js';
import {
  MEETING,
  isSigned,
  openName,
  readAdmission,
  seatOf,
  writeAdmission,
  writeSeat,
} from '../../../static/js/e2ee/seat.js';
import { deriveKey } from '../../../static/js/e2ee/sframe.js';
import { makeVectors } from './makevectors.js';

/** @param {string} name */
const file = (name) => new URL(`../../../e2ee/testdata/${name}`, import.meta.url);

if (process.env.MAKE_VECTORS) {
  writeFileSync(file('vectors-js.json'), `${JSON.stringify(await makeVectors(), null, 1)}\n`);
}

/** @param {any} v a link of the vectors @returns {Promise<links.LinkSecrets>} */
async function secretsOf(v) {
  const link = links.parse(v.fragment);
  assert(link);
  const { p } = v.password ? await links.passwordSecrets(link, v.meeting, v.password) : { p: new Uint8Array(0) };
  return links.secrets(link, v.meeting, p);
}

/** @param {any} v a seat with its admission */
async function checkAdmission(v) {
  const a = readAdmission(unhex(v.admission));
  assert.equal(a !== null && (await isSigned(a, unhex(v.group_id), unhex(v.subject))), v.valid);
  const ik = unhex(v.subject);
  const leaf = /** @type {any} */ ({
    signatureKey: ik,
    credential: { type: 1, identity: ik },
    extensions: [{ type: 0xf0c1, data: unhex(v.seat) }],
  });
  const seat = seatOf(leaf);
  assert(seat);
  assert.equal(hex(seat.name), v.sealed_name);
  assert.equal(hex(writeSeat(seat)), v.seat);
}

/** @param {any} v @param {Found} found */
async function checkMeeting(v, found) {
  const data = unhex(v.meeting);
  const m = meetingOf([{ type: MEETING, data }]);
  const right = m !== null && (await grantsAreRight(m, unhex(v.group_id), found));
  assert.equal(right, v.valid);
  if (!m || !right) return;
  assert.equal(hex(writeMeeting(m)), v.meeting);
  const roles = Buffer.from(v.roles, 'base64');
  for (const [i, key] of v.keys.entries()) {
    assert.equal(await roleOf(m, unhex(v.group_id), unhex(key), null, found), roles[i], key);
  }
}

/** @param {any} v */
async function checkFrame(v) {
  const kid = BigInt((v.track << 20) | (v.leaf << 10) | (v.epoch % 1024));
  const key = await deriveKey(kid, unhex(v.base_key));
  const sealed = await sealFrame(key, BigInt(v.counter), v.codec, v.key_frame, unhex(v.frame));
  assert.equal(hex(sealed), v.wire, v.codec);
  const parsed = parseFrame(v.codec, unhex(v.wire), v.key_frame);
  assert(parsed);
  assert.equal(hex(await openFrame(key, parsed)), v.frame);
}

/** @param {any} v @param {links.LinkSecrets} s */
async function checkPrivate(v, s) {
  const data = unhex(v.data);
  assert.equal(epochOf(data), BigInt(v.epoch));
  const under = { groupId: unhex(v.group_id), epoch: BigInt(v.epoch), key: unhex(v.exporter_key), hpke: s.hpke };
  const leaf = await pairFrom(unhex(v.leaf_private_key));
  const inner = await openPrivate(under, unhex(v.to), leaf, unhex(v.from), data);
  assert.deepEqual(inner, { kind: v.type === 3 ? 'chat' : 'app', counter: v.counter, text: v.text });
}

for (const name of ['vectors.json', 'vectors-js.json']) {
  const vectors = JSON.parse(readFileSync(file(name), 'utf8'));

  test(`${name}: links`, async () => {
    for (const v of vectors.links) {
      const s = await secretsOf(v);
      assert.equal(hex(s.root), v.root);
      assert.equal(hex(links.pskId(1)), v.psk_1_id);
      assert.equal(hex(await links.psk(s, 1)), v.psk_1);
      assert.deepEqual([s.join, s.name, s.hpke].map(hex), [v.join_key, v.name_key, v.hpke_psk]);
      if (!v.password) continue;
      const link = /** @type {links.Link} */ (links.parse(v.fragment));
      const { verifier } = await links.passwordSecrets(link, v.meeting, v.password);
      assert.equal(hex(verifier), v.password_verifier);
    }
  });

  test(`${name}: sealed names`, async () => {
    for (const v of vectors.names) {
      const s = await secretsOf(vectors.links[v.link]);
      assert.equal(await openName(s, unhex(v.ik), unhex(v.sealed)), v.name);
    }
  });

  test(`${name}: proofs of the link`, async () => {
    for (const v of vectors.proofs) {
      const s = await secretsOf(vectors.links[v.link]);
      assert.equal(hex(await mac(s.join, unhex(v.signature_key + v.init_key))), v.proof);
    }
  });

  test(`${name}: admissions and seats`, async () => {
    for (const v of vectors.admissions) await checkAdmission(v);
  });

  test(`${name}: meetings, their grants, and whose role is what`, async () => {
    const found = new Found();
    for (const v of vectors.meetings) await checkMeeting(v, found);
  });

  test(`${name}: hashes of entries`, async () => {
    for (const v of vectors.entries) assert.equal(hex(await entryHash(unhex(v.entry))), v.hash);
  });

  test(`${name}: frames of each codec`, async () => {
    for (const v of vectors.frames) await checkFrame(v);
  });

  test(`${name}: private messages`, async () => {
    for (const v of vectors.private) await checkPrivate(v, await secretsOf(vectors.links[v.link]));
  });

  test(`${name}: what one outside says`, async () => {
    for (const v of vectors.outside ?? []) {
      const s = await secretsOf(vectors.links[v.link]);
      const [ask, voice] = [unhex(v.ask), unhex(v.voice)];
      assert.deepEqual([epochOf(ask), epochOf(voice), ask[8], voice[8]], [MARK, MARK, ASK, VOICE]);
      const { x, purpose } = await openAsk(s, unhex(v.from), unhex(v.to), ask.slice(9));
      assert.deepEqual([hex(x), purpose], [v.x, v.purpose]);
      const said = readVoice(voice.slice(9));
      assert.deepEqual([hex(said.groupId), said.epoch, said.number], [v.group_id, BigInt(v.epoch), v.number]);
      assert.equal(hex(writeAdmission(/** @type {any} */ (said.admission))), v.admission);
      const external = await pairFrom(unhex(v.external_private_key));
      const open = /** @type {any} */ (openFrom.bind(null, external));
      const confirmed = unhex(v.confirmed_transcript_hash);
      assert.equal(hex(await openVoice(s, unhex(v.from), confirmed, said, open)), v.secret);
      await assert.rejects(openVoice(s, unhex(v.to), confirmed, said, open));
      await assert.rejects(openVoice(s, unhex(v.from), unhex(v.secret), said, open));
      await assert.rejects(openAsk(s, unhex(v.from), unhex(v.from), ask.slice(9)));
    }
  });

  test(`${name}: numbers`, async () => {
    for (const v of vectors.numbers) {
      const n = await safetyNumber(unhex(v.epoch_authenticator), unhex(v.group_id), BigInt(v.epoch));
      assert.equal(n, v.number);
    }
    for (const v of vectors.pairs) assert.equal(await pairNumber(unhex(v.a), unhex(v.b)), v.number);
  });

  test(`${name}: what may be said, and what not`, () => {
    const readers = { name: readName, chat: readChat, app: readApp, reaction: readReaction };
    for (const v of vectors.texts) {
      const bytes = unhex(v.text);
      const read = readers[/** @type {keyof typeof readers} */ (v.kind)];
      if (v.valid) assert.deepEqual(utf8(read(bytes)), bytes);
      else assert.throws(() => read(bytes), Error, `${v.kind} ${v.text}`);
    }
  });
}
