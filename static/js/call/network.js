// When the device sleeps, wakes up, or gets another network: what was open may then be dead without an event.

/** The page looks at the time this often, and takes a gap of SLEPT_MS for sleep. */
const LOOK_MS = 1000;
const SLEPT_MS = 5000;
/** A network that keeps changing is told at most this often. */
const GAP_MS = 3000;

/**
 * watchNetwork tells what happens until the signal is aborted.
 * @param {{shown: () => void, woke: () => void, changed: () => void}} tell shown: the page is looked at again. woke: it
 *   runs again after sleep, or after a busy machine held it up: which, a page cannot see. changed: another network
 * @param {AbortSignal} signal
 */
export function watchNetwork({ shown, woke, changed }, signal) {
  let told = -Infinity;
  const news = (/** @type {() => void} */ tell) => {
    const now = performance.now();
    if (now - told < GAP_MS) return;
    told = now;
    tell();
  };
  let looked = Date.now(); // the other clock stands still while some systems sleep
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - looked > SLEPT_MS) news(woke);
    looked = now;
  }, LOOK_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
  document.addEventListener('visibilitychange', () => document.hidden || shown(), { signal });
  window.addEventListener('online', () => news(changed), { signal });
  const { connection } = /** @type {{connection?: EventTarget}} not in every browser */ (navigator);
  connection?.addEventListener('change', () => news(changed), { signal });
}
