import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visibleRows } from '../js/core/virtual.js';

test('a thousand people cost as many rows as fit', () => {
  for (const top of [0, 1000, 55_000, 999_999, -50]) {
    const r = visibleRows(1000, 56, top, 600);
    assert.ok(r.to - r.from <= 24 && r.from >= 0 && r.to <= 1000);
    assert.equal(r.total, 56_000);
  }
  assert.deepEqual(visibleRows(0, 56, 0, 600), { from: 0, to: 0, before: 0, total: 0 });
});
