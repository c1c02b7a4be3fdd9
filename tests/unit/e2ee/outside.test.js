// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// Those outside the group, as a page has to do with them: what it gives them, how many it knows. What Go refuses, too,
// is in e2ee/testdata/hostile.json.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url } from '../../../static/js/e2ee/bytes.js';
import { readKid } from '../../../static/js/e2ee/keyring.js';
import { World } from './world.js';

/** A meeting of ann and bob, with one outside, for 5 s. */
async function meeting(outside = ['rec']) {
  const w = new World({ people: ['ann', 'bob'], outside });
  await w.begin();
  for (const name of ['ann', 'bob', ...outside]) await w.join(name);
  await w.runUntil(5000);
  return w;
}

const keyOf = (w, name) => base64url(w.person(name).identity.ikPublic);

/** Contexts of the keys that it was given of an epoch. */
const contexts = (seat, epoch) =>
  [...seat.session.ring.given.keys()]
    .map((id) => id.split(' ').map(BigInt))
    .filter(([e]) => e === epoch)
    .map(([, kid]) => readKid(kid).context)
    .sort();

test('keys are those of live tracks, and of no others, in each epoch', async () => {
  const w = await meeting();
  const [bob, rec] = [w.seat('bob'), w.seat('rec')];
  await w.tell(bob, { type: 'live', sources: ['mic', 'screen'] });
  await w.tell(bob, { type: 'consent', key: keyOf(w, 'rec'), given: true });
  await w.runUntil(6000);
  const first = bob.session.epoch.number;
  assert.deepEqual(contexts(rec, first), [0, 3]);
  await w.tell(bob, { type: 'live', sources: ['mic', 'camera'] });
  await w.runUntil(7000);
  assert.deepEqual(contexts(rec, first), [0, 1, 3]);
  await w.tell(bob, { type: 'rename', name: 'Robert' });
  await w.runUntil(8000);
  assert.ok(bob.session.epoch.number > first);
  assert.deepEqual(contexts(rec, bob.session.epoch.number), [0, 1]);
});

test('what was decided while nothing can be said holds, and is told later', async () => {
  const w = await meeting();
  const bob = w.seat('bob');
  await w.tell(bob, { type: 'consent', key: keyOf(w, 'rec'), given: true });
  await w.runUntil(6000);
  w.server.filters.push({ kind: 'drop', what: 'broadcast', to: ['bob'], id: 1 });
  await w.runUntil(90_000);
  assert.ok(!bob.session.gate.ready(w.clock.now));
  const before = bob.session.epoch.number;
  await w.tell(bob, { type: 'consent', key: keyOf(w, 'rec'), given: false });
  const [about] = bob.session.view(w.clock.now).outside;
  assert.deepEqual([about.asked, about.consent], [true, false]);
  w.server.filters = [];
  await w.runUntil(110_000);
  assert.ok(bob.session.gate.media(w.clock.now) && bob.session.epoch.number > before);
  assert.deepEqual(contexts(w.seat('rec'), bob.session.epoch.number), []);
});

test('a page knows sixty-four of those outside; who is gone makes room', async () => {
  const names = Array.from({ length: 65 }, (_, i) => `bot${i}`);
  const w = await meeting(names);
  const bob = w.person('bob');
  assert.equal(bob.asked.length, 64);
  const late = names.find((name) => !bob.asked.includes(name));
  const early = names.find((name) => name !== late);
  await w.server.end(w.seat(early));
  await w.runUntil(20_000);
  await w.does(w.seat(late), (o) => o.ask(w.seat('bob').n));
  await w.runUntil(21_000);
  assert.ok(bob.asked.includes(late));
});
