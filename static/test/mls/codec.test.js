import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, unhex } from '../../js/e2ee/bytes.js';
import { Reader, Writer, decode } from '../../js/e2ee/mls/codec.js';

const refused = (/** @type {string} */ bytes, /** @type {(r: Reader) => any} */ read) =>
  assert.throws(() => decode(unhex(bytes), read), { check: 'decode' }, bytes);

test('lengths have their shortest spelling, and no other is read', () => {
  for (const [n, head] of [
    [0, '00'],
    [63, '3f'],
    [64, '4040'],
    [16383, '7fff'],
    [16384, '80004000'],
  ]) {
    const bytes = new Writer().vec(new Uint8Array(n)).done();
    assert.equal(hex(bytes.subarray(0, head.length / 2)), head);
    assert.equal(decode(bytes, (r) => r.vec()).length, n);
  }
  for (const long of ['4000', '403f', '80000000', '80003fff']) {
    assert.throws(() => new Reader(unhex(long)).length(), /not minimal/, long);
  }
  for (const reserved of ['c0', 'ff00000000000000']) {
    assert.throws(() => new Reader(unhex(reserved)).length(), /reserved/);
  }
});

test('what is too short, too long, or neither absent nor present is refused', () => {
  refused('', (r) => r.u8());
  refused('000000', (r) => r.u32());
  refused('0501', (r) => r.vec());
  refused('00ff', (r) => r.vec());
  refused('02', (r) => r.optional(() => 0));
  refused('03010203', (r) => r.list(2, (inner) => inner.u8()));
  refused('03010203', (r) => r.list(9, (inner) => inner.u16()));
});

test('numbers are big-endian, and a writer grows', () => {
  const w = new Writer().u8(1).u16(2).u32(0xffffffff).u64(4n);
  assert.equal(hex(w.done()), '010002ffffffff0000000000000004');
  assert.equal(new Writer().raw(new Uint8Array(1000).fill(7)).u8(8).done().at(-1), 8);
});
