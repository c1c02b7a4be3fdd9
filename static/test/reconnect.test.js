import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newLadder, next, backoff, RESUME_MS, ICE_RESTART_MS, NEW_CONNECTION_MS, REJOIN_MS, SHAKY_MS, FIRST_MEDIA_MS } from '../js/core/reconnect.js';

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
  assert.ok(opened.length > 6 && opened.length < 16, `${opened}`);
  assert.ok(opened.at(-1) - opened.at(-2) <= 4200);
  assert.equal(ladder.step, 'rejoin');
  assert.ok(backoff(99) <= 4000);
});

test('broken media climbs: ICE restart, a new connection, joining anew, giving up; each by its deadline', () => {
  const t1 = ICE_RESTART_MS;
  const t2 = t1 + NEW_CONNECTION_MS;
  const t3 = t2 + REJOIN_MS;
  const { ladder, actions } = play(newLadder(), ['media_lost', 0], ['tick', t1 - 1], ['tick', t1], ['tick', t2], ['tick', t3]);
  assert.deepEqual(actions, ['ice_restart', 'new_connection', 'join']);
  assert.equal(ladder.step, 'failed');
});

test('media that comes back ends the climb wherever it is', () => {
  for (const events of [[['media_lost', 0]], [['media_lost', 0], ['tick', ICE_RESTART_MS]]]) {
    const { ladder } = play(newLadder(), ...events, ['media_up', 9000]);
    assert.equal(ladder.step, 'ok');
    assert.equal(ladder.deadline, Infinity);
  }
});

test('a short dropout of media does nothing; a longer one starts the climb', () => {
  assert.deepEqual(play(newLadder(), ['media_shaky', 0], ['tick', SHAKY_MS - 1], ['media_up', SHAKY_MS - 1], ['tick', 99999]).actions, []);
  assert.deepEqual(play(newLadder(), ['media_shaky', 0], ['media_shaky', 1000], ['tick', SHAKY_MS]).actions, ['ice_restart']);
});

test('socket and media lost together: the seat first, then an ICE restart', () => {
  const { ladder, actions } = play(newLadder(), ['socket_lost', 0], ['media_lost', 100], ['tick', 100], ['resumed', 900]);
  assert.deepEqual(actions, ['open_socket', 'ice_restart']);
  assert.equal(ladder.step, 'ice_restart');
});

test('a refused resume joins anew on the same socket', () => {
  const { ladder, actions } = play(newLadder(), ['socket_lost', 0], ['tick', 0], ['resume_failed', 500]);
  assert.deepEqual(actions, ['open_socket', 'join']);
  assert.equal(ladder.step, 'rejoin');
  assert.equal(next(ladder, 'joined', 800).ladder.step, 'ok');
});

test('a first connection that never comes climbs too, once, and then says so', () => {
  let { ladder, actions } = play(newLadder(), ['joined', 0], ['tick', FIRST_MEDIA_MS - 1]);
  assert.deepEqual(actions, []);
  const climb = [FIRST_MEDIA_MS, FIRST_MEDIA_MS + ICE_RESTART_MS, FIRST_MEDIA_MS + ICE_RESTART_MS + NEW_CONNECTION_MS];
  const again = climb[2];
  ({ ladder, actions } = play(ladder, ...climb.map((at) => ['tick', at]), ['joined', again], ...climb.map((at) => ['tick', again + at])));
  assert.equal(ladder.step, 'failed');
  assert.deepEqual(actions, ['ice_restart', 'new_connection', 'join', 'ice_restart', 'new_connection']);
});

test('an offer that cannot be answered is not waited for, but never breaks media that flows', () => {
  assert.deepEqual(play(newLadder(), ['joined', 0], ['negotiation_failed', 50]).actions, ['ice_restart']);
  assert.deepEqual(play(newLadder(), ['negotiation_failed', 50]).actions, []);
});

test('after giving up, the person may try again', () => {
  const failed = { ...newLadder(), step: 'failed', socket: false, media: false };
  const { ladder, actions } = play(failed, ['tick', 10], ['retry', 100], ['tick', 100]);
  assert.equal(ladder.step, 'rejoin');
  assert.deepEqual(actions, ['open_socket']);
});

test('whatever happens in whatever order, every state is one of the ladder\'s and time ends every climb', () => {
  const events = ['socket_lost', 'socket_failed', 'resumed', 'resume_failed', 'joined', 'media_up', 'media_shaky', 'media_lost', 'negotiation_failed', 'tick', 'retry'];
  let seed = 1;
  const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
  for (let round = 0; round < 300; round++) {
    let ladder = newLadder();
    let now = 0;
    for (let i = 0; i < 60; i++) {
      now += random(3000);
      const out = next(ladder, events[random(events.length)], now);
      ladder = out.ladder;
      assert.ok(['ok', 'resume', 'ice_restart', 'new_connection', 'rejoin', 'failed'].includes(ladder.step));
      if (ladder.step !== 'ok' && ladder.step !== 'failed') assert.ok(ladder.deadline < Infinity, `${ladder.step} never ends`);
    }
  }
});
