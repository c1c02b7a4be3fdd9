import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { looksVirtual } from '../js/core/virtualcamera.js';

test('cameras that programs make are recognised by their usual names', () => {
  for (const label of [
    'OBS Virtual Camera',
    'ManyCam Virtual Webcam',
    'Snap Camera',
    'DroidCam Source 3',
    'Dummy video device (0x0000)',
  ]) {
    assert.ok(looksVirtual(label), label);
  }
});

test('devices are not', () => {
  for (const label of [
    '',
    'FaceTime HD Camera',
    'Logitech BRIO',
    'Integrated Camera (04f2:b6d9)',
    'Observatory Cam',
    'fake_device_0',
  ]) {
    assert.ok(!looksVirtual(label), label);
  }
});

test('a notification of the browser has no text from the meeting, and a confidential meeting shows none', () => {
  const root = new URL('../js/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.js'));
  assert.ok(files.length > 50);
  const text = (/** @type {string} */ file) => readFileSync(new URL(file, root), 'utf8');
  const shows = files.filter((file) => /\bnew Notification\b|showNotification/.test(text(file)));
  assert.deepEqual(shows, ['call/view/attention.js']);
  const view = text('call/view/attention.js');
  assert.match(view, /!call\.store\.get\(\)\.state\.meeting\?\.confidential/);
  assert.doesNotMatch(view, /nameOf|\.name\b|\.text\b/, 'a name or a text');
});
