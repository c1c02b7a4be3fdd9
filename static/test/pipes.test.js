// What goes through the media worker, and what does not: both ways closed when in doubt (docs/e2ee.md, section 13).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealFrame } from '../js/e2ee/frame.js';
import { Keyring, TRACKS, readKid } from '../js/e2ee/keyring.js';
import { Opener, Sealer, Times, run } from '../js/e2ee/pipes.js';
import { deriveKey } from '../js/e2ee/sframe.js';

const KEY = Uint8Array.from([0xb0, 0x1c, 0, 0x9d, 1, 0x2a, 0xa0, 0, 0x5a, 0, 1, 2, 3]);
const DELTA = Uint8Array.from([0x31, 5, 0, 1, 2]);

/** A frame as the browser hands it over. */
const frame = (data, { mime = 'video/VP8', from, type = data[0] & 1 ? 'delta' : 'key' } = {}) => ({
  data: data.slice().buffer,
  type,
  getMetadata: () => ({ mimeType: mime, contributingSources: from === undefined ? [] : [from] }),
});

const MEMBERS = [
  [3, 'ann'],
  [5, 'bob'],
];

/** What the group says of an epoch: ann has leaf 3, bob leaf 5. */
const epoch = (n, leaf, o = {}) => ({
  order: 'epoch',
  epoch: BigInt(n),
  base: new Uint8Array(16).fill(n % 251),
  leaf,
  members: MEMBERS,
  removal: false,
  ...o,
});

/** Ann sends as participant 7, and bob receives in a slot. */
async function pair({ track = TRACKS.camera, wait = async () => {} } = {}) {
  const clock = { now: 1000 };
  const rings = { ann: new Keyring(), bob: new Keyring() };
  for (const ring of Object.values(rings)) {
    await ring.take({ order: 'may', send: true, haltIn: null }, 1000);
    await ring.take({ order: 'owners', owners: [[7, 'ann'], [8, 'bob']] }, 1000); // prettier-ignore
  }
  const enter = async (n, o, who = ['ann', 'bob']) => {
    if (who.includes('ann')) await rings.ann.take(epoch(n, 3, o), clock.now);
    if (who.includes('bob')) await rings.bob.take(epoch(n, 5, o), clock.now);
  };
  await enter(1);
  const sealer = new Sealer(() => rings.ann.sendKey(track, clock.now));
  const unknown = [];
  const asked = [];
  const keys = { ring: rings.bob, now: () => clock.now, unknown: () => unknown.push(clock.now) };
  const opener = new Opener(keys, wait);
  opener.askKeyFrame = () => asked.push(clock.now);
  opener.assign({ participant: 7, track: TRACKS.camera });
  const sealed = async (data, o) => {
    const f = frame(data, o);
    assert(await sealer.pass(f));
    return (more) => ({ ...frame(new Uint8Array(f.data), { ...o, ...more }), type: more?.type ?? f.type });
  };
  return { clock, rings, enter, sealer, opener, sealed, asked, unknown };
}

test('what is sealed opens bit by bit, once', async () => {
  const { opener, sealed } = await pair();
  const copy = await sealed(KEY);
  const f = copy();
  assert.notDeepEqual(new Uint8Array(f.data), KEY);
  assert(await opener.pass(f));
  assert.deepEqual(new Uint8Array(f.data), KEY);
  const delta = await sealed(DELTA);
  assert(await opener.pass(delta()));
  assert(!(await opener.pass(delta())), 'a repeat');
  assert.equal(opener.counts.repeated, 1);
});

test('without a key, of another codec, empty or cut, nothing leaves', async () => {
  const { sealer } = await pair();
  assert(!(await new Sealer(() => null).pass(frame(KEY))));
  for (const f of [
    frame(KEY, { mime: 'video/H264' }),
    frame(KEY, { mime: 'audio/red' }),
    frame(new Uint8Array(0)),
    frame(KEY.subarray(0, 9)),
  ]) {
    assert(!(await sealer.pass(f)));
  }
  assert.deepEqual(sealer.counts, { sealed: 0, dropped: 3, empty: 1 });
});

