import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, unhex } from '../js/e2ee/bytes.js';
import * as sframe from '../js/e2ee/sframe.js';
import * as frame from '../js/e2ee/frame.js';
import { ReplayWindow } from '../js/e2ee/replay.js';

const WINDOW = 1024;

test('a changed byte anywhere, and other metadata, do not open', async () => {
  const key = await sframe.deriveKey(9n, new Uint8Array(32));
  const sealed = await sframe.seal(key, 77n, Uint8Array.of(1), Uint8Array.of(1, 2, 3));
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice();
    changed[i] ^= 1;
    const header = sframe.parseHeader(changed);
    if (header) await assert.rejects(sframe.open(key, header, Uint8Array.of(1), changed), `byte ${i}`);
  }
  const header = sframe.parseHeader(sealed);
  assert(header);
  await assert.rejects(sframe.open(key, header, Uint8Array.of(2), sealed));
  await assert.rejects(sframe.open(key, header, Uint8Array.of(1), sealed.subarray(0, -1)));
});

test('a header has one spelling, and a cut one is none', () => {
  for (const bad of [
    '',
    '80',
    '8007',
    '0807',
    '8000',
    '880007',
    '9001',
    '900008',
    '09000f',
    '0f00ffffffffffffff'.slice(0, 12),
  ]) {
    assert.equal(sframe.parseHeader(unhex(bad)), null, bad);
  }
  assert.throws(() => sframe.encodeHeader(1n << 64n, 0n));
  assert.throws(() => sframe.encodeHeader(0n, -1n));
});

/** @type {{codec: frame.Codec, isKey: boolean, data: string, clear: number}[]} */
const frames = [
  { codec: 'opus', isKey: false, data: '780be4c136', clear: 0 },
  { codec: 'vp8', isKey: true, data: 'b01c009d012aa0005a00392500', clear: 10 },
  { codec: 'vp8', isKey: false, data: '3105003c1c24', clear: 1 },
  { codec: 'vp9', isKey: true, data: '8349834200', clear: 0 },
  { codec: 'av1', isKey: true, data: `12000a0a00000003b4fd90${'00'.repeat(300)}`, clear: 0 },
  { codec: 'av1', isKey: false, data: '120032800330', clear: 0 },
];

for (const { codec, isKey, data, clear } of frames) {
  test(`a ${codec} ${isKey ? 'key' : 'delta'} frame comes back bit by bit, with ${clear} bytes readable`, async () => {
    const key = await sframe.deriveKey(1n, new Uint8Array(32));
    const sealed = await frame.sealFrame(key, 5n, codec, isKey, unhex(data));
    assert.equal(hex(sealed.subarray(0, clear)), data.slice(0, 2 * clear));
    if (codec === 'av1') assert.equal(sealed[0], isKey ? 0x0a : 0x32);
    const parsed = frame.parseFrame(codec, sealed, isKey);
    assert(parsed);
    assert.equal(parsed.header.ctr, 5n);
    assert.equal(hex(await frame.openFrame(key, parsed)), data);
    if (clear) {
      const changed = sealed.slice();
      changed[clear - 1] ^= 0x10;
      const other = frame.parseFrame(codec, changed, isKey);
      if (other) await assert.rejects(frame.openFrame(key, other), 'a readable byte was changed');
    }
  });
}

test('what is no sealed frame is refused before any key is asked for', () => {
  for (const codec of /** @type {frame.Codec[]} */ (['opus', 'vp8', 'vp9', 'av1'])) {
    for (let n = 0; n < 30; n++) {
      const parsed = frame.parseFrame(codec, new Uint8Array(n), false);
      assert(!parsed || parsed.body.length >= parsed.header.length + sframe.TAG);
    }
  }
  assert.equal(frame.parseFrame('av1', Uint8Array.of(0x0a, 0x80, 0x80, 0x80, 0x80, 0x80)), null);
  assert.equal(frame.codecOf('video/H264'), null);
  assert.equal(frame.codecOf('audio/red'), null);
  assert.equal(frame.codecOf(undefined), null);
});

test('the replay window takes each counter once, late ones within it, and none from behind it', () => {
  const w = new ReplayWindow();
  assert(w.take(5n));
  assert(!w.take(5n));
  assert(w.take(3n));
  assert(!w.take(3n));
  assert(w.take(5n + BigInt(WINDOW) - 1n));
  assert(!w.take(5n), 'still remembered at the far end');
  assert(w.take(6n));
  assert(w.take(5n + BigInt(WINDOW)));
  assert(!w.fresh(5n), 'too old now');
  assert(w.take(1n << 40n));
  assert(!w.take(5n + BigInt(WINDOW)));
  assert(w.take((1n << 40n) - 1n));
});
