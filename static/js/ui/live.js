// Two live regions for screen readers: a polite one that speaks in batches, and an assertive one for what can't wait.
import { h } from './dom.js';

const BATCH_MS = 1500;
const polite = h('div', {
  class: 'visually-hidden',
  role: 'status',
  'aria-live': 'polite',
  'data-testid': 'live-polite',
});
const assertive = h('div', {
  class: 'visually-hidden',
  role: 'alert',
  'aria-live': 'assertive',
  'data-testid': 'live-assertive',
});
/** @type {string[]} */
let queue = [];
let timer = 0;

/** mountLive puts the regions on the page; they must be there before anything is said. */
export function mountLive() {
  document.body.append(polite, assertive);
}

/** @param {string} text said when the person pauses, together with what else happened; at most 8 things */
export function announce(text) {
  queue = [...queue.slice(-7), text];
  if (timer) return;
  timer = window.setTimeout(() => {
    timer = 0;
    polite.replaceChildren(...queue.map((line) => h('p', null, line)));
    queue = [];
  }, BATCH_MS);
}

/** @param {string} text said at once */
export function alertNow(text) {
  assertive.replaceChildren(h('p', null, text));
}