test('plaintext never goes to a decoder', async () => {
  const { opener } = await pair();
  for (const data of [KEY, DELTA, new Uint8Array(40), new Uint8Array(0)]) assert(!(await opener.pass(frame(data))));
  assert.equal(opener.counts.opened, 0);
});

test('swapped streams do not open: another track, another person, a slot of nobody', async () => {
  for (const owner of [
    { participant: 7, track: TRACKS.screen },
    { participant: 8, track: TRACKS.camera },
    { participant: 9, track: TRACKS.camera },
    { participant: 0, track: TRACKS.camera },
  ]) {
    const { opener, sealed } = await pair();
    opener.assign(owner);
    assert(!(await opener.pass((await sealed(KEY))())), JSON.stringify(owner));
    assert.equal(opener.counts.stranger, 1);
  }
});

test('a counter is accepted once, ever: no word of the server opens it again', async () => {
  const { opener, sealed, asked } = await pair();
  const copy = await sealed(KEY);
  assert(await opener.pass(copy()));
  opener.assign({ participant: 0, track: 0 });
  opener.assign({ participant: 7, track: TRACKS.camera });
  assert(!(await opener.pass(copy())));
  assert.equal(asked.length, 1, 'another key frame is asked for');
});

test('whether a frame is a key frame is authenticated, where its clear bytes do not tell', async () => {
  for (const mime of ['video/VP9', 'video/AV1']) {
    const { opener, sealed } = await pair();
    const copy = await sealed(DELTA, { mime, type: 'delta' });
    const lie = copy();
    if (mime === 'video/AV1') new Uint8Array(lie.data)[0] = 0x0a;
    lie.type = 'key';
    assert(!(await opener.pass(lie)), mime);
    assert.equal(opener.counts.failed, 1);
    assert(await opener.pass(copy()), mime);
  }
});

test('a frame of an epoch that is not here waits for it, and then opens', async () => {
  let come = () => {};
  const { opener, sealed, enter, clock, unknown } = await pair({
    wait: async (ms, wake) => {
      assert(ms <= 500);
      void come();
      await wake;
    },
  });
  await enter(2, {}, ['ann']);
  clock.now += 200;
  const copy = await sealed(KEY);
  come = () => enter(2, {}, ['bob']);
  assert(await opener.pass(copy()));
  assert.equal(unknown.length, 0, 'the log is not asked for what comes of itself');
});

test('frames of epochs that nobody has are held for 500 ms, and the log is asked for once a second', async () => {
  const { opener, rings, sealed, enter, clock, unknown } = await pair({
    wait: async (ms) => {
      clock.now += ms;
    },
  });
  await enter(2, {}, ['ann']);
  clock.now += 200;
  const copy = await sealed(KEY);
  const begun = clock.now;
  assert(!(await opener.pass(copy())));
  assert.equal(unknown.length, 0, 'its commit may be on the way');
  for (let i = 0; i < 4; i++) assert(!(await opener.pass(copy())));
  assert.equal(clock.now - begun, 500);
  assert.equal(unknown.length, 1);
  assert(rings.bob.usable(clock.now), 'and it silences nobody');
});

test('after an add one sends under the old epoch for 200 ms, and opens it for 5 s', async () => {
  const { rings, opener, sealed, enter, clock } = await pair();
  const before = rings.ann.sendKey(TRACKS.mic, clock.now);
  await enter(2);
  const old = await sealed(KEY);
  clock.now += 199;
  assert.equal(rings.ann.sendKey(TRACKS.mic, clock.now), before, 'not yet');
  clock.now += 1;
  assert.notEqual(rings.ann.sendKey(TRACKS.mic, clock.now), before);
  const fresh = await sealed(KEY);
  assert(await opener.pass(fresh()));
  clock.now += 4700;
  assert(await opener.pass(old()));
  const { opener: late, sealed: seal2, enter: enter2, clock: clock2 } = await pair();
  const first = await seal2(KEY);
  await enter2(2);
  clock2.now += 5000;
  assert(!(await late.pass(first())));
});

