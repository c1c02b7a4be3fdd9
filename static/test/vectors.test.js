// Test vectors of docs/e2ee.md: what the Go implementation made is read here, and what is made here is what the Go
// implementation reads. Made anew by
//
//   MAKE_VECTORS=1 node --test static/test/vectors.test.js
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { concat, hex, unbase64url, unhex } from '../js/e2ee/bytes.js';
import { announce, readAnnounce, ED25519, X25519 } from '../js/e2ee/announce.js';
import { baseKey, frameKey, ratchet, TRACKS } from '../js/e2ee/chain.js';
import { Channel } from '../js/e2ee/channel.js';
import * as credential from '../js/e2ee/credential.js';
import { fields, hkdf, label, NONE, u8 } from '../js/e2ee/encoding.js';
import * as frame from '../js/e2ee/frame.js';
import { openGroup, sealGroup } from '../js/e2ee/group.js';
import * as link from '../js/e2ee/link.js';
import { encode, parse } from '../js/e2ee/messages.js';
import { meetingCode, rosterHash } from '../js/e2ee/roster.js';
import * as sframe from '../js/e2ee/sframe.js';

const TRACK_ORDER = [0, 1, 2, 3, 7];
const GROUP_KINDS = { 1: 'chat', 2: 'reaction', 3: 'app' };
const fill = (n) => new Uint8Array(32).fill(n);

/** Private keys are given as their 32 bytes (RFC 8410 wraps them). */
async function privateKey(algorithm, oid, bytes, usages) {
  const key = await crypto.subtle.importKey(
    'pkcs8',
    concat(unhex(`302e020100300506032b65${oid}04220420`), bytes),
    algorithm,
    true,
    usages,
  );
  const { x } = await crypto.subtle.exportKey('jwk', key);
  return { privateKey: key, raw: unbase64url(x) };
}

async function identityOf(seed) {
  const { privateKey: key, raw } = await privateKey(ED25519, '70', seed, ['sign']);
  return { ik: { privateKey: key }, ikPublic: raw };
}

const seatOf = (bytes) => privateKey(X25519, '6e', bytes, ['deriveBits']);

async function rootOf({ fragment, meeting }) {
  const l = link.parse(fragment);
  assert(l, fragment);
  return { l, keys: await link.keys(l, meeting) };
}

