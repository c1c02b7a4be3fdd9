import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeakWatch } from '../js/e2ee/leaks.js';

/** @param {[bytes: number, frames: number|null, passed: number][]} looks @returns {boolean[]} what each look says */
function watch(...looks) {
  const leaks = new LeakWatch();
  return looks.map(([bytes, frames, passed]) => leaks.look('camera', { bytes, frames }, passed));
}

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
