import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialState } from '../js/core/state.js';
import { all, featured, order, view, nextStage, newStage, STAGE_ATTACK_MS, STAGE_HOLD_MS } from '../js/core/tiles.js';
import { floatingWants, onePicture, wants, sameWants, slotsFor, stepUp, MAX_WANTS } from '../js/core/viewport.js';

const people = (n, sources = ['mic', 'camera']) =>
  new Map(
    Array.from({ length: n }, (_, i) => [
      i + 2,
      { participant: i + 2, name: `P${i + 2}`, role: 'participant', sources, hand: 0, connected: true },
    ]),
  );
const state = (n, more = {}) => ({
  ...initialState(),
  phase: 'joined',
  self: 1,
  name: 'Me',
  people: people(n),
  ...more,
});
const options = (more = {}) => ({
  mode: 'auto',
  pin: '',
  page: 0,
  width: 1400,
  height: 800,
  limit: 25,
  spotlight: 0,
  stageSpeaker: 0,
  hideSelf: false,
  ...more,
});
const others = (s) => [...s.people.keys()];

test('people stay where they are when somebody comes, goes or speaks on the first page', () => {
  const none = new Map();
  assert.deepEqual(order([2, 3, 4], [2, 3, 4, 5], [], none, 9), [2, 3, 4, 5]);
  assert.deepEqual(order([2, 3, 4], [2, 4], [], none, 9), [2, 4]);
  assert.deepEqual(order([2, 3, 4], [2, 3, 4], [4], none, 9), [2, 3, 4]);
});

test('who speaks from a later page changes places with the one longest silent, and only with them', () => {
  const spoke = new Map([
    [2, 100],
    [3, 50],
    [4, 70],
  ]);
  assert.deepEqual(order([2, 3, 4, 5, 6], [2, 3, 4, 5, 6], [6], spoke, 3), [2, 6, 4, 5, 3]);
  assert.deepEqual(order([2, 3, 4], [2, 3, 4], [4], new Map(), 2).slice(0, 2).includes(4), true);
  assert.deepEqual(
    order([2, 3, 4], [2, 3, 4], [2, 3, 4], new Map(), 2),
    [2, 3, 4],
    'all on the first page speak: nobody moves',
  );
});

test('who shows a picture comes to the first page, in the place of somebody silent there without one', () => {
  const shows = (p) => p >= 5;
  assert.deepEqual(order([2, 3, 4, 5, 6], [2, 3, 4, 5, 6], [], new Map(), 3, shows), [2, 6, 5, 4, 3]);
  assert.deepEqual(order([5, 6, 2, 3], [2, 3, 5, 6], [], new Map(), 2, shows), [5, 6, 2, 3], 'who is there stays');
  assert.deepEqual(order([2, 3, 5], [2, 3, 5], [2, 3], new Map(), 2, shows), [2, 3, 5], 'nobody who speaks makes room');
});

test('two people face each other, oneself in the corner', () => {
  const s = state(1);
  const v = view(s, others(s), options());
  assert.equal(v.kind, 'duo');
  assert.deepEqual(v.tiles.map((t) => [t.participant, t.role]).sort(), [
    [1, 'corner'],
    [2, 'main'],
  ]);
});

test('a page never holds more tiles than the limit, and pages cover everybody once', () => {
  const s = state(60);
  const seen = new Set();
  const first = view(s, others(s), options({ limit: 16 }));
  for (let page = 0; page < first.pages; page++) {
    const v = view(s, others(s), options({ limit: 16, page }));
    assert.ok(v.tiles.length <= 16);
    for (const t of v.tiles) {
      assert.ok(!seen.has(t.key));
      seen.add(t.key);
    }
  }
  assert.equal(seen.size, 61);
});

test('a shared screen takes the stage, a pin takes it from the screen, the grid has none', () => {
  const s = state(5);
  s.people.get(3).sources = ['camera', 'screen'];
  const stageOf = (o) =>
    view(s, others(s), options(o))
      .tiles.filter((t) => t.role === 'stage')
      .map((t) => t.key);
  s.people.set(3, { ...s.people.get(3), sources: ['camera', 'screen'] });
  assert.deepEqual(stageOf({}), ['3/screen']);
  assert.deepEqual(stageOf({ pin: '4/camera' }), ['4/camera']);
  assert.deepEqual(stageOf({ mode: 'grid' }), []);
  assert.deepEqual(stageOf({ pin: '99/camera' }), ['3/screen'], 'a pin of somebody who left is no pin');
});

test("the spotlight of a host comes before layouts and beside a shared screen, but after one's own pin", () => {
  const s = state(5);
  const stageOf = (o) =>
    view(s, others(s), options(o))
      .tiles.filter((t) => t.role === 'stage')
      .map((t) => t.key);
  assert.deepEqual(stageOf({ spotlight: 4, mode: 'grid' }), ['4/camera']);
  assert.deepEqual(stageOf({ spotlight: 4, pin: '5/camera' }), ['5/camera']);
  assert.deepEqual(stageOf({ spotlight: 99 }), []);
  assert.deepEqual(stageOf({ spotlight: 1 }), [], 'nobody looks at themselves');
  s.people.set(3, { ...s.people.get(3), sources: ['camera', 'screen'] });
  assert.deepEqual(stageOf({ spotlight: 4 }), ['3/screen', '4/camera']);
  assert.deepEqual(stageOf({ spotlight: 3 }), ['3/screen'], 'who shows a screen is shown by it');
});

