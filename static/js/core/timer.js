// The countdown that a host runs for all. The server says what is left; from there a page counts by its own clock that
// never jumps, so that the clocks of devices don't matter.

/** @typedef {{endsAt: number}} Timer endsAt: ms by the page's monotonic clock */

/** How long "0:00" stays after the end, ms. */
const OVER_MS = 10_000;
/** A page that slept through the end says nothing of it after this, ms. */
const STALE_MS = 30_000;
/** The bound of what a server may say, ms: what the protocol allows. */
const MAX_MS = 48 * 3600_000;

/** @param {number} left ms, as the server says it @param {number} now ms @returns {Timer|null} null: none runs */
export const begun = (left, now) => (left > 0 ? { endsAt: now + Math.min(left, MAX_MS) } : null);

/**
 * @param {Timer|null} timer @param {number} now ms
 * @returns {{seconds: number, over: boolean}|null} what to show: whole seconds, rounded up; null: nothing
 */
export function shown(timer, now) {
  if (!timer || now >= timer.endsAt + OVER_MS) return null;
  return { seconds: Math.max(0, Math.ceil((timer.endsAt - now) / 1000)), over: now >= timer.endsAt };
}

/**
 * passed says what to tell that came between two looks, each once.
 * @param {Timer|null} timer @param {number} before ms: of the last look @param {number} now ms
 * @returns {''|'minute'|'over'} minute: one is left
 */
export function passed(timer, before, now) {
  if (!timer) return '';
  const between = (/** @type {number} */ at) => before < at && at <= now;
  if (between(timer.endsAt)) return now - timer.endsAt < STALE_MS ? 'over' : '';
  return between(timer.endsAt - 60_000) ? 'minute' : '';
}

/** @param {string} text what a person wrote @returns {number} minutes, 1…1440; 0 for nothing that is one */
export function minutes(text) {
  const n = /^\s*\d{1,4}\s*$/.test(text) ? Number(text) : 0;
  return n >= 1 && n <= 1440 ? n : 0;
}