const checks = {
  async links(v) {
    const { l, keys } = await rootOf(v);
    if (v.creator_ik) assert.equal(hex(await link.fingerprint(unhex(v.creator_ik))), hex(l.c));
    if (v.fragment) assert.equal(link.format(l), `#${v.fragment.replace(/^#/, '')}`);
    assert.equal(hex(keys.root), v.root);
    assert.equal(hex(await hkdf(keys.root, NONE, fields(label('announce mac')), 32)), v.mac_key);
  },
  async announces(v) {
    const { keys } = await rootOf(v);
    const made = await announce(
      await identityOf(unhex(v.ik_seed)),
      (await seatOf(unhex(v.ek_private))).raw,
      keys,
      v.meeting,
      { bot: v.bot },
    );
    assert.equal(hex(made.bytes), v.announce);
    assert.equal(hex(made.hash), v.hash);
    assert.deepEqual(await readAnnounce(unhex(v.announce), keys, v.meeting), made);
    for (let i = 0; i < made.bytes.length; i++) {
      const bad = made.bytes.slice();
      bad[i] ^= 1;
      assert.equal(await readAnnounce(bad, keys, v.meeting), null, `byte ${i}`);
    }
  },
  async pairs(v, all) {
    const [va, vb] = [all.announces[v.a], all.announces[v.b]];
    const { keys } = await rootOf(va);
    const [a, b] = await Promise.all([va, vb].map((x) => readAnnounce(unhex(x.announce), keys, x.meeting)));
    const [sa, sb] = await Promise.all([va, vb].map((x) => seatOf(unhex(x.ek_private))));
    const peer = await crypto.subtle.importKey('raw', b.ek, X25519, false, []);
    const shared = new Uint8Array(await crypto.subtle.deriveBits({ ...X25519, public: peer }, sa.privateKey, 256));
    assert.equal(hex(await hkdf(shared, keys.root, fields(label('pair'), a.hash, b.hash), 32)), v.keys.a_to_b);
    assert.equal(hex(await hkdf(shared, keys.root, fields(label('pair'), b.hash, a.hash), 32)), v.keys.b_to_a);
    const ends = [
      await Channel.to(sa.privateKey, a.hash, b, keys.root),
      await Channel.to(sb.privateKey, b.hash, a, keys.root),
    ];
    for (const m of v.messages) {
      const data = await sealAt(ends[m.from_a ? 0 : 1], m.counter, unhex(m.plaintext));
      if (data) assert.equal(hex(data), m.data);
      const to = ends[m.from_a ? 1 : 0];
      assert.equal(hex(await to.open(unhex(m.data))), m.plaintext);
      assert.equal(await to.open(unhex(m.data)), null, 'opened twice');
    }
  },
  async chains(v) {
    const c = { gen: 0, step: 0, chain: unhex(v.chain) };
    assert.equal(hex((await ratchet(c, 1)).chain), v.next);
    assert.deepEqual(
      await Promise.all(TRACK_ORDER.map(async (t) => hex(await baseKey(c, t, unhex(v.sender))))),
      v.base_keys,
    );
  },
  async frames(v) {
    const key = await frameKey({ gen: v.generation, step: v.step, chain: unhex(v.chain) }, v.track, unhex(v.sender));
    assert.equal(hex(await frame.sealFrame(key, BigInt(v.counter), v.codec, v.key_frame, unhex(v.frame))), v.wire);
    const parsed = frame.parseFrame(v.codec, unhex(v.wire));
    assert(parsed);
    assert.equal(hex(await frame.openFrame(key, parsed)), v.frame);
  },
  async credentials(v) {
    const { l, keys } = await rootOf(v);
    const who = await readAnnounce(unhex(v.subject), keys, v.meeting);
    const found = await credential.check(unhex(v.credential), who, l.c, v.meeting, v.now_ms);
    assert.equal(found !== null, v.valid, v.why);
    if (found) assert.equal(found.role, v.role);
  },
  async broadcasts(v, all) {
    const va = all.announces[v.sender];
    const { keys } = await rootOf(va);
    const a = await readAnnounce(unhex(va.announce), keys, va.meeting);
    const key = await frameKey({ gen: v.generation, step: v.step, chain: unhex(v.chain) }, TRACKS.data, a.hash);
    const kind = GROUP_KINDS[v.kind];
    assert.equal(
      hex(
        await sealGroup(await identityOf(unhex(va.ik_seed)), a.hash, key, BigInt(v.counter), va.meeting, kind, v.text),
      ),
      v.data,
    );
    const data = unhex(v.data);
    assert.equal(await openGroup(a, key, sframe.parseHeader(data), data, va.meeting, kind), v.text);
  },
  async rosters(v) {
    const { keys } = await rootOf(v);
    const hashes = v.hashes.map(unhex);
    assert.equal(hex(await rosterHash(hashes, keys.root)), v.roster_hash);
    assert.equal(await meetingCode(hashes, keys.root), v.code);
  },
  async messages(v) {
    let m;
    let valid = true;
    try {
      m = parse(unhex(v.bytes));
    } catch {
      valid = false;
    }
    assert.equal(valid, v.valid, v.name);
    if (m) assert.equal(hex(encode(m)), v.bytes, v.name);
  },
};

/** Seals with a certain counter: skips those before it, if they are few. */
async function sealAt(channel, counter, plain) {
  if (counter > 300) return null;
  for (let data; ;) {
    data = await channel.seal(plain);
    const at = new DataView(data.buffer).getUint32(1);
    if (at === counter) return data;
    if (at > counter) throw new Error('counters went back');
  }
}

const sections = /** @type {(keyof typeof checks)[]} */ (Object.keys(checks));

/** @param {any} all @param {string} section */
async function verify(all, section) {
  assert(all[section].length > 0);
  for (const v of all[section]) await checks[section](v, all);
}

const MEETING = 'zr4x-81pq-m0ad-7v2c';

