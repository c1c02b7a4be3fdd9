// Waiting for a meeting that is not open.
import * as api from '../net/api.js';

/** The server is asked again so soon after a failure, in ms, and later after each one more. */
const AGAIN_MS = 1000;
const MOST_MS = 15_000;

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * @param {number} failures one after the other @param {number} retryAfter s, what the server asked for
 * @param {number} random 0…1, so that many who wait don't ask at once @returns {number} ms
 */
export const again = (failures, retryAfter, random) =>
  Math.max(retryAfter * 1000, Math.min(MOST_MS, AGAIN_MS * 2 ** Math.min(failures - 1, 10))) * (1 + random / 2);

/**
 * whenOpen waits for a meeting, while the server is down, too.
 * @param {string} id @param {AbortSignal} signal
 * @returns {Promise<'open'|'unauthenticated'|'stopped'>} unauthenticated: only for who signs in first
 */
export async function whenOpen(id, signal) {
  for (let failures = 0; !signal.aborted;) {
    try {
      if ((await api.opened(id, signal)).open) return 'open';
      failures = 0;
      await pause(again(1, 0, Math.random()), signal); // whatever answers at once
    } catch (err) {
      if (signal.aborted) break;
      const { id: what, retryAfter } = err instanceof api.ApiError ? err : { id: '', retryAfter: 0 };
      if (what === 'unauthenticated') return what;
      await pause(again(++failures, retryAfter, Math.random()), signal);
    }
  }
  return 'stopped';
}
