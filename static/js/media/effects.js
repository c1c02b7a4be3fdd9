// What the browser or the system does with a voice or a picture before the page has it. It is offered only where the
// device that is on says that it can be switched both ways.

/** @typedef {'noiseSuppression'|'echoCancellation'|'voiceIsolation'|'backgroundBlur'} Effect */

/** @type {Record<'mic'|'camera', readonly Effect[]>} */
const OF = { mic: ['noiseSuppression', 'echoCancellation', 'voiceIsolation'], camera: ['backgroundBlur'] };

/**
 * effectsOf lists what can be switched in a device that is on, and whether it is on.
 * @param {'mic'|'camera'} what @param {MediaStreamTrack|null} track @returns {{effect: Effect, on: boolean}[]}
 */
export function effectsOf(what, track) {
  if (typeof track?.getCapabilities !== 'function') return [];
  const can = /** @type {Record<string, unknown>} */ (track.getCapabilities());
  const now = /** @type {Record<string, unknown>} */ (track.getSettings());
  return OF[what].filter((effect) => both(can[effect])).map((effect) => ({ effect, on: Boolean(now[effect]) }));
}

/** @param {unknown} values that a device may take: echoCancellation has names of kinds among them, too */
const both = (values) => Array.isArray(values) && values.includes(false) && values.some((v) => v !== false);
