import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grid, stage, duo, capacity, pages, MAX_TILES } from '../js/core/layout.js';

const sizes = [
  [320, 460],
  [390, 760],
  [768, 900],
  [1024, 640],
  [1440, 780],
  [2560, 1300],
  [900, 200],
];

const inside = (b, w, h) => b.x >= 0 && b.y >= 0 && b.x + b.w <= w + 1 && b.y + b.h <= h + 1 && b.w > 0 && b.h > 0;
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

test('every number of tiles fits every window, without overlap, all of one size', () => {
  for (const [w, h] of sizes) {
    for (let n = 1; n <= MAX_TILES; n++) {
      const boxes = grid(n, w, h);
      assert.equal(boxes.length, n);
      for (const b of boxes) {
        assert.ok(inside(b, w, h), `${n} in ${w}×${h}: ${JSON.stringify(b)}`);
        assert.equal(b.w, boxes[0].w);
      }
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) assert.ok(!overlap(boxes[i], boxes[j]), `${n} in ${w}×${h}`);
      }
    }
  }
});

test('tiles keep to their shapes and use the space', () => {
  for (const [w, h] of sizes) {
    for (let n = 1; n <= MAX_TILES; n++) {
      const [b] = grid(n, w, h, { gap: 0 });
      assert.ok((b.w / b.h > 1.25 && b.w / b.h < 1.85) || b.h < 20, `${n} in ${w}×${h}: ${b.w}×${b.h}`);
    }
  }
  const four = grid(4, 1440, 800, { gap: 0 });
  assert.ok((4 * four[0].w * four[0].h) / (1440 * 800) > 0.95, 'four tiles fill a wide window');
});

test('the last row is centred', () => {
  const boxes = grid(5, 1440, 800);
  const last = boxes.slice(3);
  assert.ok(Math.abs((last[0].x + last.at(-1).x + last.at(-1).w) / 2 - 720) <= 2);
});

test('a page holds as many as stay wide enough, and not more than the slots', () => {
  for (const [w, h] of sizes) {
    const n = capacity(w, h, { minWidth: 150 });
    assert.ok(n >= 1 && n <= MAX_TILES);
    if (n > 1) assert.ok(grid(n, w, h)[0].w >= 149);
  }
  assert.equal(capacity(4000, 3000, { minWidth: 100, limit: 500 }), MAX_TILES);
  assert.equal(capacity(1440, 800, { limit: 9 }), 9);
  assert.ok(capacity(320, 460, { minWidth: 130 }) < capacity(1440, 800, { minWidth: 130 }));
});

test('stage and strip share the space and say how many the strip holds', () => {
  for (const [w, h] of sizes) {
    for (const others of [0, 1, 3, 40]) {
      const s = stage(1, others, w, h);
      assert.ok(inside(s.stage[0], w, h));
      assert.equal(s.strip.length, Math.min(others, s.perPage));
      for (const b of s.strip) {
        assert.ok(inside(b, w, h), `${others} in ${w}×${h}: ${JSON.stringify(b)}`);
        assert.ok(!overlap(b, s.stage[0]));
      }
    }
  }
});

test('one-to-one: the corner lies within the picture', () => {
  for (const [w, h] of sizes) {
    const { main, corner } = duo(w, h);
    assert.ok(inside(corner, main.w, main.h));
    assert.ok(corner.w * corner.h < (main.w * main.h) / 4);
  }
});

test('pages stay in range when people leave', () => {
  assert.deepEqual(pages(50, 25, 9), { page: 1, pages: 2, from: 25, to: 50 });
  assert.deepEqual(pages(0, 25, 3), { page: 0, pages: 1, from: 0, to: 0 });
  assert.deepEqual(pages(26, 25, 1), { page: 1, pages: 2, from: 25, to: 26 });
});

test('nothing to place, nowhere to place it: no tiles, no crash', () => {
  assert.deepEqual(grid(0, 100, 100), []);
  assert.deepEqual(grid(3, 0, 0), []);
});
