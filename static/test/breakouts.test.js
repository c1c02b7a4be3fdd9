import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breakouts } from '../js/call/breakouts.js';
import { read, spread } from '../js/core/breakouts.js';
import { format, parse } from '../js/e2ee/link.js';

const json = JSON.stringify;
const key = `#k=${'A'.repeat(43)}&c=${'B'.repeat(22)}&l=0`;
const go = { breakouts: 'go', n: 2, meeting: 'k7qm-2f9x-w3dj-8hrt', key };

test('what is exactly a message about rooms is read', () => {
  for (const m of [
    go,
    { ...go, key: '' },
    { breakouts: 'stay' },
    { breakouts: 'say', text: 'Five minutes left' },
    { breakouts: 'close' },
  ]) {
    assert.deepEqual(read(json(m)), m);
  }
});

test('the link of a room that a page makes is one that pages take', () => {
  const made = format({ k: new Uint8Array(32).fill(7), c: new Uint8Array(16).fill(9), lobby: false });
  assert.deepEqual(read(json({ ...go, key: made }))?.key, made);
  assert.equal(parse(made)?.lobby, false);
});

test('anything else about rooms from a hostile member is nothing, and never an exception', () => {
  for (const text of [
    '',
    '{}',
    '[]',
    'null',
    '{"breakouts":"__proto__"}',
    '{"breakouts":["go"]}',
    json({ ...go, more: 1 }),
    json({ ...go, n: 0 }),
    json({ ...go, n: 21 }),
    json({ ...go, n: 1.5 }),
    json({ ...go, n: '1' }),
    json({ ...go, meeting: 'https://evil.example' }),
    json({ ...go, meeting: '../k7qm-2f9x-w3dj-8hrt' }),
    json({ ...go, meeting: 'K7QM-2F9X-W3DJ-8HRT' }),
    json({ ...go, key: 'data:text/html,x' }),
    json({ ...go, key: `${key}x` }),
    json({ ...go, key: key.replace('l=0', 'l=1') }),
    json({ breakouts: 'say', text: '' }),
    json({ breakouts: 'say', text: 'a\u202eb' }),
    json({ breakouts: 'say', text: 'x'.repeat(501) }),
    json({ breakouts: 'close', now: true }),
    json(go).padEnd(4001),
    '['.repeat(3000),
  ]) {
    assert.equal(read(text), null, text.slice(0, 80));
  }
  const whole = json(go);
  for (let i = 0; i < whole.length; i++) assert.equal(read(whole.slice(0, i)), null);
});

test('people are spread evenly, and who has a room keeps it', () => {
  const people = [1, 2, 3, 4, 5, 6, 7];
  const sizes = (m) => [1, 2, 3].map((n) => [...m.values()].filter((x) => x === n).length);
  assert.deepEqual(sizes(spread(people, 3)), [3, 2, 2]);
  const kept = spread(
    people,
    3,
    new Map([
      [7, 1],
      [6, 9],
    ]),
  );
  assert.equal(kept.get(7), 1);
  assert.ok(
    sizes(kept).every((n) => n >= 2 && n <= 3),
    String(sizes(kept)),
  );
  assert.deepEqual(sizes(spread(people, 3, new Map(people.map((p) => [p, 1])))), [3, 2, 2]);
  assert.equal(spread([], 3).size, 0);
});

test('a room in an encrypted meeting needs a key that is one, and a confidential meeting has no rooms', () => {
  const good = `#k=${'A'.repeat(43)}&c=${'A'.repeat(22)}&l=0`;
  const bent = `#k=${'A'.repeat(42)}B&c=${'A'.repeat(22)}&l=0`; // its last bits are not zero: no such bytes
  for (const [encrypted, confidential, link, taken] of /** @type {const} */ ([
    [true, false, good, true],
    [true, false, bent, false],
    [true, false, '', false],
    [false, false, '', true],
    [false, false, good, false],
    [true, true, good, false],
  ])) {
    const state = { people: new Map([[1, { role: 'host', name: 'Ana' }]]), meeting: { confidential } };
    const store = { watch: () => () => {}, get: () => ({ state }) };
    const call = { store, encryption: encrypted ? {} : null, tell: () => {}, assigned: () => {} };
    const rooms = new Breakouts(/** @type {any} */ (call));
    const text = JSON.stringify({ breakouts: 'go', n: 1, meeting: go.meeting, key: link });
    rooms.hear(/** @type {any} */ ({ from: 1, to: 2, text }));
    assert.equal(rooms.store.get().mine !== null, taken, `${encrypted} ${confidential} ${link}`);
  }
});