async function make() {
  const seeds = [fill(0x21), fill(0x22), fill(0x23)];
  const ids = await Promise.all(seeds.map(identityOf));
  const l = { k: fill(0x7e), c: (await link.fingerprint(ids[0].ikPublic)).slice(), lobby: true };
  const fragment = link.format(l).slice(1);
  const keys = await link.keys(l, MEETING);
  const macKey = async (root) => hex(await hkdf(root, NONE, fields(label('announce mac')), 32));
  const seats = await Promise.all([fill(0x41), fill(0x42), fill(0x43)].map(seatOf));
  const made = await Promise.all(ids.map((id, i) => announce(id, seats[i].raw, keys, MEETING, { bot: i === 2 })));
  const open = link.parse('');
  const openKeys = await link.keys(open, MEETING);
  const links = [
    {
      fragment,
      meeting: MEETING,
      creator_ik: hex(ids[0].ikPublic),
      root: hex(keys.root),
      mac_key: await macKey(keys.root),
    },
    { fragment: '', meeting: MEETING, creator_ik: '', root: hex(openKeys.root), mac_key: await macKey(openKeys.root) },
  ];
  const announces = made.map((a, i) => ({
    fragment,
    meeting: MEETING,
    ik_seed: hex(seeds[i]),
    ek_private: hex(fill(0x41 + i)),
    bot: a.bot,
    announce: hex(a.bytes),
    hash: hex(a.hash),
  }));
  const chain = fill(0x99);
  const name = encode({ type: 'name', name: 'Žofie 林' });
  const key = encode({ type: 'key', gen: 5, step: 2, chain, hash: new Uint8Array(16).fill(0x55) });
  const ab = await Channel.to(seats[0].privateKey, made[0].hash, made[1], keys.root);
  const ba = await Channel.to(seats[1].privateKey, made[1].hash, made[0], keys.root);
  const peer = await crypto.subtle.importKey('raw', made[1].ek, X25519, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ ...X25519, public: peer }, seats[0].privateKey, 256));
  const pair = async (from, to) => hex(await hkdf(shared, keys.root, fields(label('pair'), from.hash, to.hash), 32));
  const pairs = [
    {
      a: 0,
      b: 1,
      messages: [
        { from_a: true, counter: 1, plaintext: hex(name), data: hex(await ab.seal(name)) },
        { from_a: false, counter: 3, plaintext: hex(key), data: hex(await sealAt(ba, 3, key)) },
      ],
      keys: { a_to_b: await pair(made[0], made[1]), b_to_a: await pair(made[1], made[0]) },
    },
  ];
  const c = { gen: 0, step: 0, chain };
  const chains = [
    {
      sender: hex(made[1].hash),
      chain: hex(chain),
      next: hex((await ratchet(c, 1)).chain),
      base_keys: await Promise.all(TRACK_ORDER.map(async (t) => hex(await baseKey(c, t, made[1].hash)))),
    },
  ];
  const frames = await Promise.all(
    [
      ['opus', false, 0, 0, 0, 0, '780be4c136ffee'],
      ['opus', false, 0, 3, 31, 70_000, 'fc'],
      ['vp8', true, 1, 1, 2, 8, 'b01c009d012aa0005a003925000102030405'],
      ['vp8', false, 1, 0xffffff, 0, 255, '3105003c1c24'],
      ['vp9', true, 3, 2, 1, 256, '8349834200010203'],
      ['av1', true, 1, 4, 0, 7, `12000a0a00000003b4fd9006${'5a'.repeat(200)}`],
      ['av1', false, 3, 4, 9, 65_536, '1200328003301122'],
      ['opus', false, 2, 0, 1, 4_294_967_295, '0102030405'],
    ].map(async ([codec, isKey, track, generation, step, counter, data]) => {
      const k = await frameKey({ gen: generation, step, chain }, track, made[1].hash);
      return {
        codec,
        key_frame: isKey,
        sender: hex(made[1].hash),
        generation,
        step,
        chain: hex(chain),
        track,
        counter,
        frame: data,
        wire: hex(await frame.sealFrame(k, BigInt(counter), codec, isKey, unhex(data))),
      };
    }),
  );
  const now = 1_790_000_000_000;
  const host = await credential.issue(ids[0], null, made[1], credential.HOST, MEETING, now);
  const second = await credential.issue(ids[1], host, made[2], credential.PARTICIPANT, MEETING, now + 1000);
  const cohost = await credential.issue(ids[0], null, made[1], credential.COHOST, MEETING, now);
  const tooMuch = await credential.issue(ids[1], cohost, made[2], credential.COHOST, MEETING, now);
  const byNobody = await credential.issue(ids[1], null, made[2], credential.HOST, MEETING, now);
  const changed = second.slice();
  changed[100] ^= 1;
  const of = (who, bytes, now_ms, valid, role, why) => ({
    fragment,
    meeting: MEETING,
    subject: hex(made[who].bytes),
    credential: hex(bytes),
    now_ms,
    valid,
    role,
    why,
  });
  const credentials = [
    of(1, host, now, true, 3, 'a host by the creator'),
    of(2, second, now + 2000, true, 1, 'a participant by that host'),
    of(1, cohost, now, true, 2, 'a cohost by the creator'),
    of(2, tooMuch, now, false, 0, 'a cohost by a cohost'),
    of(2, byNobody, now, false, 0, 'not from the creator'),
    of(2, changed, now + 2000, false, 0, 'a byte changed'),
    of(1, second, now + 2000, false, 0, 'another seat'),
    of(1, host, now + 86_400_000, false, 0, 'expired'),
    of(1, host.subarray(0, -1), now, false, 0, 'too short'),
    of(1, concat(host, u8(0)), now, false, 0, 'too long'),
  ];
  const broadcasts = await Promise.all(
    [
      [1, 'chat', 'Dobrý den\n你好 https://example.org', 0],
      [2, 'reaction', 'clap', 9],
      [3, 'app', '{"poll":"ask"}', 10],
    ].map(async ([kind, word, text, counter]) => {
      const k = await frameKey({ gen: 6, step: 3, chain }, TRACKS.data, made[2].hash);
      return {
        sender: 2,
        generation: 6,
        step: 3,
        chain: hex(chain),
        counter,
        kind,
        text,
        data: hex(await sealGroup(ids[2], made[2].hash, k, BigInt(counter), MEETING, word, text)),
      };
    }),
  );
  const rosters = await Promise.all(
    [[made[0]], made].map(async (list) => {
      const hashes = list.map((a) => a.hash);
      return {
        fragment,
        meeting: MEETING,
        hashes: hashes.map(hex),
        roster_hash: hex(await rosterHash(hashes, keys.root)),
        code: await meetingCode(hashes, keys.root),
      };
    }),
  );
  const messages = [
    { name: 'key', bytes: hex(key), valid: true },
    { name: 'name', bytes: hex(name), valid: true },
    { name: 'credential', bytes: hex(encode({ type: 'credential', credential: second })), valid: true },
    { name: 'chat', bytes: hex(encode({ type: 'chat', text: 'só\tpara ti' })), valid: true },
    { name: 'app', bytes: hex(encode({ type: 'app', text: '{"poll":"vote"}' })), valid: true },
    { name: 'app too long', bytes: `08${'61'.repeat(1501)}`, valid: false },
    {
      name: 'roster',
      bytes: hex(encode({ type: 'roster', hash: new Uint8Array(16).fill(1), ask: true })),
      valid: true,
    },
    { name: 'roster with another ask', bytes: `07${'01'.repeat(16)}02`, valid: false },
    { name: 'name too long', bytes: `03${'61'.repeat(65)}`, valid: false },
    { name: 'ack with a tail', bytes: '02000000010200', valid: false },
  ];
  return {
    comment: 'e2ee/1, see docs/e2ee.md. Made by static/test/vectors.test.js. Bytes are in hex.',
    links,
    announces,
    pairs,
    chains,
    frames,
    credentials,
    broadcasts,
    rosters,
    messages,
  };
}

