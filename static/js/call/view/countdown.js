// The countdown in the top bar: quiet, and a soft end. Who runs the meeting opens it from there.
/** @import {CallContext} from '../context.js' */
import { h, attr, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { announce } from '../../ui/live.js';
import { lazily } from '../../ui/lazy.js';
import { toast } from '../../ui/toast.js';
import { choices } from '../../ui/settings.js';
import { chime } from '../../media/level.js';
import { t } from '../../i18n/i18n.js';
import { clock } from '../../core/text.js';
import { may, nameOf } from '../../core/state.js';
import { passed, shown } from '../../core/timer.js';

const LOOK_MS = 250;

/** What fetches the dialog. */
export const timerDialog = () => import('../panels/timer.js');

/** @param {CallContext} context @returns {HTMLElement[]} one of them is shown: a button, or the time alone */
export function countdown(context) {
  const { call, cleanup } = context;
  const read = h('span');
  const text = h(
    'span',
    { class: 'chip timer', role: 'timer', hidden: true, 'data-testid': 'timer' },
    icon('clock'),
    read,
  );
  const face = h('span');
  const button = h(
    'button',
    {
      class: 'chip button-chip timer',
      type: 'button',
      hidden: true,
      'data-testid': 'timer-change',
      onclick: () => void lazily(timerDialog).then((m) => m?.timerDialog(context)),
    },
    icon('clock'),
    face,
  );
  let before = performance.now();
  const look = () => {
    const now = performance.now();
    const { timer, state } = call.store.get();
    tellPassed(passed(timer, before, now));
    before = now;
    const what = shown(timer, now);
    const runs = may(state, 'spotlight');
    setHidden(text, !what || runs);
    setHidden(button, !what || !runs);
    if (!what) return;
    const time = clock(what.seconds);
    for (const el of [text, button]) attr(el, 'data-over', what.over ? 'true' : null);
    setText(runs ? face : read, time);
    if (runs) attr(button, 'aria-label', t('timer.change', { time }));
    else attr(text, 'aria-label', t('timer.left', { time }));
  };
  const ticking = setInterval(look, LOOK_MS);
  cleanup(() => clearInterval(ticking));
  cleanup(call.store.watch((p) => p.timer, look));
  tellChanges(context);
  return [text, button];
}

/** @param {''|'minute'|'over'} what */
function tellPassed(what) {
  if (what === 'minute') announce(t('timer.minute'));
  if (what !== 'over') return;
  toast(t('timer.over'), { icon: 'clock', key: 'timer', testid: 'timer-over', ms: 8000 });
  if (choices().soundTimer) chime('timer');
}

/** @param {CallContext} context screen readers hear who starts and stops it; others see it in the bar */
function tellChanges({ call, cleanup }) {
  const stop = new AbortController();
  cleanup(() => stop.abort());
  const hear = (/** @type {Event} */ e) => {
    const m = /** @type {CustomEvent} */ (e).detail;
    const name = nameOf(call.store.get().state, m.by ?? 0);
    const time = clock(Math.ceil(m.left_ms / 1000));
    if (m.left_ms === 0) announce(t('timer.stopped'));
    else announce(name ? t('timer.begun', { name, time }) : t('timer.left', { time }));
  };
  call.addEventListener('timer', hear, { signal: stop.signal });
}
