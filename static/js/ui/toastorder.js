// Which toast is seen where there is room for one: the last. News doesn't hide a question or a warning.

/** Toasts there are at most. */
export const MAX_TOASTS = 4;

/**
 * @typedef {object} Kept
 * @property {boolean} weighty urgent, or there until it is answered
 * @property {boolean} passing it goes by itself
 * @property {boolean} focused a person is in it with the keyboard
 */

/** @param {readonly Kept[]} all @param {boolean} weighty @returns {number} where a new one goes; the last is seen */
export function placeOf(all, weighty) {
  const at = weighty ? -1 : all.findIndex((x) => x.weighty);
  const place = at < 0 ? all.length : at;
  return all.at(-1)?.focused ? Math.min(place, all.length - 1) : place;
}

/** @param {readonly Kept[]} all @returns {number} which one makes room: the oldest that would have gone by itself */
export function dropped(all) {
  const at = all.findIndex((x) => x.passing && !x.focused);
  return Math.max(at, 0);
}

/**
 * @typedef {object} Time how long a toast is there
 * @property {boolean} waits its time runs only while it is seen: that of news and of questions, but not of a warning
 * @property {number} ms what is left of its time when it began to run last; 0 if it stays
 * @property {number|null} since when its time began to run, in ms; null while it doesn't
 */

/**
 * What is hidden behind another toast is to be seen as long as it would have been.
 * @param {Time} its @param {boolean} seen @param {number} now in ms @returns {Pick<Time, 'ms'|'since'>}
 */
export function timed({ waits, ms, since }, seen, now) {
  if (ms === 0) return { ms, since };
  if (seen || !waits) return { ms, since: since ?? now };
  return since === null ? { ms, since } : { ms: Math.max(1, ms - (now - since)), since: null };
}
