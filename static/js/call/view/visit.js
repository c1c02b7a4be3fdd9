// The way to a breakout room that a host has for the person; and there: which it is, how long still, and the way back.
/** @import {CallContext, Visit} from '../context.js' */
import { h, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { countdown } from './countdown.js';

/** @param {CallContext} context @param {Visit} visit @returns {HTMLElement} */
export function visitStrip(context, visit) {
  const { main } = visit;
  const waits = h('span', { role: 'status', 'data-testid': 'breakout-waits', hidden: true });
  context.cleanup(
    main.store.watch(
      (p) => p.state.waiting.length,
      (n) => {
        setHidden(waits, n === 0);
        setText(waits, n > 0 ? t('breakouts.waits', { n }) : '');
      },
    ),
  );
  return h(
    'div',
    { class: 'breakout-strip', 'data-testid': 'breakout' },
    icon('grid'),
    h('strong', null, t('breakouts.room', { n: visit.n })),
    ...countdown({ ...context, call: main }),
    waits,
    h('span', { class: 'spacer' }),
    h(
      'button',
      { class: 'button small primary', type: 'button', 'data-testid': 'breakout-back', onclick: visit.back },
      t('breakouts.back'),
    ),
  );
}

/** @param {CallContext} context @returns {HTMLElement} shown while there is a room to go to */
export function assignedStrip({ call, cleanup }) {
  const text = h('span');
  const go = h('button', {
    class: 'button small primary',
    type: 'button',
    'data-testid': 'breakout-go',
    onclick: () => call.tell('room', { what: 'go' }),
  });
  const el = h(
    'div',
    { class: 'breakout-strip', hidden: true },
    icon('grid'),
    text,
    h('span', { class: 'spacer' }),
    go,
  );
  cleanup(
    call.store.watch(
      (p) => p.room,
      (n) => {
        setHidden(el, n === 0);
        setText(text, t('breakouts.told', { n }));
        setText(go, t('breakouts.go', { n }));
      },
    ),
  );
  return el;
}
