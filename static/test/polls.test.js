import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosen, csv, heard, maskText, read, tally, voted, withoutGone } from '../js/core/polls.js';

const ID = '0123456789abcdef';
const ask = {
  poll: 'ask',
  id: ID,
  q: 'Tea?',
  choices: ['Yes', 'No', 'Later'],
  multiple: false,
  named: false,
  live: true,
};
const ana = { from: 1, name: 'Ana', role: 'host' };
const here = (n) => n <= 5;
const json = JSON.stringify;
const results = (change) => ({
  poll: 'results',
  id: ID,
  counts: [1, 0, 0],
  voters: 1,
  named: [],
  closed: false,
  ...change,
});

test('what is exactly a message is read', () => {
  for (const m of [ask, { poll: 'vote', id: ID, mask: '02' }, results(), results({ named: [[4, 1]], closed: true })]) {
    assert.deepEqual(read(json(m)), m);
  }
});

test('anything else from a hostile member is nothing, and never an exception', () => {
  const bad = [
    '',
    'x',
    '[]',
    'null',
    '3',
    '"ask"',
    '{}',
    '{"poll":"__proto__"}',
    '{"poll":"constructor","id":"0123456789abcdef"}',
    '{"poll":["ask"]}',
    json({ ...ask, more: 1 }),
    json({ ...ask, id: 'x' }),
    json({ ...ask, id: 7 }),
    json({ ...ask, q: '' }),
    json({ ...ask, q: ' x' }),
    json({ ...ask, q: 'x'.repeat(301) }),
    json({ ...ask, q: 'a\nb' }),
    json({ ...ask, q: 'a\u202eb' }),
    json({ ...ask, q: 'a\u0000b' }),
    json({ ...ask, choices: ['one'] }),
    json({ ...ask, choices: 'ab' }),
    json({ ...ask, choices: ['a', 'a'] }),
    json({ ...ask, choices: [...'abcdefghi'] }),
    json({ ...ask, choices: ['a', {}] }),
    json({ ...ask, choices: ['a', 'x'.repeat(101)] }),
    json({ ...ask, live: 'yes' }),
    json({ poll: 'vote', id: ID, mask: '2' }),
    json({ poll: 'vote', id: ID, mask: 2 }),
    json({ poll: 'vote', id: ID, mask: 'FF' }),
    json(results({ counts: [1, -1] })),
    json(results({ counts: [1, 0.5] })),
    json(results({ counts: [1e9, 0] })),
    json(results({ named: [[1]] })),
    json(results({ named: [[1, 256]] })),
    json(results({ named: Array.from({ length: 401 }, (_, i) => [i, 1]) })),
    json(results({ named: {} })),
    json(results({ closed: 1 })),
    json(ask).padEnd(8001),
    '{"poll":"vote","id":"0123456789abcdef","mask":"01","mask":',
    `${'['.repeat(4000)}${']'.repeat(4000)}`,
  ];
  for (const text of bad) assert.equal(read(text), null, text.slice(0, 80));
  // Every prefix, and every message with one character changed.
  const whole = json(results({ named: [[4, 1]] }));
  for (let i = 0; i < whole.length; i++) {
    assert.equal(read(whole.slice(0, i)), null);
    for (const c of ['"', '}', '9', '\\', '\u0000']) read(whole.slice(0, i) + c + whole.slice(i + 1));
  }
});

test('only who runs the meeting asks, and nobody changes what was asked', () => {
  assert.equal(heard([], { ...ana, role: 'participant' }, ask).polls.length, 0);
  assert.equal(heard([], { ...ana, role: undefined }, ask).polls.length, 0);
  const { polls, news } = heard([], ana, ask);
  assert.equal(news, 'asked');
  assert.deepEqual(heard(polls, ana, { ...ask, q: 'Coffee?' }), { polls, news: '' });
  assert.equal(heard(polls, ana, ask).news, '', 'a repetition for newcomers is no news');
  assert.equal(
    heard(polls, { ...ana, from: 2 }, { ...ask, q: 'Coffee?' }).polls.length,
    2,
    'the id is the asker’s own',
  );
});

