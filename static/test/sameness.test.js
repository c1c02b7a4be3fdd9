// Do all see the same people? When that is doubted, and when it is known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Member } from '../js/e2ee/member.js';
import { Sameness } from '../js/e2ee/sameness.js';

const ROOT = new Uint8Array(32).fill(7);
const person = (n) => new Uint8Array(32).fill(n);
/** What somebody else sees, as they would say it. */
const hashOf = async (people) => {
  const other = new Sameness(ROOT);
  await other.update(people, [], 0);
  return other.hash;
};

test('who says another hash for five seconds sees others, until they say ours', async () => {
  const same = new Sameness(ROOT);
  const m = new Member(2, '');
  await same.update([person(1), person(2)], [m], 1000);
  same.heard(m, await hashOf([person(2)]), 1000);
  await same.update([person(1), person(2)], [m], 5999);
  assert.equal(m.differs, false);
  assert.equal(same.deadline([m]), 3000, 'asks every two seconds');
  same.heard(m, await hashOf([person(2)]), 5999);
  assert.equal(m.differs, false);
  same.heard(m, await hashOf([person(2)]), 6000);
  assert.equal(m.differs, true);
  same.heard(m, same.hash, 7000);
  assert.equal(m.differs, false);
});

test('while our own roster changes, a late answer is no sign of a lie; for half a minute at most', async () => {
  const same = new Sameness(ROOT);
  const m = new Member(2, '');
  const people = [person(1), person(2)];
  await same.update(people, [m], 0);
  same.heard(m, await hashOf([person(2)]), 0);
  for (let s = 1; s <= 29; s++) {
    people.push(person(2 + s));
    await same.update(people, [m], s * 1000);
    same.heard(m, await hashOf([person(2), person(2 + s)]), s * 1000);
    assert.equal(m.differs, false, `${s} s`);
  }
  people.push(person(99));
  await same.update(people, [m], 30_000);
  assert.equal(m.differs, true);
});

test('five seconds of rest after changes are enough to know', async () => {
  const same = new Sameness(ROOT);
  const m = new Member(2, '');
  await same.update([person(1), person(2)], [m], 0);
  same.heard(m, await hashOf([person(2)]), 0);
  await same.update([person(1), person(2), person(3)], [m], 4000);
  same.heard(m, await hashOf([person(2)]), 8999);
  assert.equal(m.differs, false);
  same.heard(m, await hashOf([person(2)]), 9000);
  assert.equal(m.differs, true);
});

test('who is held up and says nothing is in doubt for half a minute at most', async () => {
  const same = new Sameness(ROOT);
  const m = new Member(2, '');
  const people = [person(1), person(2)];
  await same.update(people, [m], 0);
  same.heard(m, await hashOf([person(2)]), 0);
  await same.update(people, [m], 29_999);
  assert.equal(m.differs, false);
  await same.update(people, [m], 30_000);
  assert.equal(m.differs, true);
});
