import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  serverBusy,
  initialState,
  reduce,
  unread,
  hands,
  may,
  nameOf,
  named,
  permissionFor,
  MAX_CHAT,
  MAX_NEWS,
} from '../js/core/state.js';
import { kindWord } from '../js/call/panels/person.js';
import { t } from '../js/i18n/i18n.js';

const person = (participant, name, more = {}) => ({
  participant,
  name,
  role: 'participant',
  sources: [],
  hand: 0,
  connected: true,
  ...more,
});
const welcome = (more = {}) => ({
  type: 'welcome',
  id: 1,
  version: 1,
  participant: 7,
  role: 'participant',
  permissions: ['publish_mic', 'chat'],
  resume: 'x',
  resumed: false,
  meeting: {
    meeting: 'm',
    title: 'Weekly',
    locked: false,
    lobby: true,
    expires_at: '2026-11-21T22:30:00Z',
    server_time: '2026-11-21T20:30:00Z',
  },
  participants: [person(3, 'Ben', { role: 'host' })],
  waiting: [],
  ...more,
});
const joined = () => reduce({ ...initialState(), name: 'Ana' }, welcome());
const run = (s, ...messages) => messages.reduce(reduce, s);

test('welcome seats oneself among the others', () => {
  const s = joined();
  assert.equal(s.phase, 'joined');
  assert.equal(s.self, 7);
  assert.deepEqual([...s.people.keys()], [3]);
  assert.equal(nameOf(s, 7), 'Ana');
  assert.equal(nameOf(s, 3), 'Ben');
  assert.equal(nameOf(s, 99), '');
});

test('a resumed seat keeps its slots, a new one starts without', () => {
  const s = run(joined(), {
    type: 'slots',
    slots: [{ mid: '5', participant: 3, source: 'camera', height: 720 }],
    withheld: [],
  });
  assert.equal(reduce(s, welcome({ resumed: true })).slots.size, 1);
  assert.equal(reduce(s, welcome()).slots.size, 0);
});

test('a bot that joins is announced as one; a guest joins as people do', () => {
  const s = run(joined(), {
    type: 'roster',
    joined: [person(9, 'Bot 1', { kind: 'bot' }), person(10, 'Gus', { kind: 'guest' })],
  });
  assert.deepEqual(
    s.news.map((n) => n.kind),
    ['bot', 'joined'],
  );
  assert.deepEqual([...s.people.values()].map(kindWord), ['', t('kind.bot'), t('kind.guest')]);
});

test('a newcomer is told of the bots that were there before, once', () => {
  const bots = [person(4, 'Bot 1', { kind: 'bot' }), person(5, 'Bot 2', { kind: 'bot' }), person(3, 'Ben')];
  const s = reduce(initialState(), welcome({ participants: bots }));
  assert.deepEqual(
    s.news.map(({ kind, many }) => [kind, many]),
    [['bots', 2]],
  );
  assert.equal(reduce(s, welcome({ resumed: true, participants: bots })).news.length, 1);
  assert.deepEqual(joined().news, [], 'no bots, no news');
});

test('quality bars are known of those the server named, and forgotten with them', () => {
  let s = run(joined(), {
    type: 'quality',
    quality: [
      { participant: 3, bars: 4 },
      { participant: 7, bars: 2 },
      { participant: 99, bars: 1 },
    ],
  });
  assert.deepEqual(
    [...s.bars],
    [
      [3, 4],
      [7, 2],
    ],
  );
  s = run(s, { type: 'quality', quality: [{ participant: 3, bars: 1 }] });
  assert.deepEqual(
    [...s.bars],
    [
      [3, 1],
      [7, 2],
    ],
    'a delta',
  );
  assert.equal(reduce(s, welcome({ resumed: true })).bars, s.bars);
  assert.deepEqual([...run(s, { type: 'roster', left: [{ participant: 3, reason: 'left' }] }).bars.keys()], [7]);
});