test('adds that follow each other do not put off the switch', async () => {
  const { rings, enter, clock } = await pair();
  const before = rings.ann.sendKey(TRACKS.mic, clock.now);
  for (let n = 2; n < 5; n++) {
    await enter(n, {}, ['ann']);
    clock.now += 150;
  }
  assert.notEqual(rings.ann.sendKey(TRACKS.mic, clock.now)?.key.kid, before?.key.kid);
});

test('after a removal one sends under the new epoch at once, and opens the old for 1 s after a new frame', async () => {
  const { opener, sealed, enter, clock } = await pair();
  const [a, b] = [await sealed(KEY), await sealed(KEY)];
  await enter(2, { removal: true });
  const fresh = await sealed(KEY);
  clock.now += 100;
  assert(await opener.pass(fresh()));
  clock.now += 900;
  assert(await opener.pass(a()));
  clock.now += 100;
  assert(!(await opener.pass(b())));
  assert.equal(opener.counts.late, 1);
});

test('who takes an agreement back sends under the new epoch at once', async () => {
  const { rings, enter, clock } = await pair();
  const bits = () => readKid(rings.ann.sendKey(TRACKS.mic, clock.now).key.kid).bits;
  await enter(2, { atOnce: true });
  assert.equal(bits(), 2);
  await enter(3);
  assert.equal(bits(), 2);
});

test('one outside is opened by the secret that it said, and under its own name', async () => {
  const { rings, opener, clock } = await pair();
  await rings.bob.take({ order: 'owners', owners: [[9, 'rec']] }, clock.now);
  const slot = (participant) => opener.assign({ participant, track: TRACKS.camera });
  const base = new Uint8Array(16).fill(77);
  let ctr = 0n;
  /** A frame of rec, who has the number 12. */
  const said = async (context, from = base) => {
    const key = await deriveKey(BigInt((context << 20) | (12 << 10) | 1), from.slice());
    return frame(await sealFrame(key, ctr++, 'vp8', true, KEY), { type: 'key' });
  };
  const voice = { order: 'outside', epoch: 1n, number: 12, owner: 'rec', base };
  slot(9);
  assert(!(await opener.pass(await said(9))));
  assert.equal(opener.counts.noKey, 1);
  await rings.bob.take(voice, clock.now);
  await rings.bob.take({ ...voice, owner: 'tap', base: new Uint8Array(16) }, clock.now); // a second one is refused
  const f = await said(9);
  const again = { ...f, data: f.data.slice(0) };
  assert(await opener.pass(f));
  assert.deepEqual(new Uint8Array(f.data), KEY);
  assert(!(await opener.pass(again)));
  for (const context of [1, 5, 8, 11, 13]) assert(!(await opener.pass(await said(context))), `context ${context}`);
  slot(7);
  assert(!(await opener.pass(await said(9))), "ann's slot");
  slot(9);
  assert(!(await opener.pass(await said(9, new Uint8Array(16)))), 'another secret');
  assert.deepEqual([opener.counts.opened, opener.counts.repeated, opener.counts.failed], [1, 1, 1]);
});

test('frames of ever other epochs and senders are held no longer than those of one', async () => {
  const { rings, opener, clock } = await pair({
    wait: async (ms) => {
      clock.now += ms;
    },
  });
  await rings.bob.take({ order: 'owners', owners: [[9, 'rec']] }, clock.now);
  opener.assign({ participant: 9, track: TRACKS.camera });
  const begun = clock.now;
  for (let n = 0; n < 40; n++) {
    const kid = (9 << 20) | (n << 10) | (1 + (n % 2) * n);
    const key = await deriveKey(BigInt(kid), new Uint8Array(16));
    assert(!(await opener.pass(frame(await sealFrame(key, 0n, 'vp8', true, KEY), { type: 'key' }))));
  }
  assert.equal(clock.now - begun, 500);
});

