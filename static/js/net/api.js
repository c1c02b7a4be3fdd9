// The HTTP half of docs/protocol.md.
/** @import {SessionInfo, Config, MeetingInfo, SentCode, CodeState} from '../core/types.js' */
/** @import {Delivery, PathCheck, Room as RoomProof} from '../protocol-types.js' */
/** @import {Puzzle} from './proof.js' */
import { solve } from './proof.js';

/** An error of the server, or of the way to it (id "network"). */
export class ApiError extends Error {
  /**
   * @param {string} id @param {string} message @param {number} [retryAfter] seconds
   * @param {Puzzle|null} [puzzle] to be solved first, with proof_needed
   */
  constructor(id, message, retryAfter = 0, puzzle = null) {
    super(message);
    this.id = id;
    this.retryAfter = retryAfter;
    this.puzzle = puzzle;
  }
}

/** A request that takes its time, as the server holds it for 20 s, is given up after this. */
const LONG_MS = 40_000;

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {string} [proof] of work
 * @param {AbortSignal} [stop] for a request that takes its time
 * @returns {Promise<any>}
 */
async function call(method, path, body, proof, stop) {
  /** @type {Response} */
  let res;
  try {
    res = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...(proof && { 'Conclave-Proof': proof }) },
      body: body ? JSON.stringify(body) : undefined,
      signal: stop ? AbortSignal.any([stop, AbortSignal.timeout(LONG_MS)]) : AbortSignal.timeout(15_000),
    });
  } catch (err) {
    throw new ApiError(err instanceof DOMException && err.name === 'TimeoutError' ? 'timeout' : 'network', '');
  }
  const text = await res.text();
  /** @type {any} */
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // not ours: a proxy's page, perhaps
  }
  if (res.ok) return json;
  const retry = json?.retry_after_s ?? Number(res.headers.get('Retry-After') ?? 0);
  throw new ApiError(
    json?.error ?? (res.status >= 500 ? 'internal' : 'unknown'),
    json?.message ?? '',
    Number.isFinite(retry) ? retry : 0,
    typeof json?.puzzle === 'string' ? json : null,
  );
}

/**
 * As call, and solves the puzzles that the server asks for: three at most, since a proof may come too late for one.
 * @param {string} path
 * @param {object} body
 * @param {() => void} working called before the work begins
 * @returns {Promise<any>}
 */
async function callWithProof(path, body, working) {
  /** @type {string|undefined} */
  let proof;
  for (let left = 3; ; left--) {
    try {
      return await call('POST', path, body, proof);
    } catch (err) {
      if (!(err instanceof ApiError) || !err.puzzle || left === 0) throw err;
      working();
      proof = await solve(err.puzzle);
    }
  }
}

/** @returns {Promise<Config>} */
export const config = () => call('GET', '/api/config');

/** @returns {Promise<PathCheck>} what each way to the media port is tried with; needs no sign-in */
export const checkPaths = () => call('POST', '/api/check', {});

/** @returns {Promise<SessionInfo|null>} null when signed out */
export async function session() {
  try {
    return await call('GET', '/api/auth/session');
  } catch (err) {
    if (err instanceof ApiError && err.id === 'unauthenticated') return null;
    throw err;
  }
}

/**
 * @param {string} email
 * @param {() => void} working called if the browser has to prove work
 * @returns {Promise<SentCode>}
 */
export const askCode = (email, working) => callWithProof('/api/auth/code', { email }, working);

/** @returns {Promise<CodeState>} how codes reach people now; only for one who waits for a code */
export const codeState = () => call('GET', '/api/auth/code');

/** How often the server is asked whether mail works, in seconds: many people may wait behind one address. */
const askEvery = 20;

/**
 * Asks how codes reach people, first after two seconds, when the server has tried. An error may pass, but once the code
 * can't be used any more there is no answer.
 * @param {() => Promise<{delivery: Delivery}>} ask @param {(delivery: Delivery) => void} tell
 * @returns {{on: boolean, tick: () => void}} tick is for every second; on may be set
 */
export function watchDelivery(ask, tell) {
  let ticks = 0;
  const watch = {
    on: true,
    tick: () => {
      if (!watch.on || ticks++ % askEvery !== 2) return;
      ask().then(
        (state) => tell(state.delivery),
        (err) => {
          if (err instanceof ApiError && err.id === 'code_expired') watch.on = false;
        },
      );
    },
  };
  return watch;
}

/** @param {string} code @returns {Promise<SessionInfo>} */
export const verifyCode = (code) => call('POST', '/api/auth/verify', { code });

/**
 * @param {() => void} working as for askCode
 * @returns {Promise<SessionInfo>} a guest's; the present session if there is one
 */
export const comeAsGuest = (working) => callWithProof('/api/auth/guest', {}, working);

/** @returns {Promise<void>} */
export const logout = () => call('POST', '/api/auth/logout');

/**
 * What a meeting is made with.
 * @typedef {{title?: string, password?: string, lobby?: boolean, when_host_leaves?: string, e2ee?: boolean,
 *   private_audio?: boolean, confidential?: boolean, guests?: boolean}} Wish
 */

/**
 * @param {Wish & {room?: RoomProof}} options
 * @returns {Promise<{meeting: string, expires_at: string, e2ee: boolean}>}
 */
export const createMeeting = (options) => call('POST', '/api/meetings', options);

/** @returns {Promise<{challenge: string}>} what the owner of a room signs next */
export const roomChallenge = () => call('POST', '/api/rooms/challenge', {});

/**
 * @param {string} id @param {AbortSignal} signal
 * @returns {Promise<{open: boolean}>} once the meeting is open, or after a while that it is not
 */
export const opened = (id, signal) =>
  call('GET', `/api/meetings/${encodeURIComponent(id)}/opened`, undefined, undefined, signal);

/** @param {string} id @returns {Promise<MeetingInfo>} */
export const meetingInfo = (id) => call('GET', `/api/meetings/${encodeURIComponent(id)}`);
