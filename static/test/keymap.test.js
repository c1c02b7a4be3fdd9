import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, SHORTCUTS } from '../js/core/keymap.js';

const stroke = (key, more = {}) => ({
  key,
  repeat: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  typing: false,
  onControl: false,
  dialog: false,
  ...more,
});

test('letters act, but never while somebody types, with modifiers, in a dialog, or when switched off', () => {
  assert.equal(command(stroke('m'), 'down', true), 'mic');
  assert.equal(command(stroke('M'), 'down', true), 'mic');
  for (const more of [
    { typing: true },
    { ctrlKey: true },
    { metaKey: true },
    { altKey: true },
    { dialog: true },
    { repeat: true },
  ]) {
    assert.equal(command(stroke('m', more), 'down', true), null);
  }
  assert.equal(command(stroke('m'), 'down', false), null);
  assert.equal(command(stroke('m'), 'up', true), null);
  assert.equal(command(stroke('constructor'), 'down', true), null);
});

test('Space belongs to the button that has the focus, and talks elsewhere', () => {
  assert.equal(command(stroke(' ', { onControl: true }), 'down', true), null);
  assert.equal(command(stroke(' '), 'down', true), 'talk');
  assert.equal(command(stroke(' '), 'up', true), 'talk_end');
  assert.equal(command(stroke('ArrowRight', { onControl: true }), 'down', true), null);
});

test('each shortcut on the sheet does what the sheet says', () => {
  const key = { '←': 'ArrowLeft', '→': 'ArrowRight', Space: ' ' };
  for (const s of SHORTCUTS) assert.equal(command(stroke(key[s.keys] ?? s.keys), 'down', true), s.command);
});
