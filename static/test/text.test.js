import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMeeting, linkify, initials, nameProblem, clock, found, hue, HUES, suggestName } from '../js/core/text.js';

test('a meeting is found in whatever people paste, with its fragment', () => {
  const id = 'k7qm-2f9x-w3dj-8hrt';
  for (const text of [
    id,
    'K7QM 2F9X W3DJ 8HRT',
    'k7qm2f9xw3dj8hrt',
    `https://meet.example.org/m/${id}`,
    ` https://meet.example.org/m/${id}/?x=1 `,
  ]) {
    assert.deepEqual(parseMeeting(text), { id, fragment: '' });
  }
  assert.deepEqual(parseMeeting('KOI1 abcd efgh jkmn')?.id, 'k011-abcd-efgh-jkmn', 'what looks alike is read alike');
  assert.deepEqual(parseMeeting(`https://meet.example.org/m/${id}#k=AbC_-9`), { id, fragment: '#k=AbC_-9' });
  for (const text of ['', 'hello', 'k7qm-2f9x-w3dj', 'k7qm-2f9x-w3dj-8hru', 'https://evil.example/k7qm']) {
    assert.equal(parseMeeting(text), null);
  }
});

test('links in chat are http only, show where they go, and end where the sentence does', () => {
  assert.deepEqual(linkify('see https://a.example/x.'), [
    { text: 'see ' },
    { text: 'https://a.example/x', href: 'https://a.example/x' },
    { text: '.' },
  ]);
  assert.deepEqual(
    linkify('(https://a.example/(x))').map((p) => p.text),
    ['(', 'https://a.example/(x)', ')'],
  );
  for (const text of [
    `${'javascript'}:alert(1)`,
    'data:text/html,x',
    'https://bank.example@evil.example/',
    'file:///etc',
    'https://',
  ]) {
    assert.ok(
      linkify(text).every((p) => !p.href),
      text,
    );
  }
  const tricky = '<img src=x onerror=alert(1)> https://a.example/<b>';
  assert.equal(
    linkify(tricky)
      .map((p) => p.text)
      .join(''),
    tricky,
    'no character is lost',
  );
});

test('names: initials, and what may not be in them', () => {
  assert.equal(initials('Ana Lind'), 'AL');
  assert.equal(initials('  '), '?');
  assert.equal(initials('👩‍🔬 Curie'), '👩C');
  assert.equal(nameProblem(''), 'empty');
  assert.equal(nameProblem('a'.repeat(65)), 'long');
  assert.equal(nameProblem('a\u202eb'), 'characters');
  assert.equal(nameProblem('Zoë O’Neil 🌱'), null);
  for (let p = 0; p < 1000; p++) assert.ok(hue(p) >= 0 && hue(p) < HUES);
});

test('a name is suggested from an address', () => {
  for (const [email, name] of [
    ['ana.lopez+work@example.org', 'Ana Lopez'],
    ['ben@example.org', 'Ben'],
    ['x-1984@example.org', 'X'],
    ['1984@example.org', ''],
    ['', ''],
  ]) {
    assert.equal(suggestName(email), name);
  }
});

test('search finds without accents and case', () => {
  assert.ok(found('zoe', 'Zoë'));
  assert.ok(found('', 'anybody'));
  assert.ok(!found('ben', 'Ana'));
});

test('clocks', () => {
  assert.equal(clock(425), '7:05');
  assert.equal(clock(4025), '1:07:05');
  assert.equal(clock(-3), '0:00');
});
