import assert from 'node:assert/strict';
import test from 'node:test';
import { pausesSince } from '../browser/harness/net/pause.js';

/** @param {number} from @param {number} to @returns {number[]} every 50 ms, without the last */
const every50 = (from, to) => Array.from({ length: (to - from) / 50 }, (_, i) => from + i * 50);

test('what comes steadily has no pause', () => {
  assert.deepEqual(pausesSince(every50(0, 2000), every50(0, 2000), 500), []);
});

test('a pause lasts from what came last to the last look that saw nothing', () => {
  const came = [...every50(0, 1000), ...every50(3000, 4000)];
  assert.deepEqual(pausesSince(came, every50(0, 4000), 500), [{ end: 3000, ms: 2000 }]);
});

test('what came before counts from the moment on', () => {
  assert.deepEqual(pausesSince([0, 3000], every50(0, 4000), 1000), [{ end: 3000, ms: 1950 }]);
});

test('a page that did not look has no pause', () => {
  const awake = [...every50(0, 1000), ...every50(9000, 9500)];
  assert.deepEqual(pausesSince(awake, awake, 500), []);
});

test('a page that did not look only at the end of a pause has one until it looked last', () => {
  const came = [...every50(0, 1000), ...every50(9000, 9500)];
  const looks = [...every50(0, 3000), ...every50(9000, 9500)];
  assert.deepEqual(pausesSince(came, looks, 500), [{ end: 9000, ms: 2000 }]);
});
