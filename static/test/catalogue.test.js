import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { t, errorText, has, speak, words } from '../js/i18n/i18n.js';
import { SHORTCUTS } from '../js/core/keymap.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const protocol = readFileSync(`${root}/../docs/protocol.md`, 'utf8');
const sources = readdirSync(`${root}/js`, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.js') && !/i18n.\w+./.test(f))
  .map((f) => [f, readFileSync(`${root}/js/${f}`, 'utf8')]);

const PARTS = /** @type {const} */ (['start', 'home', 'check', 'call']);
await speak('en');
await Promise.all(PARTS.map(words));
/** @type {Record<typeof PARTS[number], Record<string, any>>} */
const english = Object.fromEntries(
  await Promise.all(PARTS.map(async (part) => [part, (await import(`../js/i18n/en/${part}.js`)).default])),
);
const en = Object.assign({}, ...Object.values(english));

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

/** The keys that a module asks for: those it names, and those that a template in it may name. @param {string} text */
function keysIn(text) {
  const keys = new Set([...text.matchAll(/'([a-z]\w*(?:\.\w+)+)'/g)].map(([, key]) => key).filter(has));
  for (const [, key] of text.matchAll(/\bt\(\s*'([^']+)'/g)) keys.add(key);
  for (const [, template] of text.matchAll(/`([a-z]\w*\.[^`\n]*\$\{[^`\n]*)`/g)) {
    const literal = template.split(/\$\{[^}]*\}/).map((part) => part.replaceAll('.', '\\.'));
    const named = new RegExp(`^${literal.join('\\w*')}$`);
    for (const key of Object.keys(en)) if (named.test(key)) keys.add(key);
  }
  return keys;
}

test('every key the client asks for is in the catalogue, and none is there for nothing', () => {
  const used = new Set();
  for (const [file, text] of sources) {
    for (const key of keysIn(text)) {
      assert.ok(has(key), `${file}: ${key}`);
      used.add(key);
      if (key.startsWith('bye.')) used.add(`${key}.text`);
    }
  }
  assert.deepEqual(
    Object.keys(en).filter((k) => !used.has(k) && !k.startsWith('error.')), // errorText says any of those
    [],
  );
  for (const s of SHORTCUTS) assert.ok(has(`shortcut.${s.command}`));
});

/** The modules that come with one, as the browser loads them. @param {...string} roots @returns {Set<string>} */
function modulesOf(...roots) {
  const found = new Set(roots);
  for (const name of found) {
    const text = sources.find(([file]) => file === name)?.[1] ?? '';
    for (const [, next] of text.matchAll(/^(?:import|export)\b[^;'"]*?['"](\.[^'"]+)['"]/gm)) {
      found.add(new URL(next, `file:///${name}`).pathname.slice(1));
    }
  }
  return found;
}

test('a screen says only what the parts of the catalogue hold that are loaded with it', () => {
  const start = modulesOf('main.js', 'screens/meeting.js');
  const home = modulesOf('screens/home.js', 'screens/rooms.js', 'screens/closed.js'); // which load its part
  const check = modulesOf('screens/check.js');
  const call = modulesOf(
    'call/call.js',
    'screens/call.js',
    'screens/lobby.js',
    'screens/ended.js',
    'screens/breakouts.js',
  );
  for (const [file, text] of sources) {
    const parts = ['start'];
    if (!start.has(file)) {
      if (home.has(file)) parts.push('home');
      if (check.has(file)) parts.push('check');
      // What is imported later still, panels and dialogs, is the call's.
      if (call.has(file) || file.startsWith('call/')) parts.push('call');
    }
    for (const key of keysIn(text)) {
      assert.ok(
        parts.some((part) => Object.hasOwn(english[/** @type {'start'} */ (part)], key)),
        `${file} says ${key}, which may not be loaded: it has ${parts.join(', ')}`,
      );
    }
  }
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
  'polls.sealed',
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

test('a full server says when to try again', () => {
  assert.equal(errorText('server_full', '', 25), 'The server is full. Try again in 25 seconds.');
  assert.equal(errorText('server_full', ''), 'The server is full. Try again later.');
  assert.equal(errorText('not_permitted', '', 25), errorText('not_permitted'));
});
