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
  const line = protocol
    .slice(protocol.indexOf('is the last message before the socket closes. Reasons:'))
    .split('After `')[0];
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
  assert.equal(t('lobby.waiting', { n: 1 }), 'You are the only one waiting.');
  assert.equal(t('lobby.waiting', { n: 3 }), '3 people are waiting.');
  assert.equal(t('tile.you', { name: '{n}$&' }), '{n}$& (you)', 'what a person wrote is not a placeholder');
});

test('no screen has a sentence of its own: words are in the catalogue', () => {
  for (const [file, text] of sources) {
    const sentence = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').match(/h\('[a-z0-9]+',[^)]*?, '[A-Z][a-z]+ [a-z]/);
    assert.equal(sentence, null, `${file}: ${sentence}`);
  }
});

/** Where the words of docs/e2ee.md, section 17, stand: shown only where they are so. */
const CLAIMS = new Set([
  'security.on',
  'security.on.long',
  'security.off',
  'security.off.long',
  'options.e2ee',
  'options.e2ee.help',
]);

test('the words promise no more than is so, and only where it is so', () => {
  const claim = /end-to-end|end to end|(?:server|nobody|operator) (?:cannot|can not|can) (?:see|hear|listen)/i;
  for (const [key, text] of Object.entries(en)) {
    if (!CLAIMS.has(key) && key !== 'security.on.text') assert.ok(!claim.test(JSON.stringify(text)), key);
  }
  assert.equal(t('security.on.long'), 'End-to-end encrypted. The server cannot see or hear this meeting.');
  assert.equal(t('security.off.long'), 'Not end-to-end encrypted. This server could see and hear this meeting.');
  assert.equal(t('security.noreview'), 'There has been no outside review.');
  assert.match(t('security.limits'), /still learns.*not protected against/);
});
