// Toasts where there is room for one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, placeOf, timed } from '../js/ui/toastorder.js';

const news = { weighty: false, passing: true, focused: false };
const warning = { weighty: true, passing: true, focused: false };
const question = { weighty: true, passing: false, focused: false };

test('toasts: news goes under questions and warnings, and over older news', () => {
  assert.equal(placeOf([], false), 0);
  assert.equal(placeOf([news], false), 1);
  assert.equal(placeOf([news, question, warning], false), 1);
  assert.equal(placeOf([news, question], true), 2);
});

test('toasts: one that a person is in stays the one that is seen', () => {
  assert.equal(placeOf([news, { ...question, focused: true }], true), 1);
  assert.equal(placeOf([{ ...news, focused: true }], false), 0);
});

test('toasts: what would have gone by itself makes room first', () => {
  assert.equal(dropped([question, question, warning, news]), 2);
  assert.equal(dropped([{ ...news, focused: true }, news, question, question]), 1);
  assert.equal(dropped([question, question, question, question]), 0);
});

test('toasts: the time of what is hidden waits, but not that of a warning', () => {
  const asked = { waits: true, ms: 30_000, since: /** @type {number|null} */ (null) };
  assert.deepEqual(timed(asked, false, 5), { ms: 30_000, since: null }, 'not seen yet');
  const seen = { ...asked, ...timed(asked, true, 10) };
  assert.deepEqual(timed(seen, true, 900), { ms: 30_000, since: 10 }, 'runs on');
  const hidden = { ...asked, ...timed(seen, false, 1_010) };
  assert.deepEqual(hidden, { waits: true, ms: 29_000, since: null });
  assert.deepEqual(timed(hidden, true, 60_000), { ms: 29_000, since: 60_000 });
  assert.deepEqual(timed({ waits: true, ms: 5, since: 0 }, false, 50), { ms: 1, since: null }, 'just over: seen again');
  assert.deepEqual(timed({ waits: false, ms: 5_000, since: null }, false, 7), { ms: 5_000, since: 7 });
  assert.deepEqual(timed({ waits: true, ms: 0, since: null }, true, 7), { ms: 0, since: null }, 'it stays');
});