test('the spotlight is told to all, found by newcomers, and ends with the person', () => {
  let s = run(joined(), { type: 'spotlight', participant: 3, by: 3 });
  assert.equal(s.spotlight, 3);
  assert.deepEqual(
    s.news.map((n) => n.kind),
    ['spotlight'],
  );
  assert.equal(run(s, { type: 'roster', left: [{ participant: 3, reason: 'left' }] }).spotlight, 0);
  s = run(s, { type: 'spotlight', participant: 7, by: 3 });
  assert.equal(s.news.at(-1)?.kind, 'spotlight_self');
  assert.equal(run(s, { type: 'spotlight', participant: 0 }).spotlight, 0);
  const { meeting } = welcome();
  assert.equal(reduce(initialState(), welcome({ meeting: { ...meeting, spotlight: 3 } })).spotlight, 3);
});

test('the roster inserts, replaces and forgets, and never counts oneself', () => {
  let s = run(joined(), { type: 'roster', joined: [person(9, 'Cem'), person(7, 'Ana')] });
  assert.deepEqual([...s.people.keys()], [3, 9]);
  s = run(s, { type: 'roster', joined: [person(9, 'Cem', { sources: ['mic'] })] });
  assert.equal(s.news.filter((n) => n.kind === 'joined').length, 1, 'a repetition is no news');
  assert.deepEqual(s.people.get(9).sources, ['mic']);
  s = run(s, {
    type: 'roster',
    left: [
      { participant: 9, reason: 'left' },
      { participant: 88, reason: 'left' },
    ],
  });
  assert.deepEqual([...s.people.keys()], [3]);
  assert.equal(s.news.at(-1).kind, 'left');
});

test('states are values: the one before stays as it was', () => {
  const s = joined();
  reduce(s, { type: 'roster', joined: [person(9, 'Cem')] });
  reduce(s, { type: 'slots', slots: [{ mid: '5', participant: 3 }] });
  assert.equal(s.people.size, 1);
  assert.equal(s.slots.size, 0);
});

test('one who leaves speaks no more', () => {
  const s = run(
    joined(),
    { type: 'speakers', speakers: [3, 7] },
    { type: 'roster', left: [{ participant: 3, reason: 'lost' }] },
  );
  assert.deepEqual(s.speakers, [7]);
});

test('slots change one by one; withheld is the whole list', () => {
  const s = run(
    joined(),
    {
      type: 'slots',
      slots: [
        { mid: '5', participant: 3, source: 'camera' },
        { mid: '6', participant: 9, source: 'camera' },
      ],
      withheld: [{ participant: 4, source: 'camera', reason: 'bandwidth' }],
    },
    { type: 'slots', slots: [{ mid: '6', participant: 0 }], withheld: [] },
  );
  assert.equal(s.slots.get('5').participant, 3);
  assert.equal(s.slots.get('6').participant, 0);
  assert.deepEqual(s.withheld, []);
});

test('the server counts as busy while it leaves out a picture for that reason, and no longer', () => {
  const slots = (...reasons) => ({
    type: 'slots',
    slots: [],
    withheld: reasons.map((reason, i) => ({ participant: i + 3, source: 'camera', reason })),
  });
  assert.equal(serverBusy(run(joined())), false);
  assert.equal(serverBusy(run(joined(), slots('bandwidth', 'muted'))), false);
  assert.equal(serverBusy(run(joined(), slots('bandwidth', 'server'))), true);
  assert.equal(serverBusy(run(joined(), slots('server'), slots())), false);
});

test('raised hands come in their order, oneself among them', () => {
  const s = run(joined(), {
    type: 'roster',
    joined: [person(9, 'Cem', { hand: 1 })],
    changed: [person(3, 'Ben', { hand: 3 }), person(7, 'Ana', { hand: 2 })],
  });
  assert.deepEqual(
    hands(s).map((p) => p.participant),
    [9, 7, 3],
  );
  assert.equal(s.news.at(-1).kind, 'hand');
});

