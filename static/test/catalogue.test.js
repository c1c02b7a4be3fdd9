import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { en } from '../js/i18n/en.js';
import { t, errorText, has } from '../js/i18n/i18n.js';
import { SHORTCUTS } from '../js/core/keymap.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const protocol = readFileSync(`${root}/../docs/protocol.md`, 'utf8');
const sources = readdirSync(`${root}/js`, { recursive: true })
  .filter((f) => f.endsWith('.js') && !f.endsWith('en.js'))
  .map((f) => [f, readFileSync(`${root}/js/${f}`, 'utf8')]);

test('every error of the protocol has words of its own', () => {
  const table = protocol.slice(protocol.indexOf('| error | means | fatal |'), protocol.indexOf('## Reconnecting'));
  const ids = [...table.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1]),
  );
  const http = [
    ...protocol.slice(protocol.indexOf('| route |'), protocol.indexOf('`config`: what')).matchAll(/^\|.*\|(.*)\|$/gm),
  ].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1]));
  assert.ok(ids.length >= 20 && http.length >= 8);
  for (const id of new Set([...ids, ...http])) assert.ok(has(`error.${id}`), `error.${id}`);
  assert.equal(errorText('brand_new', 'The server says so.'), 'The server says so.');
});

test('every reason of bye has a title and a text', () => {
  const line = protocol.slice(protocol.indexOf('Reasons: `left`, `denied`')).split('After `')[0];
  const reasons = [...line.matchAll(/`(\w+)`/g)].map((m) => m[1]);
  assert.ok(reasons.length >= 13, reasons.join());
  for (const reason of reasons) assert.ok(has(`bye.${reason}`) && has(`bye.${reason}.text`), reason);
});

test('every key the client asks for is in the catalogue, and none is there for nothing', () => {
  const used = new Set();
  const prefixes = [];
  for (const [file, text] of sources) {
    for (const [, key] of text.matchAll(/'([a-z][\w]*(?:\.[\w]+)+)'/g)) if (has(key)) used.add(key);
    for (const [, key] of text.matchAll(/\bt\('([^']+)'/g)) {
      assert.ok(has(key), `${file}: ${key}`);
      used.add(key);
    }
    for (const [, prefix] of text.matchAll(/`([a-z]+(?:\.[a-z_]+)*\.)\$\{/g)) prefixes.push(prefix);
    for (const [, prefix] of text.matchAll(/`\$\{known\}(\.text)`/g)) prefixes.push('bye.', prefix);
  }
  const idle = Object.keys(en).filter((k) => !used.has(k) && !prefixes.some((p) => k.startsWith(p)));
  assert.deepEqual(idle, []);
  for (const s of SHORTCUTS) assert.ok(has(`shortcut.${s.command}`));
});

test('plurals and placeholders', () => {
  assert.equal(t('lobby.waiting', { n: 1 }), en['lobby.waiting'].one);
  assert.equal(t('lobby.waiting', { n: 3 }), en['lobby.waiting'].other.replace('{n}', '3'));
  assert.equal(t('tile.you', { name: '{n}$&' }), '{n}$& (you)', 'what a person wrote is not a placeholder');
});

test('no screen has a sentence of its own: words are in the catalogue', () => {
  for (const [file, text] of sources) {
    const sentence = text
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .match(/h\(\s*'[a-z0-9]+',[^)]*?, '[A-Z][a-z]+ [a-z]/);
    assert.equal(sentence, null, `${file}: ${sentence}`);
  }
});

const textOf = (/** @type {unknown} */ entry) => JSON.stringify(entry);

test('the catalogue keeps to plain words: one for a broken connection, and none of a dialect', () => {
  for (const [key, entry] of Object.entries(en)) {
    assert.doesNotMatch(textOf(entry), /\b(?:some|every|any|no)body\b|\bwhoever\b/i, key);
    assert.doesNotMatch(textOf(entry), /\w'\w/, `${key}: the apostrophe is ’`);
    if (/reconnect/i.test(textOf(entry))) assert.match(textOf(entry), /^"Reconnecting(?:…"$| didn’t work)/, key);
  }
});

/** The texts that say what the server can see; each is shown only where it is so. */
const CLAIMS = new Set([
  'security.on',
  'security.on.long',
  'security.on.text',
  'security.off',
  'security.off.long',
  'options.e2ee',
  'options.e2ee.help',
]);

test('only the texts for encrypted meetings say that the server cannot see or hear', () => {
  const claim =
    /end-to-end|end to end|(?:server|no one|operator) (?:cannot|can not|can’t|can|doesn’t) (?:see|hear|listen|read)/i;
  for (const [key, entry] of Object.entries(en)) if (!CLAIMS.has(key)) assert.doesNotMatch(textOf(entry), claim, key);
  for (const key of /** @type {const} */ (['security.on.long', 'security.on.text'])) assert.match(t(key), claim);
  assert.match(t('security.off.long'), /^Not end-to-end encrypted\b.*server could see and hear/);
  assert.match(t('options.e2ee.off'), /server could see and hear/);
});

test('what the encryption does not do is said beside it', () => {
  assert.match(t('security.noreview'), /n’t been .*review/);
  for (const limit of [
    'server still learns',
    'who joins',
    'addresses',
    'who speaks',
    'doesn’t protect',
    'altered page',
    'device',
    'records',
  ]) {
    assert.ok(t('security.limits').includes(limit), limit);
  }
});

test('a bot is announced with what it receives: all in a plain meeting, nothing unasked in an encrypted one', () => {
  for (const key of /** @type {const} */ (['news.bot', 'news.bots'])) {
    for (const n of [1, 2]) {
      assert.match(t(key, { n, name: 'Bot' }), /\bbots?\b.*receives? everything you send/);
      assert.match(t(`${key}.asks`, { n, name: 'Bot' }), /\bbots?\b.*receives? nothing from you unless you allow/);
    }
  }
});
