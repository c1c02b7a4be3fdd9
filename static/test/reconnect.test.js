import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  newLadder,
  next,
  backoff,
  openLimit,
  MAX_CONNECTIONS,
  MAX_DISAGREED,
  RESUME_MS,
  ICE_RESTART_MS,
  NEW_CONNECTION_MS,
  REJOIN_MS,
  QUIET_SOCKET_MS,
  tellIn,
  FIRST_MEDIA_MS,
} from '../js/core/reconnect.js';

/** Plays events in virtual time and collects what is done. */
function play(ladder, ...events) {
  const actions = [];
  for (const [event, at] of events) {
    const out = next(ladder, event, at);
    ladder = out.ladder;
    actions.push(...out.actions);
  }
  return { ladder, actions };
}

test('a lost socket is resumed at once, and media goes on untouched', () => {
  const { ladder, actions } = play(newLadder(), ['socket_lost', 0], ['tick', 0], ['resumed', 300]);
  assert.deepEqual(actions, ['open_socket']);
  assert.equal(ladder.step, 'ok');
});

test('sockets are tried again with growing pauses, until the seat is gone; then joining anew', () => {
  let { ladder } = play(newLadder(), ['socket_lost', 0]);
  const opened = [];
  for (let now = 0; now <= RESUME_MS + 5000; now += 100) {
    const out = next(ladder, 'tick', now);
    ladder = out.ladder;
    if (out.actions.includes('open_socket')) {
      opened.push(now);
      ladder = next(ladder, 'socket_failed', now + 10).ladder;
    }
  }
  assert.ok(opened.length > 36 && opened.length < 48, `${opened}`);
  assert.ok(opened.at(-1) - opened.at(-2) <= 1700);
  assert.equal(ladder.step, 'rejoin');
  assert.ok(backoff(99) <= 1500);
});

test('broken media climbs: ICE restart, a new connection, joining anew, giving up; each by its deadline', () => {
  const t1 = ICE_RESTART_MS;
  const t2 = t1 + NEW_CONNECTION_MS;
  const t3 = t2 + REJOIN_MS;
  const { ladder, actions } = play(
    newLadder(),
    ['media_up', 0],
    ['media_lost', 0],
    ['tick', t1 - 1],
    ['tick', t1],
    ['tick', t2],
    ['tick', t2 + 250],
    ['tick', t3],
  );
  assert.deepEqual(actions, ['ice_restart', 'new_connection', 'open_socket']);
  assert.equal(ladder.step, 'failed');
});

test('what the server has given up is connected anew, not restarted', () => {
  for (const before of [[], [['media_silent', 0]]]) {
    const { ladder, actions } = play(newLadder(), ['media_up', 0], ...before, ['media_ended', 100]);
    assert.equal(ladder.step, 'new_connection');
    assert.deepEqual(actions, [...before.map(() => 'ice_restart'), 'new_connection']);
    assert.equal(ladder.media, false);
  }
  const making = play(newLadder(), ['media_ended', 0], ['media_ended', 100]); // the second is of the first connection
  assert.deepEqual(making.actions, ['new_connection']);
});

test('media that comes back ends the climb wherever it is', () => {
  for (const events of [
    [['media_lost', 0]],
    [
      ['media_lost', 0],
      ['tick', ICE_RESTART_MS],
    ],
  ]) {
    const { ladder } = play(newLadder(), ...events, ['media_up', 9000]);
    assert.equal(ladder.step, 'ok');
    assert.equal(ladder.deadline, Infinity);
  }
});

test('media that stops while the WebSocket is lost restarts ICE after the resume, unless it came back too', () => {
  const lost = play(newLadder(), ['socket_lost', 0], ['tick', 0], ['media_silent', 1500]);
  assert.equal(lost.ladder.step, 'resume');
  assert.deepEqual(play(lost.ladder, ['resumed', 3000]).actions, ['ice_restart']);
  assert.deepEqual(play(lost.ladder, ['media_up', 2500], ['resumed', 3000]).actions, []);
});

test('silence is judged once: what is silent already does not climb further by it', () => {
  const { ladder, actions } = play(newLadder(), ['media_silent', 0], ['media_silent', 500], ['media_silent', 1000]);
  assert.deepEqual([ladder.step, actions], ['ice_restart', ['ice_restart']]);
});

