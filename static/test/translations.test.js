import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LANGUAGES, speak, t, words } from '../js/i18n/i18n.js';

const PARTS = /** @type {const} */ (['start', 'home', 'check', 'call']);
const root = fileURLToPath(new URL('../js/i18n', import.meta.url));
const UNREVIEWED = '// Not yet reviewed by a native speaker.';
/** No text counts more than this. */
const MOST = 10_000;

/** @param {string} language @param {string} part @returns {Promise<Record<string, string|Record<string, string>>>} */
const read = async (language, part) => (await import(`../js/i18n/${language}/${part}.js`)).default;
const english = Object.fromEntries(await Promise.all(PARTS.map(async (part) => [part, await read('en', part)])));

/** @param {string} text @returns {string[]} */
const placeholders = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();

/** The whole numbers that take each form. @param {string} language @returns {Map<string, number[]>} */
function numbersOf(language) {
  const rules = new Intl.PluralRules(language);
  /** @type {Map<string, number[]>} */
  const found = new Map([['other', []]]);
  for (let n = 0; n <= MOST; n++) found.set(rules.select(n), [...(found.get(rules.select(n)) ?? []), n].slice(-12));
  if (!found.has(rules.select(1.5))) found.set(rules.select(1.5), []);
  return found;
}

/**
 * What a form must say: what English says of the same numbers. The number itself may go where it is only one.
 * @param {string|Record<string, string>} source @param {number[]} numbers @returns {{must: string[], may: string[]}}
 */
function wanted(source, numbers) {
  if (typeof source === 'string') {
    return { must: placeholders(source).filter((p) => p !== 'n' || numbers.length > 1), may: ['n'] };
  }
  // Of nothing there is another text, so a form for none and one is for one.
  const single = numbers.filter((n) => n > 0).length <= 1;
  const one = single && numbers.includes(1);
  const must = placeholders(one ? source.one : source.other).filter(
    (p) => p !== 'n' || !(single && numbers.length > 0),
  );
  return { must, may: ['n'] };
}

for (const [language, { reviewed }] of Object.entries(LANGUAGES)) {
  const numbers = numbersOf(language);

  test(`language: ${language} says all that English says, and nothing else`, async () => {
    for (const part of PARTS) {
      assert.deepEqual(Object.keys(await read(language, part)).sort(), Object.keys(english[part]).sort(), part);
    }
  });

  test(`language: ${language} has a form for each kind of number, and for no other`, async () => {
    for (const part of PARTS) {
      const entries = await read(language, part);
      for (const [key, entry] of Object.entries(entries)) {
        if (typeof entry === 'string') {
          assert.ok(typeof english[part][key] === 'string' || numbers.size === 1, `${key} has no forms`);
        } else assert.deepEqual(Object.keys(entry).sort(), [...numbers.keys()].sort(), key);
      }
    }
  });

  test(`language: ${language} names what English names, in every form`, async () => {
    for (const part of PARTS) {
      for (const [key, entry] of Object.entries(await read(language, part))) {
        const source = english[part][key];
        if (typeof entry === 'string') {
          const text = typeof source === 'string' ? source : source.other;
          assert.deepEqual(placeholders(entry), placeholders(text), key);
          continue;
        }
        for (const [form, text] of Object.entries(entry)) {
          const { must, may } = wanted(source, numbers.get(form) ?? []);
          const found = placeholders(text);
          assert.deepEqual(
            must.filter((p) => form !== 'zero' && !found.includes(p)),
            [],
            `${key}, ${form}: left out`,
          );
          assert.deepEqual(
            found.filter((p) => !must.includes(p) && !may.includes(p)),
            [],
            `${key}, ${form}: unknown`,
          );
        }
      }
    }
  });

  if (language === 'en') continue;

  test(`language: ${language} leaves no sentence in English, and says where it was not reviewed`, async () => {
    for (const part of PARTS) {
      const file = readFileSync(`${root}/${language}/${part}.js`, 'utf8');
      assert.equal(file.split('\n').includes(UNREVIEWED), !reviewed, part);
      for (const [key, entry] of Object.entries(await read(language, part))) {
        for (const text of typeof entry === 'string' ? [entry] : Object.values(entry)) {
          assert.notEqual(text.trim(), '', key);
          if (/[a-z]+ [a-z]+ [a-z]+/i.test(text)) assert.notEqual(text, english[part][key], key);
        }
      }
    }
  });
}

test('language: every language is said in, and what a name brings is not read as a placeholder', async () => {
  for (const language of Object.keys(LANGUAGES)) {
    await speak(language);
    await Promise.all(PARTS.map(words));
    for (const n of [1, 2, 3, 5, 11, 21, 100]) assert.doesNotMatch(t('call.unread', { n }), /[{}]|call\.unread/);
    assert.match(t('tile.you', { name: '{n}$&' }), /\{n\}\$&/);
  }
});

test('language: the forms of Polish and Arabic follow the number', async () => {
  await speak('pl');
  assert.deepEqual(
    [1, 2, 5, 12, 22].map((n) => t('call.expiring', { n })),
    ['minutę', '2 minuty', '5 minut', '12 minut', '22 minuty'].map((s) => `To spotkanie kończy się za ${s}.`),
  );
  await speak('ar', ['ar-EG']);
  const forms = [1, 2, 3, 11, 100].map((n) => t('call.unread', { n }));
  assert.equal(new Set(forms).size, 5);
  assert.match(forms[3], /11/, 'Latin digits, as in codes and addresses');
});
