import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeakWatch } from '../js/e2ee/leaks.js';

/**
 * @param {[bytes: number, frames: number|null, passed: number][]} looks 2 s apart
 * @returns {boolean[]} what each says
 */
function watch(...looks) {
  const leaks = new LeakWatch();
  return looks.map(([bytes, frames, passed], i) => leaks.look('camera', { bytes, frames }, passed, 2000 * i));
}

test('a page that slept makes up for its looks in a moment: they are one, and what was on its way is no leak', () => {
  const leaks = new LeakWatch();
  const look = (/** @type {number} */ at, /** @type {number} */ bytes, /** @type {number} */ passed) =>
    leaks.look('mic', { bytes, frames: null }, passed, at);
  assert.deepEqual([look(0, 1000, 10), look(20_000, 2000, 10), look(20_010, 2100, 10)], [false, false, false]);
  assert.equal(look(22_000, 3000, 60), false);
  assert.deepEqual([look(24_000, 4000, 60), look(24_010, 4100, 60), look(26_000, 5000, 60)], [false, false, true]);
});

test('a video that leaves past the transform is noticed at the second look', () => {
  assert.deepEqual(watch([1000, 10, 0], [2000, 20, 0], [3000, 30, 0]), [false, true, true]);
  assert.deepEqual(
    watch([1000, 10, 10], [2000, 20, 10], [3000, 30, 10]),
    [false, false, true],
    'a transform that fell off',
  );
});

test('sound that leaves past the transform is noticed without a count of frames', () => {
  assert.deepEqual(watch([1000, null, 0], [2000, null, 0]), [false, true]);
});

test('probes for bandwidth while the camera is off are no leak', () => {
  assert.deepEqual(watch([1000, 10, 10], [5000, 10, 10], [9000, 10, 10], [13_000, 10, 10]), [
    false,
    false,
    false,
    false,
  ]);
});

test('frames that the transform drops for want of a key are no leak, whatever is probed meanwhile', () => {
  assert.deepEqual(watch([1000, 10, 10], [5000, 20, 20], [9000, 30, 30]), [false, false, false]);
});

test('what was sealed before the switch and leaves after it is no leak', () => {
  assert.deepEqual(watch([1000, 10, 10], [1500, 11, 10], [1500, 11, 10], [1900, 12, 10]), [false, false, false, false]);
});
