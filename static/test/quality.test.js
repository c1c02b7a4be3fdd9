import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as quality from '../js/core/quality.js';

const sample = (at, more = {}) => ({
  at,
  bytesIn: 0,
  bytesOut: 0,
  packetsIn: 0,
  lostIn: 0,
  packetsOut: 0,
  lostOut: 0,
  rtt: 0.02,
  jitter: 0.005,
  freezes: 0,
  ...more,
});

test('rates come from two looks; counters that restart count as nothing', () => {
  const r = quality.rates(sample(0), sample(2000, { bytesIn: 250_000, packetsIn: 90, lostIn: 10 }));
  assert.equal(r.kbitIn, 1000);
  assert.equal(r.lossIn, 0.1);
  assert.equal(quality.rates(sample(0, { bytesIn: 5000 }), sample(1000)).kbitIn, 0);
});

test('the worst measure makes the score', () => {
  const good = { kbitIn: 0, kbitOut: 0, lossIn: 0, lossOut: 0, rtt: 20, jitter: 5, frozen: 0 };
  assert.equal(quality.score(good), 4);
  assert.equal(quality.score({ ...good, lossIn: 0.03 }), 3);
  assert.equal(quality.score({ ...good, rtt: 500 }), 2);
  assert.equal(quality.score({ ...good, frozen: 0.9, rtt: 5000 }), 1);
});

test('bars move one at a time and do not flicker', () => {
  let q = { shown: 4, run: 0 };
  for (const now of [1, 4, 1, 4, 1, 4]) q = quality.smooth(q, now);
  assert.equal(q.shown, 4);
  for (const now of [1, 1, 1, 1]) q = quality.smooth(q, now);
  assert.equal(q.shown, 2);
  assert.equal(quality.smooth(q, 0).shown, 0);
});

test('the copied report holds no address', () => {
  const text = quality.withoutAddresses(
    'local 192.168.1.20:9 remote [2001:db8::1]:443 mdns 3fa85f64-5717-4562-b3fc-2c963f66afa6.local rtt 12 ms at 10:20',
  );
  assert.ok(!/192|2001|db8|3fa85/.test(text), text);
  assert.ok(text.includes('12 ms'));
});
