import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begun, minutes, passed, shown } from '../js/core/timer.js';

test('a page counts down from what the server says is left, by its own monotonic clock', () => {
  const timer = begun(90_000, 1000);
  assert.deepEqual(shown(timer, 1000), { seconds: 90, over: false });
  assert.deepEqual(shown(timer, 1001), { seconds: 90, over: false });
  assert.deepEqual(shown(timer, 90_999), { seconds: 1, over: false });
  assert.deepEqual(shown(timer, 91_000), { seconds: 0, over: true });
  assert.deepEqual(shown(timer, 100_999), { seconds: 0, over: true });
  assert.equal(shown(timer, 101_000), null);
});

test('who comes late sees the same second as the others', () => {
  const early = begun(60_000, 5000);
  const late = begun(48_000, 812_000); // twelve seconds later, on a page with another clock
  assert.deepEqual(shown(early, 5000 + 12_000), shown(late, 812_000));
});

test('stopped, and what no server says', () => {
  assert.equal(begun(0, 5), null);
  assert.equal(begun(-4, 5), null);
  assert.equal(begun(Number.NaN, 5), null);
  assert.equal(shown(null, 5), null);
  assert.deepEqual(shown(begun(1e15, 0), 0), { seconds: 48 * 3600, over: false });
});

test('a minute before the end, and the end, are told once', () => {
  const timer = begun(90_000, 0);
  assert.equal(passed(timer, 0, 29_999), '');
  assert.equal(passed(timer, 29_999, 30_000), 'minute');
  assert.equal(passed(timer, 30_000, 30_250), '');
  assert.equal(passed(timer, 89_900, 90_150), 'over');
  assert.equal(passed(timer, 90_150, 90_400), '');
  assert.equal(passed(timer, 80_000, 200_000), '', 'the page slept through it');
  assert.equal(passed(begun(60_000, 0), 0, 250), '', 'a countdown of one minute does not begin with its last');
  assert.equal(passed(null, 0, 1e9), '');
});

test('minutes that a person writes', () => {
  assert.deepEqual(
    ['5', ' 12 ', '0', '-3', '1441', '1.5', 'x', '', '99999'].map(minutes),
    [5, 12, 0, 0, 0, 0, 0, 0, 0],
  );
});
