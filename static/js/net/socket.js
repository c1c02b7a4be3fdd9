// The WebSocket half of docs/protocol.md: requests with replies, and events. Knows nothing of meetings.
/** @import {ServerMessage, ClientMessage, Fields} from '../core/types.js' */

/** An error the server answered a request with. */
export class RequestError extends Error {
  /** @param {string} id @param {string} message @param {boolean} fatal */
  constructor(id, message, fatal) {
    super(message);
    this.id = id;
    this.fatal = fatal;
  }
}

/** The protocol that this client speaks (docs/protocol.md). */
export const PROTOCOL_VERSION = 1;
export const SUBPROTOCOL = 'conclave.v1';

const TIMEOUT_MS = 10_000;
/** Requests that may wait for replies at once; more is our own mistake. */
const MAX_PENDING = 256;

/**
 * @typedef {object} Handlers
 * @property {(m: ServerMessage) => void} message every message, replies included, in order
 * @property {() => void} closed once, when the socket is gone, however it went; not after close()
 */

/** One connection. Events after `close()` are not delivered. */
export class Socket {
  /** @type {Map<number, {resolve: (m: ServerMessage) => void, reject: (e: Error) => void, timer: number}>} */
  #pending = new Map();
  #nextId = 1;
  #closed = false;
  /** @type {WebSocket} */
  #ws;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    const url = new URL('/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#ws = new WebSocket(url.href, SUBPROTOCOL);
    /** resolves when the socket is open, rejects when it cannot be opened */
    this.opened = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#gone(handlers, reject), TIMEOUT_MS);
      this.#ws.onopen = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      this.#ws.onclose = () => {
        clearTimeout(timer);
        this.#gone(handlers, reject);
      };
    });
    this.opened.catch(() => {}); // closed() tells as well
    this.#ws.onmessage = (event) => this.#receive(event.data, handlers);
  }

  /** @returns {boolean} */
  get open() {
    return !this.#closed && this.#ws.readyState === WebSocket.OPEN;
  }

  /** @param {Handlers} handlers @param {(e: Error) => void} reject */
  #gone(handlers, reject) {
    const first = !this.#closed;
    this.close();
    reject(new RequestError('network', '', true));
    if (first) handlers.closed();
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
    handlers.message(m);
    const id = 'id' in m ? m.id : undefined;
    const waiting = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || !waiting || m.type === 'lobby') return; // after `lobby` the reply is still to come
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (m.type === 'error') waiting.reject(new RequestError(m.error, m.message, m.fatal));
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
      const timer = ms
        ? window.setTimeout(() => {
            this.#pending.delete(id);
            reject(new RequestError('timeout', '', false));
          }, ms)
        : 0;
      this.#pending.set(id, { resolve, reject, timer });
      this.#ws.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /** close ends the connection; requests that wait are rejected. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new RequestError('network', '', false));
    }
    this.#pending.clear();
    this.#ws.close();
  }
}