test('the person is told soon where sound or picture stopped, and late where only the WebSocket did', () => {
  assert.equal(tellIn(newLadder(), 0), Infinity);
  const media = play(newLadder(), ['media_silent', 1000]).ladder;
  assert.ok(tellIn(media, 1000) < 1000);
  const socket = play(newLadder(), ['socket_lost', 1000]).ladder;
  assert.equal(tellIn(socket, 1000), QUIET_SOCKET_MS);
  assert.equal(
    tellIn(next(socket, 'socket_failed', 3000).ladder, 3000),
    QUIET_SOCKET_MS - 2000,
    'tries do not put it off',
  );
  assert.equal(tellIn(next(socket, 'media_silent', 3000).ladder, 3000), 0, 'and sound too now');
});

test('socket and media lost together: the seat first, then an ICE restart', () => {
  const { ladder, actions } = play(
    newLadder(),
    ['socket_lost', 0],
    ['media_lost', 100],
    ['tick', 100],
    ['resumed', 900],
  );
  assert.deepEqual(actions, ['open_socket', 'ice_restart']);
  assert.equal(ladder.step, 'ice_restart');
});

test('a refused resume joins anew on the same socket', () => {
  const { ladder, actions } = play(newLadder(), ['socket_lost', 0], ['tick', 0], ['resume_failed', 500]);
  assert.deepEqual(actions, ['open_socket', 'join']);
  assert.equal(ladder.step, 'rejoin');
  assert.equal(next(ladder, 'joined', 800).ladder.step, 'ok');
});

test('a first connection that never comes is tried anew after 5 s, and said in words 10 s later', () => {
  const { ladder, actions } = play(newLadder(), ['joined', 0], ['tick', FIRST_MEDIA_MS - 1]);
  assert.deepEqual(actions, []);
  const again = play(ladder, ['tick', FIRST_MEDIA_MS], ['tick', FIRST_MEDIA_MS + NEW_CONNECTION_MS - 1]);
  assert.deepEqual([again.ladder.step, again.actions], ['new_connection', ['new_connection']]);
  const { ladder: given } = play(again.ladder, ['tick', FIRST_MEDIA_MS + NEW_CONNECTION_MS]);
  assert.deepEqual([given.step, given.seen], ['failed', false]);
  assert.equal(play(given, ['media_up', 60_000]).ladder.step, 'ok', 'what comes late is taken');
});

test('what cannot be mended is said at once, unless media flows', () => {
  const joined = play(newLadder(), ['joined', 0]).ladder;
  const { step, blocked } = play(joined, ['media_impossible', 200]).ladder;
  assert.deepEqual([step, blocked], ['failed', true]);
  assert.equal(play(joined, ['media_up', 100], ['media_impossible', 200]).ladder.step, 'ok');
});

test('a WebSocket that nobody answers is tried again at once; one that is refused, with growing pauses', () => {
  const lost = play(newLadder(), ['media_up', 0], ['socket_lost', 0], ['tick', 0]).ladder;
  const { actions } = play(
    lost,
    ['socket_unanswered', 700],
    ['tick', 700],
    ['socket_unanswered', 1400],
    ['tick', 1400],
  );
  assert.deepEqual(actions, ['open_socket', 'open_socket']);
  const refused = play(lost, ['socket_failed', 10], ['tick', 20], ['socket_failed', 600], ['tick', 700]);
  assert.deepEqual(refused.actions, []);
});

test('attempts to open a WebSocket are short on a fast network, each sixth is patient, some more so', () => {
  assert.deepEqual(
    [1, 2, 5, 6, 7, 12, 24].map((attempt) => openLimit(attempt, 30)),
    [700, 700, 700, 2900, 700, 2900, 8000],
  );
  assert.equal(openLimit(1, 800), 2400);
  assert.ok(openLimit(1, 60_000) <= 8000);
});

test('another network: the WebSocket is replaced at once, and ICE restarted only where packets have stopped', () => {
  const { ladder, actions } = play(newLadder(), ['media_up', 0], ['network_changed', 1000], ['tick', 1000]);
  assert.deepEqual([ladder.step, actions], ['resume', ['open_socket']]);
  assert.deepEqual(play(ladder, ['resumed', 1200]).actions, []);
  assert.deepEqual(play(ladder, ['media_silent', 1100], ['resumed', 1200]).actions, ['ice_restart']);
  assert.ok(tellIn(ladder, 1000) >= 4000, 'nobody is told of a WebSocket alone');
  const waiting = { ...ladder, retryAt: 9000 };
  assert.deepEqual(play(waiting, ['network_changed', 2000], ['tick', 2000]).actions, ['open_socket']);
  const failed = { ...newLadder(), step: 'failed', socket: false, media: false };
  assert.deepEqual(play(failed, ['network_changed', 0], ['tick', 0]).actions, ['open_socket']);
});

