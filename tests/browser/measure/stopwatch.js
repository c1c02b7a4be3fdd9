// From a click to the pictures that it brings, measured in the page.
import { until } from '../harness/wait.js';

/** Installs window.conclaveStopwatch. Runs in the page. */
export function installStopwatch() {
  /** @type {{from: number, first: number, all: number, wanted: number, pressed: string, done: boolean}} */
  const watch = { from: 0, first: 0, all: 0, wanted: 1, pressed: '', done: true };
  Object.defineProperty(window, 'conclaveStopwatch', { value: watch });
  /** @type {Set<string>} */
  let before = new Set();
  // A picture counts when it is a tile's, is that tile's person's own (not stale), and was not there before the click.
  const pictures = () =>
    [...document.querySelectorAll('[data-testid="tile"]:not([data-self]) video:not(.stale)')].map(
      (video) => video.closest('[data-testid="tile"]')?.getAttribute('data-participant') ?? '',
    );
  document.addEventListener(
    'click',
    (event) => {
      const id =
        event.target instanceof Element ? event.target.closest('[data-testid]')?.getAttribute('data-testid') : '';
      if (id !== watch.pressed) return;
      before = new Set(pictures());
      Object.assign(watch, { from: performance.now(), first: 0, all: 0, done: false });
    },
    { capture: true },
  );
  const look = () => {
    if (watch.done) return;
    const fresh = pictures().filter((who) => !before.has(who)).length;
    const now = performance.now() - watch.from;
    if (fresh > 0) watch.first ||= now;
    if (fresh >= watch.wanted) Object.assign(watch, { all: now, done: true });
  };
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver(look).observe(document.body, {
      attributes: true,
      attributeFilter: ['class'],
      childList: true,
      subtree: true,
    });
  });
}

/**
 * Presses a button and waits for so many new pictures.
 * @param {import('../harness/person.js').Person} person
 * @param {string} pressed
 * @param {number} wanted
 */
export async function time(person, pressed, wanted) {
  await person.page.evaluate(([id, n]) => {
    Object.assign(Reflect.get(window, 'conclaveStopwatch'), { pressed: id, wanted: n, done: true, from: 0 });
  }, /** @type {const} */ ([pressed, wanted]));
  await person.at(pressed).click();
  return until(
    `${wanted} pictures after ${pressed}`,
    () =>
      person.page.evaluate(() => {
        const watch = Reflect.get(window, 'conclaveStopwatch');
        return watch.from > 0 && watch.done ? { first: watch.first, all: watch.all } : undefined;
      }),
    15_000,
  );
}