const file = (name) => new URL(`../../e2ee/testdata/${name}`, import.meta.url);
const read = (name) => readFileSync(file(name), 'utf8');
const made = `${JSON.stringify(await make(), null, 1)}\n`;
if (process.env.MAKE_VECTORS) writeFileSync(file('vectors-js.json'), made);
const rfc = JSON.parse(read('rfc9605.json'));

test('RFC 9605 Appendix C.1: every header', () => {
  assert.equal(rfc.headers.length, 289);
  for (const { kid, ctr, header } of rfc.headers) {
    const [k, c] = [BigInt(`0x${kid}`), BigInt(`0x${ctr}`)];
    assert.equal(hex(sframe.encodeHeader(k, c)), header);
    assert.deepEqual(sframe.parseHeader(unhex(`${header}aa`)), { kid: k, ctr: c, length: header.length / 2 });
    assert.equal(sframe.parseHeader(unhex(header.slice(0, -2))), null);
  }
});

for (const v of rfc.sframe) {
  test(`RFC 9605 Appendix C.3: cipher suite ${v.cipher_suite}`, async () => {
    const key = await sframe.deriveKey(BigInt(`0x${v.kid}`), unhex(v.base_key), v.cipher_suite);
    const sealed = await sframe.seal(key, BigInt(`0x${v.ctr}`), unhex(v.metadata), unhex(v.pt));
    assert.equal(hex(sealed), v.ct);
    assert.equal(hex(await sframe.open(key, sframe.parseHeader(sealed), unhex(v.metadata), sealed)), v.pt);
  });
}

for (const name of ['vectors.json', 'vectors-js.json']) {
  const all = JSON.parse(read(name));
  for (const section of sections) test(`${name}: ${section}`, () => verify(all, section));
}

test('vectors-js.json is what this code makes', () => {
  assert.equal(read('vectors-js.json'), made, 'the format has changed: make it anew, as it says above');
});
