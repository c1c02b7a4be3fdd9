import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOK_MS, arriving, doubtful, expected, forget, looked, newFlow, stopped, suspect } from '../js/core/flow.js';
import { newLadder, next } from '../js/core/reconnect.js';
import { reading as read } from '../js/media/stats.js';

/**
 * Plays a call in virtual time: the counters are read every LOOK_MS, and what they say goes to the ladder.
 * @param {number} seconds
 * @param {(ms: number) => {packets?: number, answers?: number, less?: boolean, skip?: boolean}} arrives in the
 *   LOOK_MS before: packets of media, answers to checks of ICE; less: from now on less is to be expected; skip: the
 *   page sleeps
 * @returns {{actions: [string, number][], ladder: import('../js/core/reconnect.js').Ladder}} each action with its
 *   time in ms
 */
function play(seconds, arrives) {
  let flow = newFlow();
  let ladder = newLadder();
  const reading = { path: 'a', packets: 0, heard: 0 };
  /** @type {[string, number][]} */
  const actions = [];
  for (let now = 0; now <= seconds * 1000; now += LOOK_MS) {
    const { packets = 0, answers = 0, less = false, skip = false } = arrives(now);
    reading.packets += packets;
    reading.heard += packets * 60 + answers;
    if (skip) continue;
    flow = looked(less ? forget(flow) : flow, { ...reading }, now);
    for (const event of [stopped(flow) ? 'media_silent' : arriving(flow) ? 'media_up' : 'tick', 'tick']) {
      const out = next(ladder, event, now);
      ladder = out.ladder;
      for (const action of out.actions) {
        actions.push([action, now]);
        if (action === 'ice_restart') flow = forget(flow);
      }
    }
  }
  return { actions, ladder };
}

/** @returns {(n: number) => number} the same every time */
function randomness(seed = 7) {
  return (n) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % n;
  };
}

test('nothing at all for 1.25 s where packets were flowing restarts ICE, no sooner', () => {
  const { actions } = play(12, (ms) => ({ packets: ms <= 10_000 ? 25 : 0 }));
  assert.deepEqual(actions, [['ice_restart', 11_250]]);
});

test('a gap of a second restarts nothing', () => {
  assert.deepEqual(play(30, (ms) => ({ packets: ms % 5000 < 1000 ? 0 : 25 })).actions, []);
});

test('loss of 3, 10 and 30 percent restarts nothing, whatever flows: pictures, a voice, a voice in silence', () => {
  for (const percent of [3, 10, 30]) {
    for (const perLook of [150, 25, 3]) {
      const random = randomness(percent * perLook);
      const arrives = () => ({ packets: Array.from({ length: perLook }).filter(() => random(100) >= percent).length });
      assert.deepEqual(play(600, arrives).actions, [], `${percent} % of ${perLook} a look`);
    }
  }
});

test('what comes slowly but steadily is given 3 s', () => {
  const { actions } = play(15, (ms) => ({ packets: ms <= 10_000 ? 2 : 0 }));
  assert.deepEqual(actions, [['ice_restart', 13_000]]);
});

test('silence where nobody sends is no break: an answer of ICE every few seconds promises nothing', () => {
  assert.deepEqual(play(120, (ms) => ({ answers: ms % 5000 === 0 ? 1 : 0 })).actions, []);
});

test('a first burst promises nothing: less than a second of it is no flow that could stop', () => {
  assert.deepEqual(play(60, (ms) => ({ packets: ms > 0 && ms <= 3 * LOOK_MS ? 25 : 0 })).actions, []);
});

test('the last who sent stops, and says so: nothing restarts', () => {
  assert.deepEqual(play(60, (ms) => ({ packets: ms <= 10_000 ? 100 : 0, less: ms === 10_500 })).actions, []);
});

test('one of two stops, and says so: what goes on is watched anew', () => {
  const { actions } = play(25, (ms) => ({ packets: ms > 20_000 ? 0 : ms <= 10_000 ? 100 : 25, less: ms === 10_500 }));
  assert.deepEqual(actions, [['ice_restart', 21_250]]);
});

test('packets that come back end the climb, wherever they come from', () => {
  const { actions, ladder } = play(20, (ms) => ({ packets: ms > 10_000 && ms < 13_000 ? 0 : 25 }));
  assert.deepEqual(
    actions.map(([what]) => what),
    ['ice_restart'],
  );
  assert.equal(ladder.step, 'ok');
});