test('results count only from who asked, as long as the poll is open, and in its shape', () => {
  const { polls } = heard([], ana, ask);
  for (const [who, m] of [
    [{ ...ana, from: 2 }, results()],
    [ana, results({ id: 'f'.repeat(16) })],
    [ana, results({ counts: [1, 0] })],
    [ana, results({ counts: [2, 0, 0] })],
    [ana, results({ named: [[4, 1]] })],
    [ana, { poll: 'vote', id: ID, mask: '01' }],
  ]) {
    assert.equal(heard(polls, who, m).polls, polls);
  }
  const open = heard(polls, ana, results());
  assert.deepEqual([open.polls[0].phase, open.news], ['open', '']);
  const closed = heard(open.polls, ana, results({ closed: true }));
  assert.deepEqual([closed.polls[0].phase, closed.news], ['closed', 'closed']);
  assert.equal(heard(closed.polls, ana, results({ counts: [0, 1, 0] })).polls, closed.polls, 'what is closed stays');
});

test('votes by name must be votes of that poll, one each', () => {
  const { polls } = heard([], ana, { ...ask, named: true });
  for (const named of [
    [[4, 0]],
    [[4, 3]],
    [[4, 8]],
    [
      [4, 1],
      [4, 2],
    ],
  ]) {
    assert.equal(heard(polls, ana, results({ counts: [1, 0, 0], named })).polls, polls, json(named));
  }
  assert.notEqual(heard(polls, ana, results({ named: [[4, 1]] })).polls, polls);
});

test('what others make a page keep is bounded', () => {
  let polls = [];
  for (let i = 0; i < 1000; i++) ({ polls } = heard(polls, ana, { ...ask, id: String(i).padStart(16, '0') }));
  assert.equal(polls.length, 20);
  assert.equal(polls.filter((p) => p.phase === 'open').length, 1, 'one open poll for each asker');
  let votes = new Map();
  for (let i = 1; i < 1000; i++) votes = voted(votes, ask, i, 1, here);
  assert.equal(votes.size, 5);
});

test('one vote a participant: the last counts, and of who is not here none does', () => {
  let votes = new Map();
  const cast = (from, mask) => (votes = voted(votes, ask, from, mask, here));
  cast(2, 1);
  cast(2, 2);
  cast(3, 2);
  cast(4, 3); // two of a single choice
  cast(4, 8); // a choice that is none
  cast(9, 1); // not here
  assert.deepEqual(
    [...votes],
    [
      [2, 2],
      [3, 2],
    ],
  );
  cast(2, 0);
  assert.deepEqual([...votes], [[3, 2]]);
  // Who votes, leaves, and comes again under a new number counts once.
  let now = (n) => n === 2 || n === 1;
  votes = voted(new Map(), ask, 2, 1, now);
  now = (n) => n === 3 || n === 1;
  votes = voted(votes, ask, 3, 1, now);
  assert.deepEqual(tally(votes, ask, now, true).counts, [1, 0, 0]);
});

test('an anonymous result names no one; one by name does', () => {
  const votes = new Map([
    [2, 1],
    [3, 4],
  ]);
  assert.deepEqual(tally(votes, ask, here, true).named, []);
  const named = { ...ask, named: true, multiple: true };
  assert.deepEqual(
    tally(votes, named, here, true),
    results({
      counts: [1, 0, 1],
      voters: 2,
      named: [
        [2, 1],
        [3, 4],
      ],
      closed: true,
    }),
  );
});

test('every vote is as long on the wire, so that its length tells nothing', () => {
  const lengths = Array.from({ length: 256 }, (_, mask) => maskText(mask).length);
  assert.deepEqual([...new Set(lengths)], [2]);
  assert.ok(chosen(Number.parseInt(maskText(128), 16), 7));
});

test('a poll ends with the asker who leaves', () => {
  const { polls } = heard([], ana, ask);
  assert.equal(withoutGone(polls, here), polls);
  assert.equal(withoutGone(polls, () => false)[0].phase, 'gone');
});

test('the table for a spreadsheet quotes what it must and holds no formula', () => {
  const asked = { ...ask, q: '=1+1', choices: ['a,b', 'say "no"', '@x'], named: true };
  const poll = {
    from: 1,
    name: 'Ana',
    ask: asked,
    phase: 'closed',
    mine: 0,
    results: results({
      voters: 2,
      counts: [2, 0, 0],
      named: [
        [2, 1],
        [3, 1],
      ],
    }),
  };
  const names = (n) => ({ 2: '-Ben', 3: 'Cem' })[n];
  assert.equal(
    csv(poll, { choice: 'Choice', votes: 'Votes', voters: 'Voters' }, names),
    '\'=1+1\r\nChoice,Votes,Voters\r\n"a,b",2,"\'-Ben, Cem"\r\n"say ""no""",0,\r\n\'@x,0,\r\n',
  );
});
