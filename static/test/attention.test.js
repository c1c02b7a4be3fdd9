import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calls, count, counted, due, iconOf, rings } from '../js/core/attention.js';
import { initialState } from '../js/core/state.js';

const person = (/** @type {number} */ n, hand = 0) =>
  /** @type {any} */ ({ participant: n, name: 'P', sources: [], hand, connected: true });
const waiting = (/** @type {number[]} */ ...list) =>
  /** @type {any} */ (list.map((n) => ({ participant: n, name: '' })));

test('attention: a waiting guest counts at once, before their name is known', () => {
  const before = due(initialState());
  const now = due({ ...initialState(), waiting: waiting(7) });
  assert.deepEqual(calls(before, now, true), ['waiting']);
  assert.equal(count(now), 1);
  const another = due({ ...initialState(), waiting: waiting(8) });
  assert.deepEqual(calls(now, another, true), ['waiting'], 'one goes and another comes');
  assert.deepEqual(calls(another, due(initialState()), true), []);
});

test('attention: a raised hand calls those who run the meeting, and no others', () => {
  const before = due(initialState());
  const now = due({ ...initialState(), people: new Map([[2, person(2, 1)]]) });
  assert.deepEqual(calls(before, now, true), ['hand']);
  assert.deepEqual(calls(before, now, false), []);
  assert.equal(count(now), 0);
});

test('attention: unread lines are counted, one’s own are not', () => {
  const line = (/** @type {number} */ n, /** @type {boolean} */ own) =>
    /** @type {any} */ ({ n, own, text: '', from: 2 });
  const before = due(initialState());
  const now = due({ ...initialState(), chat: [line(1, false), line(2, true)] });
  assert.deepEqual(calls(before, now, false), ['chat']);
  assert.equal(count(now), 1);
  assert.equal(count(due({ ...initialState(), chat: [line(1, false)], chatSeen: 1 })), 0);
});

test('attention: a sound of one kind comes every two seconds at most', () => {
  const rang = new Map();
  assert.deepEqual(
    [0, 1999, 2000, 2500].map((at) => rings(rang, 'chat', at)),
    [true, false, true, false],
  );
  assert.equal(rings(rang, 'waiting', 2500), true);
});

test('attention: the title and the icon say how much is due', () => {
  assert.deepEqual([counted('A', 0), counted('A', 3), counted('A', 120)], ['A', '(3) A', '(99+) A']);
  assert.ok(!decodeURIComponent(iconOf(0)).includes('<text'));
  assert.match(decodeURIComponent(iconOf(3)), />3<\/text>/);
});