test('a frame of one outside waits for its word', async () => {
  let come = async () => {};
  const { rings, opener, clock, unknown } = await pair({
    wait: async (ms, wake) => {
      assert(ms <= 500);
      await come();
      await wake;
    },
  });
  await rings.bob.take({ order: 'owners', owners: [[9, 'rec']] }, clock.now);
  opener.assign({ participant: 9, track: TRACKS.camera });
  const base = new Uint8Array(16).fill(77);
  const key = await deriveKey(BigInt((9 << 20) | (12 << 10) | 1), base.slice());
  come = async () => void (await rings.bob.take({ order: 'outside', epoch: 1n, number: 12, owner: 'rec', base }, 0));
  assert(await opener.pass(frame(await sealFrame(key, 0n, 'vp8', true, KEY), { type: 'key' })));
  assert.equal(unknown.length, 0, 'the log has nothing to say of it');
});

test('of an epoch sixty-four outside are known', async () => {
  const ring = new Keyring();
  await ring.take(epoch(1, 3), 0);
  for (let number = 0; number < 100; number++) {
    await ring.take({ order: 'outside', epoch: 1n, number, owner: 'rec', base: new Uint8Array(16) }, 0);
  }
  assert.equal(ring.find(1, 0).outside.size, 64);
});

test('after a removal the old epochs are closed after 2 s, those before it too', async () => {
  const { opener, sealed, enter, clock } = await pair();
  const oldest = await sealed(KEY);
  await enter(2);
  clock.now += 200;
  const old = await sealed(KEY);
  await enter(3, { removal: true });
  clock.now += 2000;
  assert(!(await opener.pass(old())));
  assert(!(await opener.pass(oldest())));
});

test('nothing is sealed when sending has ended, nor after the time that was named', async () => {
  const { rings, clock } = await pair();
  await rings.ann.take({ order: 'may', send: true, haltIn: 300 }, clock.now);
  assert(rings.ann.sendKey(TRACKS.mic, clock.now + 299));
  assert.equal(rings.ann.sendKey(TRACKS.mic, clock.now + 300), null);
  await rings.ann.take({ order: 'may', send: false, haltIn: null }, clock.now);
  assert.equal(rings.ann.sendKey(TRACKS.mic, clock.now), null);
});

test('one counter for all encodings of a track', async () => {
  const { rings, clock } = await pair();
  const key = rings.ann.sendKey(TRACKS.camera, clock.now);
  assert.equal(rings.ann.sendKey(TRACKS.camera, clock.now), key);
});

test('a flood of what does not open costs thirty tries a second, of one owner and epoch', async () => {
  const { opener, sealed, clock } = await pair();
  const bad = async () => {
    const f = (await sealed(DELTA))();
    new Uint8Array(f.data)[f.data.byteLength - 1] ^= 1;
    return f;
  };
  for (let i = 0; i < 40; i++) assert(!(await opener.pass(await bad())));
  assert(!(await opener.pass((await sealed(KEY))())), 'the rest of the second is dropped');
  clock.now += 1000;
  assert(await opener.pass((await sealed(KEY))()));
});

test('a frame that is here before the word that the slot is theirs waits for it, once', async () => {
  let wake = () => {};
  const { opener, sealed } = await pair({
    wait: async (ms, woken) => {
      queueMicrotask(wake);
      await woken;
    },
  });
  opener.assign({ participant: 8, track: TRACKS.camera });
  wake = () => opener.assign({ participant: 7, track: TRACKS.camera });
  assert(await opener.pass((await sealed(KEY, { from: 7 }))()));
});

test('a mistake within lets nothing through and does not end the stream', async () => {
  const written = [];
  const frames = [1, 2, 3];
  const transformer = {
    readable: new ReadableStream({
      pull(c) {
        if (frames.length > 0) c.enqueue(frames.shift());
        else c.close();
      },
    }),
    writable: new WritableStream({
      write(f) {
        written.push(f);
      },
    }),
  };
  const pipe = {
    pass: async (f) => {
      if (f === 2) throw new Error('a mistake');
      return true;
    },
  };
  const times = new Times();
  await run(transformer, pipe, times);
  assert.deepEqual(written, [1, 3]);
  assert.equal(times.list().length, 3);
});
