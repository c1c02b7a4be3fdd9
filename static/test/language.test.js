import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digitsIn } from '../js/core/text.js';
import { has, language, languageFor, localeFor, speak, t, words } from '../js/i18n/i18n.js';

test('language: the one chosen on the device, else the best that the browser asks for, else English', () => {
  assert.equal(languageFor('', ['en-GB', 'fr']), 'en');
  assert.equal(languageFor('en', ['xx']), 'en');
  assert.equal(languageFor('', ['xx', 'EN-us']), 'en');
  assert.equal(languageFor('', []), 'en');
  assert.equal(languageFor('constructor', ['__proto__']), 'en');
});

test('language: dates are written in the region that the browser names', () => {
  assert.equal(localeFor('en', ['fr-FR', 'en-GB', 'en-US']), 'en-GB');
  assert.equal(localeFor('en', ['fr-FR']), 'en');
});

test('language: a part of the catalogue is there once it was fetched, and not before', async () => {
  assert.equal(language(), '');
  await speak('en');
  assert.equal(language(), 'en');
  assert.ok(has('signin.title') && !has('call.more'));
  assert.equal(t('call.more'), 'call.more', 'a text that is not there shows its key');
  await words('call');
  assert.ok(has('signin.title') && has('call.more'));
});

test('language: numbers are written as the language does it, and text stays as it is', () => {
  assert.equal(t('unit.ms', { n: 1234.56 }), '1,234.6 ms');
  assert.equal(t('unit.ms', { n: '1234.56' }), '1234.56 ms');
});

test('language: the digits of a code are read in any script', () => {
  assert.equal(digitsIn(' 123 456'), '123456');
  assert.equal(digitsIn('٠١٢٣٤٥٦٧٨٩'), '0123456789');
  assert.equal(digitsIn('۰۱۲۳۴۵۶۷۸۹'), '0123456789');
  assert.equal(digitsIn('１２３-４５６'), '123456');
  assert.equal(digitsIn('abc²'), '2');
});