test('chat is counted until seen, keeps the name of who left, and is bounded', () => {
  let s = run(
    joined(),
    { type: 'chat', from: 3, text: 'Hello', at: '' },
    { type: 'chat', from: 7, text: 'Hi', at: '', to: 3 },
  );
  assert.equal(unread(s), 1, "one's own lines are not unread");
  assert.equal(s.chat[1].toName, 'Ben');
  s = run({ ...s, chatSeen: s.count }, { type: 'roster', left: [{ participant: 3, reason: 'left' }] });
  assert.equal(unread(s), 0);
  assert.equal(s.chat[0].name, 'Ben');
  for (let i = 0; i < MAX_CHAT + 50; i++) s = reduce(s, { type: 'chat', from: 3, text: String(i), at: '' });
  assert.equal(s.chat.length, MAX_CHAT);
  assert.equal(s.chat.at(-1).text, String(MAX_CHAT + 49));
  assert.ok(s.news.length <= MAX_NEWS);
});

test("a mute by the host and a lost permission switch one's sources off", () => {
  const s = { ...joined(), sources: ['mic', 'camera', 'screen', 'screen_audio'] };
  assert.deepEqual(reduce(s, { type: 'muted', by: 3, sources: ['mic'] }).sources, ['camera', 'screen', 'screen_audio']);
  const viewer = reduce(s, { type: 'permissions', role: 'viewer', permissions: ['chat'] });
  assert.deepEqual(viewer.sources, []);
  assert.ok(may(viewer, 'chat') && !may(viewer, 'publish_mic'));
  assert.equal(permissionFor('screen_audio'), 'publish_screen');
});

test('the lobby list is news only for newcomers, and goes with the permission', () => {
  const dora = { participant: 12, name: 'Dora', email: 'd@example.org', since: '' };
  let s = run(joined(), { type: 'waiting', waiting: [dora] }, { type: 'waiting', waiting: [dora] });
  assert.equal(s.news.filter((n) => n.kind === 'waiting').length, 1);
  s = reduce(s, { type: 'permissions', role: 'participant', permissions: ['chat'] });
  assert.deepEqual(s.waiting, []);
});

test('policy, lobby and bye are taken over; what is not known changes nothing', () => {
  const s = joined();
  assert.equal(reduce(s, { type: 'policy', locked: true, lobby: false }).meeting.locked, true);
  assert.equal(reduce(s, { type: 'lobby', title: 'T', waiting: 2, hosts_present: false }).lobby.hostsPresent, false);
  assert.deepEqual(reduce(s, { type: 'bye', reason: 'ended', message: '' }).bye, { reason: 'ended', message: '' });
  assert.equal(reduce(s, { type: 'ok', id: 4 }), s);
});

test('who shares in an encrypted meeting is told with the name, once it is known', () => {
  const roster = (/** @type {string[]} */ sources) => ({ type: 'roster', changed: [person(3, '', { sources })] });
  const kinds = (s) => s.news.map((n) => `${n.kind} ${n.name}`);
  const nameless = run(joined(), roster([]));
  const shares = run(nameless, roster(['screen']));
  assert.deepEqual(kinds(shares), []);
  assert.deepEqual(kinds(named(shares, new Map([[3, 'Ben']]))), ['share Ben']);
  const over = run(shares, roster([]));
  assert.deepEqual(kinds(named(over, new Map([[3, 'Ben']]))), [], 'over before the name came');
  assert.deepEqual(kinds(run(joined(), { type: 'roster', changed: [person(3, 'Ben', { sources: ['screen'] })] })), [
    'share Ben',
  ]);
});

test('a hand that a host lowered is told, one’s own act is not', () => {
  const raised = run(joined(), { type: 'roster', changed: [person(7, 'Ana', { hand: 1 })] });
  assert.deepEqual(
    run(raised, { type: 'roster', changed: [person(7, 'Ana')] }).news.map((n) => n.kind),
    ['hand_lowered'],
  );
  assert.deepEqual(run({ ...raised, hand: 0 }, { type: 'roster', changed: [person(7, 'Ana')] }).news, []);
});