test('a dead WebSocket found while ICE restarts: the seat is resumed, then ICE restarts on it', () => {
  const { ladder, actions } = play(
    newLadder(),
    ['media_up', 0],
    ['media_silent', 1500],
    ['socket_lost', 2000],
    ['tick', 2000],
    ['socket_unanswered', 2700],
    ['tick', 2700],
    ['resumed', 2800],
  );
  assert.deepEqual(actions, ['ice_restart', 'open_socket', 'open_socket', 'ice_restart']);
  assert.equal(ladder.step, 'ice_restart');
});

test('an offer that the server refuses is not waited for, but never breaks media that flows', () => {
  assert.deepEqual(play(newLadder(), ['joined', 0], ['offer_refused', 50]).actions, ['new_connection']);
  assert.deepEqual(play(newLadder(), ['offer_refused', 50]).actions, []);
});

test('an answer that the browser does not take leads to a new connection, even while media flows', () => {
  const { ladder, actions } = play(newLadder(), ['answer_failed', 50]);
  assert.deepEqual(actions, ['new_connection']);
  assert.equal(ladder.step, 'new_connection');
  assert.equal(next(ladder, 'media_up', 900).ladder.step, 'ok');
});

test('connections that are not negotiated are bounded, with pauses; then joining anew; then a message', () => {
  let ladder = newLadder();
  let now = 0;
  const actions = [];
  const happens = (event) => {
    const out = next(ladder, event, now);
    ladder = out.ladder;
    for (const action of out.actions) {
      actions.push(action);
      if (action === 'open_socket') happens('joined'); // and media is tried with it
      happens('answer_failed');
    }
  };
  happens('joined');
  happens('answer_failed');
  for (; now < 60_000 && ladder.step !== 'failed'; now += 50) happens('tick');
  assert.equal(ladder.step, 'failed');
  const connections = Array(MAX_CONNECTIONS).fill('new_connection');
  assert.deepEqual(actions, [...connections, 'open_socket', ...connections]);
  assert.ok(now > 2000 && now < 20_000, `${now} ms`);
});

test('media that is started anew again and again is not started for ever', () => {
  let ladder = newLadder();
  let connections = 0;
  for (let i = 0; i < 10 && ladder.step !== 'failed'; i++) {
    const out = next(ladder, 'answer_failed', i * 1000);
    connections += out.actions.length;
    ladder = next(out.ladder, out.ladder.step === 'failed' ? 'tick' : 'media_up', i * 1000 + 500).ladder;
  }
  assert.equal(ladder.step, 'failed');
  assert.equal(connections, MAX_DISAGREED);
  const later = play(
    newLadder(),
    ...[0, 70, 140, 210, 280].flatMap((s) => [
      ['answer_failed', s * 1000],
      ['media_up', s * 1000 + 500],
    ]),
  );
  assert.equal(later.actions.length, 5, 'far apart, each is a case of its own');
});

test('after giving up, the person may try again', () => {
  const failed = { ...newLadder(), step: 'failed', socket: false, media: false };
  const { ladder, actions } = play(failed, ['tick', 10], ['retry', 100], ['tick', 100]);
  assert.equal(ladder.step, 'rejoin');
  assert.deepEqual(actions, ['open_socket']);
});

test("whatever happens in whatever order, every state is one of the ladder's and time ends every climb", () => {
  const events = [
    'socket_lost',
    'socket_failed',
    'socket_unanswered',
    'network_changed',
    'resumed',
    'resume_failed',
    'joined',
    'media_up',
    'media_silent',
    'media_lost',
    'media_ended',
    'media_impossible',
    'offer_refused',
    'answer_failed',
    'tick',
    'retry',
  ];
  let seed = 1;
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % n;
  };
  for (let round = 0; round < 300; round++) {
    let ladder = newLadder();
    let now = 0;
    for (let i = 0; i < 60; i++) {
      now += random(3000);
      const out = next(ladder, events[random(events.length)], now);
      ladder = out.ladder;
      assert.ok(['ok', 'resume', 'ice_restart', 'new_connection', 'rejoin', 'failed'].includes(ladder.step));
      if (ladder.step !== 'ok' && ladder.step !== 'failed') {
        assert.ok(ladder.deadline < Infinity, `${ladder.step} never ends`);
      }
    }
  }
});
