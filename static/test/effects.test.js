import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectsOf } from '../js/media/effects.js';

/** @param {object} can @param {object} [now] @returns {any} a track, as far as it matters here */
const track = (can, now = {}) => ({ getCapabilities: () => can, getSettings: () => now });

test('controls: an effect is offered only where the device can be switched both ways', () => {
  const can = { noiseSuppression: [true, false], echoCancellation: [true], voiceIsolation: [false] };
  assert.deepEqual(effectsOf('mic', track(can, { noiseSuppression: true })), [
    { effect: 'noiseSuppression', on: true },
  ]);
  assert.deepEqual(effectsOf('mic', track({ echoCancellation: [true, false, 'all'] })), [
    { effect: 'echoCancellation', on: false },
  ]);
  assert.deepEqual(effectsOf('camera', track({ backgroundBlur: [false, true] }, { backgroundBlur: false })), [
    { effect: 'backgroundBlur', on: false },
  ]);
  assert.deepEqual(effectsOf('camera', track({ noiseSuppression: [true, false] })), [], 'a camera has no noise');
});

test('controls: no device, no capabilities, or others than expected: nothing is offered', () => {
  for (const none of [null, {}, track({}), track({ backgroundBlur: true }), track({ backgroundBlur: null })]) {
    assert.deepEqual(effectsOf('camera', none), []);
  }
});
