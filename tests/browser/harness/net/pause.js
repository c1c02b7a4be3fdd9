// Pauses of what a page receives, from when it looked and when it saw that something had come: arithmetic only.

/**
 * @typedef {object} Pause
 * @property {number} end when it was seen that something had come again
 * @property {number} ms for how long nothing came, as far as the page looked
 */

/**
 * The pauses since a moment, in order; those of no length are left out. What is seen after a time without looks may
 * have come at any time in it: a page that did not look, as on a busy machine, has no pause for that.
 * @param {readonly number[]} came when something was seen to have come
 * @param {readonly number[]} looks when the page looked
 * @param {number} since
 * @returns {Pause[]}
 */
export function pausesSince(came, looks, since) {
  const pauses = [];
  let [next, begin] = [0, since];
  for (const end of came) {
    if (end <= since) continue;
    while (looks[next] < end) next++;
    const ms = (looks[next - 1] ?? since) - begin;
    if (ms > 0) pauses.push({ end, ms });
    begin = end;
  }
  return pauses;
}
