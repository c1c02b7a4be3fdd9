// Whose key is whose: the four states of docs/e2ee.md, section 15, over several meetings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_PINS, Pins } from '../js/e2ee/pins.js';

const NOW = 1_800_000_000_000;

const one = (ik, name, o = {}) => ({ key: ik, name, ...o });

/** A device that keeps what it is told to keep, as the page's storage does. */
class Device {
  kept = new Map();

  meeting() {
    return new Pins([...this.kept.values()]);
  }

  async met(pins, people, { verified = false, now = NOW } = {}) {
    const { put, drop } = await pins.meet(people, verified, now);
    for (const pin of put) this.kept.set(pin.ik, pin);
    for (const ik of drop) this.kept.delete(ik);
    return put.length;
  }
}

test('a key never seen is new, and known from the next meeting on', async () => {
  const device = new Device();
  const first = device.meeting();
  const ben = one('ik-ben', 'Ben');
  assert.equal(await first.trust(ben), 'new');
  await device.met(first, [ben]);
  assert.equal(await first.trust(ben), 'new', 'still the first meeting');
  assert.equal(await device.meeting().trust(ben), 'known');
});

test('names are compared in one form, trimmed, without case; the device keeps none of them', async () => {
  const device = new Device();
  await device.met(device.meeting(), [one('ik-1', 'Zo\u00eb')]);
  for (const name of ['zo\u00eb', ' ZOE\u0308 ']) {
    assert.equal(await device.meeting().trust(one('ik-1', name)), 'known', name);
  }
  assert.equal(await device.meeting().trust(one('ik-1', 'Zoe')), 'new');
  assert(
    !JSON.stringify([...device.kept.values()])
      .toLowerCase()
      .includes('zo\u00eb'),
  );
});

test('verified holds at once and in later meetings, for that key alone', async () => {
  const device = new Device();
  const first = device.meeting();
  const [ben, cem] = [one('ik-ben', 'Ben'), one('ik-cem', 'Cem')];
  await device.met(first, [ben, cem]);
  await device.met(first, [ben], { verified: true });
  assert.deepEqual([await first.trust(ben), await first.trust(cem)], ['verified', 'new']);
  const second = device.meeting();
  assert.deepEqual([await second.trust(ben), await second.trust(cem)], ['verified', 'known']);
  await device.met(second, [ben, cem]);
  assert.equal(await device.meeting().trust(ben), 'verified', 'meeting again takes nothing back');
  assert.equal(await second.trust(one('ik-ben', 'Benjamin')), 'verified', 'a name of nobody else');
});

test('a known name with another key is changed, in every meeting, until the codes were compared', async () => {
  const device = new Device();
  const ben = one('ik-ben', 'Ben');
  await device.met(device.meeting(), [ben], { verified: true });
  const other = one('ik-other', 'ben');
  for (let meeting = 0; meeting < 3; meeting++) {
    const pins = device.meeting();
    assert.equal(await pins.trust(other), 'changed');
    assert.equal(await device.met(pins, [other]), 0, 'not remembered by being there');
  }
  const pins = device.meeting();
  await device.met(pins, [other], { verified: true });
  assert.equal(await pins.trust(other), 'verified');
  assert.equal(await pins.trust(ben), 'verified', 'the key from before is theirs too');
  assert.equal(await device.meeting().trust(other), 'verified');
});

test("somebody who is known, or verified, and takes another one's name is told of", async () => {
  const device = new Device();
  const first = device.meeting();
  await device.met(first, [one('ik-ana', 'Ana'), one('ik-cem', 'Cem')]);
  await device.met(first, [one('ik-ben', 'Ben')], { verified: true });
  const pins = device.meeting();
  for (const ik of ['ik-ben', 'ik-cem']) {
    assert.equal(await pins.trust(one(ik, 'Ana')), 'changed', ik);
    await device.met(pins, [one(ik, 'Ana')]);
  }
  const later = device.meeting();
  assert.equal(await later.trust(one('ik-ben', 'Ana')), 'changed', 'their own name is kept');
  assert.deepEqual(
    [
      await later.trust(one('ik-ben', 'Ben')),
      await later.trust(one('ik-cem', 'Cem')),
      await later.trust(one('ik-ana', 'Ana')),
    ],
    ['verified', 'known', 'known'],
  );
});

test('two of one name who meet for the first time are both new, and both known later', async () => {
  const device = new Device();
  const [a, b] = [one('ik-a', 'Kim'), one('ik-b', 'Kim', { participant: 2 })];
  const first = device.meeting();
  await device.met(first, [a, b]);
  assert.deepEqual([await first.trust(a), await first.trust(b)], ['new', 'new']);
  const second = device.meeting();
  assert.deepEqual([await second.trust(a), await second.trust(b)], ['known', 'known']);
});

test('who has no valid key, or no name, is not remembered', async () => {
  const device = new Device();
  const left = [one('', 'Eve'), one('ik-2', '')];
  assert.equal(await device.met(device.meeting(), left), 0);
  assert.equal(await device.met(device.meeting(), left, { verified: true }), 0);
});

test('being met is stored once a meeting, and a thousand at most, those met longest ago forgotten', async () => {
  const device = new Device();
  const pins = device.meeting();
  assert.equal(await device.met(pins, [one('ik-ben', 'Ben')]), 1);
  assert.equal(await device.met(pins, [one('ik-ben', 'Ben')], { now: NOW + 1 }), 0);
  for (let i = 0; i < MAX_PINS + 5; i += 100) {
    await device.met(
      pins,
      Array.from({ length: 100 }, (_, k) => one(`ik-${i + k}`, `P${i + k}`)),
      { now: NOW + 2 + i },
    );
  }
  assert.equal(device.kept.size, MAX_PINS);
  assert(!device.kept.has('ik-ben') && device.kept.has(`ik-${MAX_PINS + 4}`));
});
