import assert from 'node:assert/strict';
import { test } from 'node:test';
import { camera, withActive } from '../js/core/encodings.js';

test('encodings nobody wants are off, and come back', () => {
  const off = withActive(camera(), ['q']);
  assert.deepEqual(
    off.encodings.map((e) => e.active),
    [true, false, false],
  );
  assert.ok(off.changed);
  assert.ok(!withActive(off.encodings, ['q']).changed);
  assert.deepEqual(
    withActive(off.encodings, ['q', 'h', 'f']).encodings.map((e) => e.active),
    [true, true, true],
  );
  assert.equal(withActive([{}], []).encodings[0].active, false);
  assert.equal(withActive([{}], ['']).encodings[0].active, true);
});
