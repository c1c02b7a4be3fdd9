// The time in which a page ran. What is to happen within seconds is judged by it: a page that was held up, by a busy
// machine or by sleep, has not read yet what came meanwhile, and is not to give up before it has.

/** A gap between two looks counts at most so many ms; a page in the background is woken once a second. */
const MOST_MS = 1000;

/**
 * @typedef {object} PageTime
 * @property {number} at ms, when the page was last seen to run
 * @property {number} heldUp ms in all in which it did not
 */

/** @param {number} now ms @returns {PageTime} */
export const newPageTime = (now) => ({ at: now, heldUp: 0 });

/**
 * ran is called whenever the page runs, in a call at least four times a second.
 * @param {PageTime} t @param {number} now ms @returns {PageTime} whose ms are now − heldUp
 */
export const ran = (t, now) => ({ at: now, heldUp: t.heldUp + Math.max(0, now - t.at - MOST_MS) });
