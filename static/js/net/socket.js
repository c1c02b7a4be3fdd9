// The WebSocket half of docs/protocol.md: requests with replies, and events. Knows nothing of meetings.
/** @import {ServerMessage, ClientMessage, Fields} from '../core/types.js' */

import { RequestError } from './error.js';

/** The protocol that this client speaks (docs/protocol.md). */
export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = 'conclave.v1';

const TIMEOUT_MS = 10_000;
/** The time of a request is cut into so many pieces: see pageTimeout. */
const PIECES = 4;
/** Requests that may wait for replies at once; more is our own mistake. */
const MAX_PENDING = 256;

/**
 * pageTimeout calls back after so much time in which the page ran and nothing came. A page that was held up for long
 * counts one piece of it, and then reads what came. While something comes it waits on, for TIMEOUT_MS at most.
 * @param {() => void} done @param {number} ms @param {() => number} heard how much has come
 * @returns {() => void} stops it
 */
function pageTimeout(done, ms, heard) {
  let [before, silent, all, timer] = [heard(), 0, 0, 0];
  const look = () => {
    silent = heard() === before ? silent + 1 : 0;
    before = heard();
    if (silent < PIECES && (++all * ms) / PIECES < TIMEOUT_MS) again();
    else done();
  };
  const again = () => {
    timer = window.setTimeout(look, ms / PIECES);
  };
  again();
  return () => clearTimeout(timer);
}

/**
 * @typedef {object} Handlers
 * @property {(m: ServerMessage) => void} message every message, replies included, in order
 * @property {(answered: boolean) => void} closed once, when the socket is gone, however it went; not after close().
 *   answered: false when nothing was heard of the server in the time there was for opening it
 */

/**
 * @typedef {object} Waiting a request without its reply yet
 * @property {(m: ServerMessage) => void} resolve @property {(e: Error) => void} reject
 * @property {() => void} stop ends its timeout
 */

/** One connection. Events after `close()` are not delivered. */
export class Socket {
  /** @type {Map<number, Waiting>} */
  #pending = new Map();
  #nextId = 1;
  #closed = false;
  #heard = 0; // messages that came
  /** @type {WebSocket} */
  #ws;

  /**
   * @param {Handlers} handlers
   * @param {string} [meeting] that it is for: while a new version of the server takes over, it says which has it
   * @param {number} [limit] ms in which it must open
   */
  constructor(handlers, meeting = '', limit = TIMEOUT_MS) {
    const url = new URL(meeting ? `/ws?meeting=${encodeURIComponent(meeting)}` : '/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#ws = new WebSocket(url.href, SUBPROTOCOL);
    /** resolves when the socket is open, rejects when it cannot be opened */
    this.opened = new Promise((resolve, reject) => {
      const stop = pageTimeout(
        () => this.#gone(handlers, reject, false),
        limit,
        () => this.#heard,
      );
      this.#ws.onopen = () => {
        stop();
        resolve(undefined);
      };
      this.#ws.onclose = () => {
        stop();
        this.#gone(handlers, reject, true);
      };
    });
    this.opened.catch(() => {}); // closed() tells as well
    this.#ws.onmessage = (event) => this.#receive(event.data, handlers);
  }

  /** @returns {boolean} */
  get open() {
    return !this.#closed && this.#ws.readyState === WebSocket.OPEN;
  }

  /** @param {Handlers} handlers @param {(e: Error) => void} reject @param {boolean} answered */
  #gone(handlers, reject, answered) {
    const first = !this.#closed;
    this.close();
    reject(new RequestError('network', '', answered)); // fatal: refused, and not only out of reach
    if (first) handlers.closed(answered);
  }

  /** @param {unknown} data @param {Handlers} handlers */
  #receive(data, handlers) {
    if (this.#closed || typeof data !== 'string') return;
    /** @type {ServerMessage} */
    let m;
    try {
      m = JSON.parse(data);
    } catch {
      return;
    }
    this.#heard++;
    handlers.message(m);
    const id = 'id' in m ? m.id : undefined;
    const waiting = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || !waiting || m.type === 'lobby') return; // after `lobby` the reply is still to come
    this.#pending.delete(id);
    waiting.stop();
    if (m.type === 'error') waiting.reject(new RequestError(m.error, m.message, m.fatal, m.retry_after_s));
    else waiting.resolve(m);
  }

  /**
   * request sends a message and resolves to its reply.
   * @template {ClientMessage['type']} T
   * @param {T} type @param {Fields<T>} fields @param {{timeout?: number}} [o] timeout 0 waits for ever (the lobby)
   * @returns {Promise<ServerMessage>} rejects with a RequestError
   */
  request(type, fields, o = {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#ws.readyState !== WebSocket.OPEN) return reject(new RequestError('network', '', false));
      if (this.#pending.size >= MAX_PENDING) return reject(new RequestError('rate_limited', '', false));
      const ms = o.timeout ?? TIMEOUT_MS;
      const late = () => {
        this.#pending.delete(id);
        reject(new RequestError('timeout', '', false));
      };
      const stop = ms ? pageTimeout(late, ms, () => this.#heard) : () => {};
      this.#pending.set(id, { resolve, reject, stop });
      this.#ws.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /** close ends the connection; requests that wait are rejected. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject, stop } of this.#pending.values()) {
      stop();
      reject(new RequestError('network', '', false));
    }
    this.#pending.clear();
    this.#ws.close();
  }
}
