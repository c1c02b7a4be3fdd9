// What goes through the worker, and what does not: both ways closed when in doubt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRACKS, frameKey } from '../js/e2ee/chain.js';
import { Keyring } from '../js/e2ee/keyring.js';
import { Opener, Sealer, Times, run } from '../js/e2ee/pipes.js';

const HASH = new Uint8Array(32).fill(1);
const CHAIN = { gen: 0, step: 0, chain: new Uint8Array(32).fill(2) };
const KEY = Uint8Array.from([0xb0, 0x1c, 0, 0x9d, 1, 0x2a, 0xa0, 0, 0x5a, 0, 1, 2, 3]);
const DELTA = Uint8Array.from([0x31, 5, 0, 1, 2]);

/** A frame as the browser hands it over. */
const frame = (data, { mime = 'video/VP8', from, type = data[0] & 1 ? 'delta' : 'key' } = {}) => ({
  data: data.slice().buffer,
  type,
  getMetadata: () => ({ mimeType: mime, contributingSources: from === undefined ? [] : [from] }),
});

/** One who sends as participant 7, and one who receives in a slot. */
async function pair({ track = TRACKS.camera, wait } = {}) {
  const send = { key: await frameKey(CHAIN, track, HASH), next: 0n };
  const sealer = new Sealer(() => send);
  const keyring = new Keyring();
  keyring.install(7, HASH, CHAIN);
  let now = 1000;
  const asked = [];
  const opener = new Opener(
    { key: (p, kid) => keyring.key(p, kid), opened: (p, k, c) => keyring.opened(p, k, c, now), now: () => now },
    wait ?? (async () => {}),
  );
  opener.askKeyFrame = () => asked.push(now);
  opener.assign({ participant: 7, track: TRACKS.camera });
  const sealed = async (data, o) => {
    const f = frame(data, o);
    assert(await sealer.pass(f));
    return () => ({ ...frame(new Uint8Array(f.data), o), type: data[0] & 1 ? 'delta' : 'key' });
  };
  return {
    send,
    sealer,
    opener,
    keyring,
    sealed,
    asked,
    pass: (ms) => {
      now += ms;
    },
  };
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
  for (const data of [KEY, DELTA, new Uint8Array(0), new Uint8Array(200)]) assert(!(await opener.pass(frame(data))));
  assert.equal(opener.counts.opened, 0);
});

test('swapped streams do not open: another track, another person, a slot of nobody', async () => {
  const screen = await pair({ track: TRACKS.screen });
  assert(!(await screen.opener.pass((await screen.sealed(KEY))())), 'a screen where a camera is said to be');
  const { opener, sealed, keyring } = await pair();
  keyring.install(8, HASH, { ...CHAIN, chain: new Uint8Array(32).fill(9) });
  opener.assign({ participant: 8, track: TRACKS.camera });
  assert(!(await opener.pass((await sealed(KEY))())), 'sealed by 7, in the slot of 8');
  assert.equal(opener.counts.failed, 1);
  opener.assign({ participant: 7, track: TRACKS.camera });
  assert(!(await opener.pass((await sealed(KEY, { from: 8 }))())), 'the server says it is of 8');
  opener.assign({ participant: 0, track: -1 });
  assert(!(await opener.pass((await sealed(KEY))())));
});

test('a frame that is here before the word that the slot is theirs waits for it, once', async () => {
  let waits = 0;
  let assign = () => {};
  const p = await pair({
    wait: async () => {
      waits++;
      assign();
    },
  });
  p.opener.assign({ participant: 3, track: TRACKS.camera });
  assign = () => p.opener.assign({ participant: 7, track: TRACKS.camera });
  assert(await p.opener.pass((await p.sealed(KEY, { from: 7 }))()));
  assign = () => {};
  for (let i = 0; i < 5; i++) assert(!(await p.opener.pass((await p.sealed(DELTA, { from: 9 }))())));
  assert.equal(waits, 2);
  assert(!(await p.opener.pass((await p.sealed(DELTA, { from: 3 }))())), 'the former owner is not waited for');
  assert.equal(waits, 2);
  p.opener.assign({ participant: 3, track: TRACKS.camera });
  assert.equal(p.asked.length, 1, 'what was dropped may have been the key frame');
});

test('a slot named again takes the newest key frame again; if older than the floor, one is requested', async () => {
  const { opener, sealed, send, asked, pass } = await pair();
  const key = await sealed(KEY);
  const delta = await sealed(DELTA);
  assert(await opener.pass(key()));
  assert(await opener.pass(delta()));
  opener.assign({ participant: 7, track: TRACKS.camera });
  assert(await opener.pass(key()), 'the server named the slot');
  assert(await opener.pass(delta()));
  pass(2000);
  assert(await opener.pass(key()), 'it switched layers, and the word of it is not here yet');
  assert(await opener.pass(delta()));
  assert(!(await opener.pass(key())), 'not twice within a second');
  send.next += 2000n;
  assert(await opener.pass((await sealed(DELTA))()));
  pass(2000);
  assert(!(await opener.pass(key())), 'too old');
  assert.equal(asked.length, 2);
});

test('a flood of what does not open costs thirty tries a second', async () => {
  const { opener, sealed, keyring, pass } = await pair();
  const good = await sealed(KEY);
  let tries = 0;
  const key = keyring.key.bind(keyring);
  keyring.key = (p, kid) => {
    tries++;
    return key(p, kid);
  };
  for (let i = 0; i < 100; i++) {
    const f = (await sealed(DELTA))();
    new Uint8Array(f.data)[6] ^= 1;
    assert(!(await opener.pass(f)));
  }
  assert.equal(tries, 30);
  assert(!(await opener.pass(good())), 'not in this second');
  pass(1001);
  assert(await opener.pass(good()));
});

test('when a key comes for whom frames were dropped, one key frame is asked for', async () => {
  const { opener, sealed, keyring, asked } = await pair();
  keyring.forget(7);
  assert(!(await opener.pass((await sealed(KEY))())));
  opener.keyCame(8);
  assert.equal(asked.length, 0);
  opener.keyCame(7);
  opener.keyCame(7);
  assert.equal(asked.length, 1);
});

test('a mistake within lets nothing through and does not end the stream', async () => {
  const written = [];
  const readable = new ReadableStream({
    start(c) {
      for (const n of [1, 2, 3]) c.enqueue(n);
      c.close();
    },
  });
  const writable = new WritableStream({
    write(n) {
      written.push(n);
    },
  });
  await run(
    { readable, writable },
    {
      pass: async (n) => {
        if (n === 2) throw new Error('oh');
        return true;
      },
    },
    new Times(),
  );
  assert.deepEqual(written, [1, 3]);
});
