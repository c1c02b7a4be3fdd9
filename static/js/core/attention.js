// What is worth a look by who looks elsewhere: counted from the state, and compared with what was there before.
/** @import {State} from './state.js' */
import { unread } from './state.js';

/** @typedef {'waiting'|'hand'|'chat'} Call what calls for attention */

/**
 * @typedef {object} Due
 * @property {ReadonlySet<number>} waiting who waits to be let in
 * @property {ReadonlySet<number>} hands whose hand is up, without one's own
 * @property {number} chat lines not yet read
 */

/** A sound of one kind comes no more often, ms. */
const QUIET_MS = 2000;

/** @param {State} s @returns {Due} */
export function due(s) {
  return {
    waiting: new Set(s.waiting.map((w) => w.participant)),
    hands: new Set([...s.people.values()].filter((p) => p.hand > 0).map((p) => p.participant)),
    chat: s.meeting?.no_chat ? 0 : unread(s),
  };
}

/** @param {Due} d @returns {number} what the title and the icon count */
export const count = (d) => d.waiting.size + d.chat;

/**
 * calls says what is new. Hands call only those who run the meeting: to others they are no task.
 * @param {Due} before @param {Due} now @param {boolean} runs @returns {Call[]}
 */
export function calls(before, now, runs) {
  const more = (/** @type {ReadonlySet<number>} */ a, /** @type {ReadonlySet<number>} */ b) =>
    [...b].some((n) => !a.has(n));
  return [
    ...(more(before.waiting, now.waiting) ? [/** @type {const} */ ('waiting')] : []),
    ...(runs && more(before.hands, now.hands) ? [/** @type {const} */ ('hand')] : []),
    ...(now.chat > before.chat ? [/** @type {const} */ ('chat')] : []),
  ];
}

/**
 * @param {Map<Call, number>} rang when each kind last rang, any clock; changed
 * @param {Call} call @param {number} now ms @returns {boolean} whether it may ring again
 */
export function rings(rang, call, now) {
  if (now - (rang.get(call) ?? -Infinity) < QUIET_MS) return false;
  rang.set(call, now);
  return true;
}

/** @param {string} title @param {number} n @returns {string} */
export const counted = (title, n) => (n > 0 ? `(${n > 99 ? '99+' : n}) ${title}` : title);

/** @param {number} n @returns {string} the icon as an address: ours, with a mark where something is due */
export function iconOf(n) {
  const mark =
    n > 0
      ? '<circle cx="22" cy="22" r="10" fill="#c4392f"/><text x="22" y="27" text-anchor="middle" ' +
        `font-family="sans-serif" font-weight="700" font-size="14" fill="#fff">${n > 9 ? '+' : n}</text>`
      : '';
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#1f6f64"/>' +
    '<path d="M22.4 11.2a8 8 0 1 0 0 9.6" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round"/>' +
    `<circle cx="16" cy="16" r="2.6" fill="#fff"/>${mark}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
