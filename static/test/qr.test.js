import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qr } from '../js/core/qr.js';

test('QR codes have their finder patterns, hold any link, and refuse what they cannot', () => {
  for (const text of [
    'x',
    'https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt',
    `https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt#k=${'A'.repeat(43)}`,
    'y'.repeat(213),
  ]) {
    const code = qr(text);
    for (const [x, y] of [
      [0, 0],
      [code.size - 7, 0],
      [0, code.size - 7],
    ]) {
      for (let i = 0; i < 7; i++) assert.ok(code.dark(x + i, y) && code.dark(x, y + i) && code.dark(x + i, y + 6));
      assert.ok(!code.dark(x + 1, y + 1) && code.dark(x + 3, y + 3));
    }
  }
  assert.equal(qr('z'.repeat(300)), null);
});
