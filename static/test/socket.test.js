// When a request counts as not answered.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Socket } from '../js/net/socket.js';

/** A WebSocket that is open, and says nothing by itself. */
class Silent {
  static OPEN = 1;
  readyState = Silent.OPEN;
  onopen = () => {};
  onmessage = (/** @type {{data: string}} */ _) => {};
  send() {}
  close() {}
}

/** @param {number} ms to tick, in steps of 50 @param {(at: number) => void} [each] */
function tick(ms, each = () => {}) {
  for (let at = 50; at <= ms; at += 50) {
    mock.timers.tick(50);
    each(at);
  }
}

/** @returns {{socket: Socket, ws: Silent}} */
function open() {
  mock.timers.enable({ apis: ['setTimeout'] });
  /** @type {any} */
  const it = globalThis;
  it.window = globalThis;
  it.location = new URL('https://meet.example.org/');
  /** @type {Silent[]} */
  const made = [];
  it.WebSocket = class extends Silent {
    constructor() {
      super();
      made.push(this);
    }
  };
  const socket = new Socket({ message: () => {}, closed: () => {} });
  made[0].onopen();
  return { socket, ws: made[0] };
}

/** @param {Promise<unknown>} promise @returns {() => string} what has become of it */
function state(promise) {
  let now = 'waits';
  promise.then(
    () => (now = 'answered'),
    (err) => (now = err.id),
  );
  return () => now;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a request that nothing follows times out when its time is over, no sooner', async () => {
  const { socket } = open();
  const now = state(socket.request('media', { sources: [] }, { timeout: 1000 }));
  tick(950);
  await settled();
  assert.equal(now(), 'waits');
  tick(50);
  await settled();
  assert.equal(now(), 'timeout');
  mock.timers.reset();
});

test('while other messages come, an answer is only late, for ten seconds', async () => {
  const { socket, ws } = open();
  const now = state(socket.request('media', { sources: [] }, { timeout: 1000 }));
  const each = (/** @type {number} */ at) => {
    if (at % 500 === 0) ws.onmessage({ data: '{"type":"speakers","speakers":[]}' });
  };
  tick(9700, each);
  await settled();
  assert.equal(now(), 'waits');
  tick(300, each);
  await settled();
  assert.equal(now(), 'timeout');
  mock.timers.reset();
});

test('a page that was held up reads what came meanwhile before it gives up', async () => {
  const { socket, ws } = open();
  /** @type {(() => void)[]} */
  const due = [];
  /** @type {any} */ (globalThis).window = { setTimeout: (/** @type {() => void} */ f) => due.push(f) };
  const now = state(socket.request('media', { sources: [] }, { timeout: 1000 }));
  due[0](); // late, however long the page was held up
  await settled();
  assert.equal(now(), 'waits');
  ws.onmessage({ data: '{"type":"ok","id":1}' });
  await settled();
  assert.equal(now(), 'answered');
  mock.timers.reset();
});

test('a page that was held up while a WebSocket opened takes it', async () => {
  open(); // the globals that a page has
  /** @type {(() => void)[]} */
  const due = [];
  /** @type {any} */ (globalThis).window = { setTimeout: (/** @type {() => void} */ f) => due.push(f) };
  const socket = new Socket({ message: () => {}, closed: () => {} }, '', 700);
  const now = state(socket.opened);
  due[0](); // late, however long the page was held up
  await settled();
  assert.equal(now(), 'waits');
  for (let i = 1; i < 4; i++) due[i]();
  await settled();
  assert.equal(now(), 'network');
  mock.timers.reset();
});
