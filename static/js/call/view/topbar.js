// Above the stage: which meeting, how long still, what protects it, how good the connection is.
/** @import {CallContext} from '../context.js' */
import { h, attr, setHidden, setText, fill } from '../../ui/dom.js';
import { bars as qualityBars } from '../../ui/bars.js';
import { icon, mark } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { clock } from '../../core/text.js';
import { countdown } from './countdown.js';
import { securityChip } from '../security/indicator.js';

/** The end of the meeting is shown when it is this near. */
const SHOW_LEFT_S = 30 * 60;

/** @param {CallContext} context @returns {{el: HTMLElement, middle: HTMLElement}} middle: the room for toasts */
export function topbar(context) {
  const { call, ui, cleanup } = context;
  const title = h('h1', { class: 'topbar-title', dir: 'auto', 'data-testid': 'call-title' });
  const left = h('span', { class: 'chip', hidden: true, 'data-testid': 'time-left' });
  const locked = h('span', { class: 'chip', hidden: true, 'data-testid': 'locked' }, icon('lock'), t('call.locked'));
  const panelTo = (/** @type {'info'|'stats'} */ panel) => () =>
    ui.set((u) => ({ ...u, panel: u.panel === panel ? '' : panel }));
  const bars = h('button', {
    class: 'icon-button',
    type: 'button',
    'data-testid': 'quality',
    onclick: panelTo('stats'),
  });
  const invite = h(
    'button',
    {
      class: 'chip button-chip',
      type: 'button',
      'aria-label': t('call.invite'),
      'data-testid': 'invite',
      onclick: panelTo('info'),
    },
    icon('link'),
    h('span', null, t('call.invite')),
  );
  /** @type {number} the server's clock minus ours */
  let skew = 0;
  cleanup(
    call.store.watch(
      (p) => p.state.meeting,
      (m) => {
        setText(title, m?.title || t('call.title'));
        setHidden(locked, !m?.locked);
        if (m) skew = Date.parse(m.server_time) - Date.now();
      },
    ),
  );
  const tick = () => {
    const ends = call.store.get().state.meeting?.expires_at;
    const s = ends ? (Date.parse(ends) - Date.now() - skew) / 1000 : Infinity;
    setHidden(left, s > SHOW_LEFT_S);
    if (s <= SHOW_LEFT_S) setText(left, t('call.time.left', { time: clock(s) }));
  };
  const timer = setInterval(tick, 1000);
  cleanup(() => clearInterval(timer));
  // What the others are shown of us, or less when this page already knows. Whether it is lost, the page knows best.
  cleanup(
    call.store.watch(
      (p) => Math.min(p.quality.shown, Math.max(1, p.state.bars.get(p.state.self) ?? 4)),
      (q) => {
        fill(bars, qualityBars(q));
        attr(bars, 'data-quality', String(q));
        const label = t(/** @type {any} */ (`quality.${q}`));
        attr(bars, 'aria-label', label);
        attr(bars, 'title', label);
      },
    ),
  );
  const middle = h('div', { class: 'spacer' });
  const el = h(
    'div',
    { class: 'topbar' },
    h('span', { class: 'topbar-brand' }, mark()),
    title,
    locked,
    left,
    ...countdown(context),
    middle,
    securityChip(context),
    invite,
    bars,
  );
  return { el, middle };
}
