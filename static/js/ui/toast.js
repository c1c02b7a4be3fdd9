// Short messages, some with buttons. They never take the focus.
import { attr, h } from './dom.js';
import { icon } from './icons.js';
import { announce, alertNow } from './live.js';
import { t } from '../i18n/i18n.js';
import { dropped, MAX_TOASTS, placeOf, timed } from './toastorder.js';
/** @import {IconName} from './icons.js' */

const layer = h('div', { class: 'toasts', role: 'region', 'data-testid': 'toasts' });
/** @typedef {import('./toastorder.js').Time & {weighty: boolean, timer: number}} Its what a toast is */
const kept = /** @type {WeakMap<Element, Its>} */ (new WeakMap());
const all = () =>
  [...layer.children].map((el) => ({
    weighty: Boolean(kept.get(el)?.weighty),
    passing: (kept.get(el)?.ms ?? 0) > 0,
    focused: el.contains(document.activeElement),
  }));

/** The time of each toast runs or waits, as what is seen changes. */
function count() {
  const one = layer.parentElement !== document.body;
  for (const el of layer.children) {
    const its = kept.get(el);
    if (!its) continue;
    const was = its.since;
    Object.assign(its, timed(its, !one || el === layer.lastElementChild, performance.now()));
    if (its.since === was) continue;
    clearTimeout(its.timer);
    if (its.since !== null) its.timer = window.setTimeout(() => el.remove(), its.ms);
  }
}
new MutationObserver(count).observe(layer, { childList: true });

/** mountToasts puts the layer on the page, below what is shown. */
export function mountToasts() {
  attr(layer, 'aria-label', t('toasts'));
  document.body.append(layer);
  count();
}

/**
 * placeToasts gives toasts a place of their own in a call, where they cover nothing: in the top bar where that is
 * wide, and else in a row below it. One is shown: a question or a warning before news, then the newest.
 * @param {HTMLElement} wide @param {HTMLElement} narrow @returns {() => void} puts the layer back
 */
export function placeToasts(wide, narrow) {
  const query = matchMedia('(min-width: 62rem)');
  const place = () => {
    (query.matches ? wide : narrow).append(layer);
    count();
  };
  query.addEventListener('change', place);
  place();
  return () => {
    query.removeEventListener('change', place);
    if (layer.parentElement === wide || layer.parentElement === narrow) mountToasts(); // else another call has them
  };
}

/**
 * @typedef {object} ToastOptions
 * @property {IconName} [icon]
 * @property {boolean} [urgent] read at once by screen readers
 * @property {number} [ms] 0 stays until it is closed
 * @property {string} [testid]
 * @property {string} [key] a newer toast of the same key replaces the older
 * @property {{label: string, act: () => void, primary?: boolean, testid?: string}[]} [actions]
 */

/** @param {string} text @param {ToastOptions} [o] @returns {() => void} closes it */
export function toast(text, o = {}) {
  (o.urgent ? alertNow : announce)(text);
  if (o.key) closeToast(o.key);
  while (layer.childElementCount >= MAX_TOASTS) layer.children[dropped(all())].remove();
  const close = () => el.remove();
  const el = h(
    'div',
    { class: 'toast', 'data-key': o.key ?? '', 'data-testid': o.testid ?? 'toast' },
    o.icon && icon(o.icon),
    h('span', { class: 'toast-text' }, text),
    o.actions?.length
      ? h(
          'span',
          { class: 'toast-actions' },
          o.actions.map((a) =>
            h(
              'button',
              {
                class: a.primary ? 'button small primary' : 'button small',
                type: 'button',
                'data-testid': a.testid,
                onclick: () => {
                  close();
                  a.act();
                },
              },
              a.label,
            ),
          ),
        )
      : null,
    h(
      'button',
      { class: 'icon-button small', type: 'button', 'aria-label': t('dismiss'), onclick: close },
      icon('close'),
    ),
  );
  const ms = o.ms ?? (o.actions ? 15_000 : 5_000);
  const weighty = Boolean(o.urgent) || ms === 0;
  kept.set(el, { weighty, waits: !weighty || Boolean(o.actions), ms, since: null, timer: 0 });
  layer.insertBefore(el, layer.children[placeOf(all(), weighty)] ?? null);
  return close;
}

/** @param {string} key closes the toast of this key, when what it said is no longer so */
export function closeToast(key) {
  for (const el of layer.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)) el.remove();
}

/** @param {string} key @returns {boolean} whether a toast of this key is there */
export const toasted = (key) => layer.querySelector(`[data-key="${CSS.escape(key)}"]`) !== null;

/** clearToasts takes all away, when the call is left. */
export const clearToasts = () => layer.replaceChildren();
