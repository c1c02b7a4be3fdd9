import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { solve } from '../js/net/proof.js';

const zeros = (/** @type {string} */ text) => Math.clz32(createHash('sha256').update(text).digest().readUInt32BE(0));

test('a proof solves each part with the first number that does', async () => {
  const puzzle = { puzzle: 'AAAAAGsLxesMsjVfR48wp-CMAwPTYnKPCK5Og33HkoSkR0Co', parts: 8, bits: 10 };
  const proof = await solve(puzzle);
  const [text, ...numbers] = proof.split('.');
  assert.equal(text, puzzle.puzzle);
  assert.equal(numbers.length, puzzle.parts);
  numbers.forEach((number, part) => {
    assert.match(number, /^(0|[1-9][0-9]*)$/);
    let first = 0;
    while (zeros(`${text}.${part}.${first}`) < puzzle.bits) first++;
    assert.equal(Number(number), first);
  });
});

test('the page gets its turn while the work goes on', async () => {
  let turns = 0;
  const begun = performance.now();
  await solve({ puzzle: 'p', parts: 8, bits: 12 }, async () => void turns++);
  const took = performance.now() - begun;
  assert.ok(turns >= took / 100, `${turns} turns in ${took} ms`);
});

test('what is not a small puzzle is not worked on', async () => {
  for (const odd of [{ parts: 0 }, { parts: 17 }, { bits: 19 }, { bits: -1 }, { bits: NaN }]) {
    await assert.rejects(solve({ puzzle: 'p', parts: 1, bits: 1, ...odd }), RangeError);
  }
});
