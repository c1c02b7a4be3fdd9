// Toasts where there is room for one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, placeOf } from '../js/ui/toastorder.js';

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