test('a path that stays dead climbs on by its deadlines', () => {
  const { actions } = play(40, (ms) => ({ packets: ms <= 10_000 ? 25 : 0 }));
  assert.deepEqual(actions, [
    ['ice_restart', 11_250],
    ['new_connection', 17_250],
    ['open_socket', 27_250],
  ]);
});

test('a page that slept does not take its sleep for silence, and finds a dead path soon after waking', () => {
  const asleep = (/** @type {number} */ ms) => ms > 10_000 && ms < 30_000;
  assert.deepEqual(play(60, (ms) => ({ packets: 25, skip: asleep(ms) })).actions, []);
  const { actions } = play(33, (ms) => ({ packets: ms <= 10_000 ? 25 : 0, skip: asleep(ms) }));
  assert.deepEqual(actions, [['ice_restart', 31_000]]);
});

test("the server's report every 500 ms is a pulse: 3 s without it restart ICE", () => {
  const pulse = (/** @type {number} */ ms) => ({ packets: ms <= 20_000 && ms % 500 === 0 ? 1 : 0 });
  assert.deepEqual(play(25, pulse).actions, [['ice_restart', 23_000]]);
});

test('a pulse of which a tenth is lost restarts nothing in an hour', () => {
  const random = randomness(3);
  assert.deepEqual(play(3600, (ms) => ({ packets: ms % 500 === 0 && random(10) > 0 ? 1 : 0 })).actions, []);
});

test('after a change of network half the silence is enough, and whatever arrives ends the suspicion', () => {
  const reading = { path: 'a', packets: 0, heard: 0 };
  let [flow, now] = [newFlow(), 0];
  const look = (/** @type {number} */ packets) => {
    reading.packets += packets;
    reading.heard += packets * 60;
    now += LOOK_MS;
    flow = looked(flow, { ...reading }, now);
  };
  for (let i = 0; i < 20; i++) look(25);
  flow = suspect(flow);
  for (let i = 0; i < 3; i++) look(0);
  assert.ok(stopped(flow), '750 ms');
  look(25);
  for (let i = 0; i < 3; i++) look(0);
  assert.ok(!stopped(flow) && doubtful(flow), 'half of 1.25 s is a doubt');
  for (let i = 0; i < 2; i++) look(0);
  assert.ok(stopped(flow), '1.25 s');
});

test('another path in use counts as a sign of life, though its counters begin anew', () => {
  let flow = looked(newFlow(), { path: 'a', packets: 1000, heard: 60_000 }, 0);
  for (let i = 1; i <= 6; i++) {
    flow = looked(flow, { path: 'a', packets: 1000 + 25 * i, heard: 60_000 + i }, i * LOOK_MS);
  }
  flow = looked(flow, { path: 'b', packets: 3, heard: 90 }, 3500);
  assert.ok(arriving(flow) && !stopped(flow));
});

test('a path that goes from the statistics and comes back as it was is no sign of life', () => {
  let flow = newFlow();
  for (let i = 0; i <= 8; i++) flow = looked(flow, { path: 'a', packets: 25 * i, heard: 1000 * i }, i * LOOK_MS);
  for (let i = 9; i < 15; i++) {
    const reading = i % 2 ? { path: '', packets: 0, heard: 0 } : { path: 'a', packets: 200, heard: 8000 };
    flow = looked(flow, reading, i * LOOK_MS);
    assert.ok(!arriving(flow), `look ${i}`);
  }
  assert.ok(stopped(flow), '1.5 s');
});

test("expected: sources of slots that are on, and one's own", () => {
  const people = new Map([[3, { sources: ['mic'] }]]);
  const slots = [
    { participant: 3, source: 'mic' },
    { participant: 3, source: 'camera' },
    { participant: 0 },
    { participant: 9, source: 'mic' },
  ];
  assert.deepEqual([...expected(['camera'], slots, people)].sort(), ['3/mic', 'self/camera']);
});

test('a path is read while one of its checks is lost, and not once it has failed', () => {
  const pair = { id: 'p', type: 'candidate-pair', nominated: true, packetsReceived: 40, bytesReceived: 9000 };
  const of = (state, nominated = true) => read([{ ...pair, state, nominated, responsesReceived: 3 }]);
  const flowing = { path: 'p', packets: 40, heard: 9003 };
  assert.deepEqual(of('succeeded'), flowing);
  assert.deepEqual(of('in-progress'), flowing); // Chromium, for a second or two at 10 % loss
  for (const none of [of('failed'), of('in-progress', false), of('waiting')]) {
    assert.deepEqual(none, { path: '', packets: 0, heard: 0 });
  }
});
