// The call: a stage of tiles, a bar of controls, a panel at the side, and what is told at the edges.
/** @import {App, Screen} from '../main.js' */
/** @import {Call} from '../call/call.js' */
/** @import {CallContext, CallUI, Visit} from '../call/context.js' */
import { h } from '../ui/dom.js';
import { lazily, whenIdle } from '../ui/lazy.js';
import { placeToasts } from '../ui/toast.js';
import { choices } from '../ui/settings.js';
import { t } from '../i18n/i18n.js';
import { createStore } from '../ui/store.js';
import { loads as parts } from '../call/parts.js';
import { Stage } from '../call/view/stage.js';
import { controls, settings } from '../call/view/controls.js';
import { timerDialog } from '../call/view/countdown.js';
import { assignedStrip, visitStrip } from '../call/view/visit.js';
import { topbar } from '../call/view/topbar.js';
import { panel, loads as panels } from '../call/view/sidepanel.js';
import { banners } from '../call/view/banners.js';
import { exposedStrip } from '../call/security/indicator.js';
import { callAttention } from '../call/view/attention.js';
import { tellNews } from '../call/view/announcements.js';
import { listenKeys } from '../call/view/shortcuts.js';
import { beginConfidential } from '../call/security/confidential.js';
import { keepAwake } from '../call/view/wakelock.js';

/**
 * @param {App} app @param {Call} call
 * @param {{visit?: Visit, again?: boolean}} [o] visit: it is a breakout room. again: the person comes back from one
 * @returns {Screen}
 */
export function callScreen(app, call, { visit, again } = {}) {
  const remembered = choices();
  /** @type {(() => void)[]} */
  const stops = [];
  const ui = createStore(
    /** @type {CallUI} */ ({
      panel: '',
      mode: remembered.mode,
      pin: '',
      page: 0,
      pages: 1,
      tiles: remembered.tiles,
      hideSelf: remembered.hideSelf,
      mirror: remembered.mirror,
      shortcuts: remembered.shortcuts,
      floating: false,
      low: remembered.low,
      chatTo: 0,
    }),
  );
  const context = /** @type {CallContext} */ (
    /** @type {unknown} */ ({
      app,
      call,
      ui,
      visit: visit ?? null,
      cleanup: (/** @type {() => void} */ stop) => stops.push(stop),
    })
  );
  context.stage = new Stage(context);
  const bar = controls(context);
  context.verbs = bar.verbs;
  call.sinks.setSpeaker(remembered.speakerId);
  const title = visit ? t('breakouts.room', { n: visit.n }) : call.store.get().state.meeting?.title || t('call.title');
  const flying = h('div', { class: 'flying-layer', 'aria-hidden': 'true' });
  const top = topbar(context);
  const row = h('div', { class: 'toast-row' });
  const el = h(
    'div',
    { class: 'call', 'data-testid': 'call' },
    h('header', null, top.el, visit ? visitStrip(context, visit) : assignedStrip(context), exposedStrip(context), row),
    h(
      'main',
      { class: 'call-main' },
      h('div', { class: 'stage-area' }, banners(context), context.stage.el, flying),
      panel(context),
    ),
    bar.el,
    call.sinks.pool,
  );
  stops.push(placeToasts(top.middle, row));
  tellNews(context, flying, again);
  callAttention(context, `${title} · ${app.config.name}`);
  listenKeys(context);
  keepAwake(context);
  beginConfidential(context);
  whenIdle(...panels, ...parts, settings, timerDialog);
  return {
    el,
    title,
    destroy: () => {
      for (const stop of stops) stop();
    },
  };
}

/**
 * visiting takes the person to breakout rooms and back.
 * @param {App} app @param {Call} main @param {(screen: Screen) => void} show
 * @returns {() => void} leaves the room, if they are in one
 */
export function visiting(app, main, show) {
  /** @type {import('./breakouts.js').Visits|null} from the first word of a room */
  let visits = null;
  main.addEventListener('room', async (e) => {
    const part = await lazily(() => import('./breakouts.js'));
    visits ??= part?.visits(app, main, { show, main: () => show(callScreen(app, main, { again: true })) }) ?? null;
    visits?.hear(/** @type {CustomEvent} */ (e).detail);
  });
  return () => {
    visits?.end();
    visits = null;
  };
}