test("the speaker layout shows who speaks; one's own screen has no tile", () => {
  const s = state(3, { sources: ['screen'] });
  assert.ok(
    all(s, others(s), false).every((t) => t.source === 'camera'),
    'it would mirror itself',
  );
  assert.deepEqual(view(s, others(s), options({ mode: 'speaker', stageSpeaker: 4 })).tiles[0].key, '4/camera');
  assert.equal(view(s, others(s), options()).kind, 'grid');
});

test('hiding oneself hides the camera tile, but not when alone', () => {
  const s = state(2);
  assert.ok(!view(s, others(s), options({ hideSelf: true })).tiles.some((t) => t.self));
  const alone = state(0);
  assert.equal(view(alone, [], options({ hideSelf: true })).tiles.length, 1);
  assert.equal(all(s, others(s), false).length, 3);
});

test('the stage goes to nobody for a cough, and stays a while with whom it has', () => {
  let st = nextStage(newStage(), [5], 0);
  assert.equal(st.on, 5, 'the first speaker takes it at once');
  st = nextStage(st, [6], 100);
  st = nextStage(st, [6], 100 + STAGE_ATTACK_MS);
  assert.equal(st.on, 5, 'held');
  st = nextStage(st, [], 1000);
  assert.equal(st.candidate, 0, 'a cough is forgotten');
  st = nextStage(st, [6], STAGE_HOLD_MS);
  st = nextStage(st, [6], STAGE_HOLD_MS + STAGE_ATTACK_MS);
  assert.equal(st.on, 6);
  assert.equal(nextStage(st, [6], 9999), st, 'no change, no new object');
});

test('only what is shown and switched on is wanted; the stage first, then who speaks', () => {
  const s = state(3, { speakers: [4] });
  s.people.set(3, { ...s.people.get(3), sources: [] });
  const v = view(s, others(s), options({ mode: 'grid' }));
  const list = wants(s, v.tiles, 1);
  assert.deepEqual(
    list.map((w) => w.participant),
    [4, 2],
  );
  assert.ok(list.every((w) => w.height >= 180 && w.height <= 1080));
});

test('heights are device pixels in few steps; a view has at most 64 wants', () => {
  assert.equal(stepUp(1), 90);
  assert.equal(stepUp(181), 240);
  assert.equal(stepUp(99999), 2160);
  const s = state(100);
  const tiles = others(s).map((p) => ({
    key: `${p}/camera`,
    participant: p,
    source: 'camera',
    self: false,
    role: 'grid',
    box: { x: 0, y: 0, w: 160, h: 90 },
  }));
  assert.equal(wants(s, tiles, 1).length, MAX_WANTS);
  assert.equal(wants(s, tiles, 2)[0].height, 180);
  assert.ok(sameWants(wants(s, tiles, 1), wants(s, tiles, 1)));
  assert.ok(!sameWants(wants(s, tiles, 1), wants(s, tiles, 2)));
});

test('slots grow in few steps to 49', () => {
  assert.deepEqual([0, 9, 10, 25, 26, 49, 60].map(slotsFor), [9, 9, 16, 25, 36, 49, 49]);
});

test("one's own tile stays one's own when the seat is another, and the old seat's is another tile", () => {
  const s = state(2);
  const before = view(s, others(s), options({ mode: 'grid' })).tiles.find((t) => t.self);
  const everybody = new Map([
    ...s.people,
    [s.self, { participant: s.self, name: s.name, role: 'participant', sources: [], hand: 0, connected: false }],
  ]);
  const after = view({ ...s, self: 77, people: everybody }, [...everybody.keys()], options({ mode: 'grid' })).tiles;
  assert.equal(after.find((t) => t.self)?.key, before?.key);
  assert.equal(after.find((t) => t.participant === s.self)?.self, false);
  assert.equal(new Set(after.map((t) => t.key)).size, after.length);
});

test('the one picture there is room for: a screen, who is in the spotlight, who speaks, who has a camera on', () => {
  const s = state(3);
  assert.deepEqual(featured(state(0)), { participant: 0, source: 'camera' });
  assert.deepEqual(featured(s), { participant: 2, source: 'camera' });
  assert.deepEqual(featured({ ...s, speakers: [1, 4] }), { participant: 4, source: 'camera' }, 'never oneself');
  assert.deepEqual(featured({ ...s, speakers: [4], spotlight: 3 }), { participant: 3, source: 'camera' });
  const shares = new Map([...s.people, [4, { ...s.people.get(4), sources: ['screen'] }]]);
  assert.deepEqual(featured({ ...s, people: shares, spotlight: 3 }), { participant: 4, source: 'screen' });
});

test('behind the small window only its picture is asked for', () => {
  const s = state(3);
  assert.deepEqual(floatingWants(s, featured(s)), [{ participant: 2, source: 'camera', height: 360 }]);
  assert.deepEqual(floatingWants(s, { participant: 2, source: 'screen' }), [], 'sends none');
  assert.deepEqual(floatingWants(state(0), featured(state(0))), []);
});

test('who saves bandwidth asks for one small picture, the most important', () => {
  const list = [
    { participant: 2, source: 'screen', height: 1080 },
    { participant: 3, source: 'camera', height: 180 },
  ];
  assert.deepEqual(onePicture(list), [{ participant: 2, source: 'screen', height: 360 }]);
  assert.deepEqual(onePicture([]), []);
});
