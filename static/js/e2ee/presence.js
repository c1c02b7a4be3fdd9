// Who the server says is here, and who was lost (docs/e2ee.md, sections 4 and 10). The server's numbers are handles:
// what counts is the key of each announcement. Pure; time is an argument.
/** @import {RosterEntry} from './types.js' */
import { base64url, unbase64url } from './bytes.js';
import { readAnnounce } from './seat.js';

/** Seats that the server may show at a time. */
const MAX_SHOWN = 4096;

/**
 * @typedef {object} Shown somebody as the server shows them
 * @property {number} participant @property {string} key empty where the announcement isn't right
 * @property {Uint8Array<ArrayBuffer>|null} name sealed @property {boolean} connected @property {string} kind
 */

/** @param {RosterEntry} p @returns {Shown} */
export function shown({ participant, announce = '', connected = true, kind = '' }) {
  /** @type {ReturnType<typeof readAnnounce>} */
  let read = null;
  try {
    read = readAnnounce(unbase64url(announce));
  } catch {
    // not base64url: not right
  }
  return { participant, key: read ? base64url(read.ik) : '', name: read?.name ?? null, connected, kind };
}

/** The roster, by number and by key. */
export class Roster {
  /** @type {Map<number, Shown>} */
  seats = new Map();
  /** @type {Map<string, number>} */
  #numbers = new Map();
  /** numbers whose key is another than before, to be told to the media worker @type {Map<number, string|null>} */
  #news = new Map();

  /** @param {RosterEntry} p @returns {Shown|null} null when there are too many */
  see(p) {
    const s = shown(p);
    const before = this.seats.get(s.participant);
    if (!before && this.seats.size >= MAX_SHOWN) return null;
    // Another announcement for the same number is invalid. Of two seats with a key the newer counts: a switch.
    if (before && before.key !== s.key) s.key = '';
    this.seats.set(s.participant, s);
    if (s.key) this.#numbers.set(s.key, s.participant);
    if (s.key !== before?.key) this.#news.set(s.participant, s.key || null);
    return s;
  }

  /** @param {number} participant @returns {Shown|undefined} who that was */
  gone(participant) {
    const s = this.seats.get(participant);
    if (!s) return undefined;
    this.seats.delete(participant);
    if (this.#numbers.get(s.key) === participant) this.#numbers.delete(s.key);
    this.#news.set(participant, null);
    return s;
  }

  /** @param {string} key @returns {number} 0 where the server names none */
  number(key) {
    return this.#numbers.get(key) ?? 0;
  }

  /** @param {number} participant @returns {string} empty for nobody */
  key(participant) {
    return this.seats.get(participant)?.key ?? '';
  }

  /** @param {string} key @returns {boolean} whether a seat with it is connected */
  connected(key) {
    return this.seats.get(this.number(key))?.connected ?? false;
  }

  /** @returns {[number, string|null][]} what changed since it was asked last */
  news() {
    const out = [...this.#news];
    this.#news.clear();
    return out;
  }
}

/** After this nothing is sent any more under an epoch that has a lost leaf. */
const STOP_MS = 1000;
/** After this it is said that a removal is awaited. */
const SAY_MS = 3000;
/** After this a host's client removes whose seat is gone. */
const HOST_REMOVES_MS = 5000;
const MINUTE_MS = 60_000;
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 300_000;
/** Keys whose losses are remembered. */
const MAX_REMEMBERED = 1024;

/** Leaves whose people are gone, and keys that come and go too often. */
export class Losses {
  /** by leaf; log: the log said so @type {Map<number, {key: string, at: number, seat: boolean, log: boolean}>} */
  #lost = new Map();
  /** @type {Map<string, {times: number[], wait: number, until: number}>} */
  #often = new Map();

  /** @returns {readonly number[]} the lost leaves */
  get leaves() {
    return [...this.#lost.keys()];
  }

  /**
   * learn notes a loss. Nothing puts off what follows from the first word of it.
   * @param {number} leaf @param {string} key @param {number} now @param {boolean} seat the roster said so
   */
  learn(leaf, key, now, seat) {
    const known = this.#lost.get(leaf);
    if (known) {
      known.seat ||= seat;
      known.log ||= !seat;
      return;
    }
    this.#lost.set(leaf, { key, at: now, seat, log: !seat });
    this.#count(key, now);
  }

  /** @param {string} key has a seat again: what only the roster said is undone */
  back(key) {
    for (const [leaf, l] of this.#lost) if (l.key === key && !l.log) this.#lost.delete(leaf);
  }

  /** @param {string} key @param {number} now */
  #count(key, now) {
    const o = this.#often.get(key) ?? { times: [], wait: 0, until: 0 };
    this.#often.delete(key);
    this.#often.set(key, o);
    o.times = [...o.times.filter((at) => now - at < MINUTE_MS), now].slice(-3);
    if (o.times.length === 3) {
      o.wait = o.wait ? Math.min(LONGEST_WAIT_MS, o.wait * 2) : FIRST_WAIT_MS;
      o.until = now + o.wait;
    }
    if (this.#often.size > MAX_REMEMBERED) this.#often.delete(/** @type {string} */ (this.#often.keys().next().value));
  }

  /** @param {string} key @returns {number} when it may be added again */
  mayReturn(key) {
    return this.#often.get(key)?.until ?? 0;
  }

  /** @param {(leaf: number, key: string) => boolean} still whether a leaf is still that of a key */
  keep(still) {
    for (const [leaf, { key }] of this.#lost) if (!still(leaf, key)) this.#lost.delete(leaf);
  }

  /** @returns {number} since when, Infinity where nobody is lost */
  get #since() {
    return Math.min(Infinity, ...[...this.#lost.values()].map((l) => l.at));
  }

  /** @returns {number} when sending ends */
  get stopAt() {
    return this.#since + STOP_MS;
  }

  /** @returns {number} when it is said that one waits */
  get sayAt() {
    return this.#since + SAY_MS;
  }

  /** @param {number} now @returns {number[]} leaves that a host's client removes */
  overdue(now) {
    return [...this.#lost].filter(([, l]) => l.seat && now >= l.at + HOST_REMOVES_MS).map(([leaf]) => leaf);
  }

  /** @param {number} now @returns {number} the next time when something follows from a loss */
  deadline(now) {
    const times = [...this.#lost.values()].flatMap(({ at }) => [at + STOP_MS, at + SAY_MS, at + HOST_REMOVES_MS]);
    return Math.min(Infinity, ...times.filter((at) => at > now));
  }
}
