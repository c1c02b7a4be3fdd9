// The call: a stage of tiles, a bar of controls, a panel at the side, and what is told at the edges.
/** @import {App, Screen} from '../main.js' */
/** @import {Call} from '../call/call.js' */
/** @import {CallContext, CallUI} from '../call/context.js' */
import { h } from '../ui/dom.js';
import { whenIdle } from '../ui/lazy.js';
import { placeToasts } from '../ui/toast.js';
import { choices } from '../ui/settings.js';
import { t } from '../i18n/i18n.js';
import { createStore } from '../ui/store.js';
import { Stage } from '../call/view/stage.js';
import { controls, settings } from '../call/view/controls.js';
import { timerDialog } from '../call/view/countdown.js';
import { topbar } from '../call/view/topbar.js';
import { panel, loads as panels } from '../call/view/sidepanel.js';
import { banners } from '../call/view/banners.js';
import { exposedStrip } from '../call/security/indicator.js';
import { callAttention } from '../call/view/attention.js';
import { tellNews } from '../call/view/announcements.js';
import { listenKeys } from '../call/view/shortcuts.js';
import { beginConfidential } from '../call/security/confidential.js';
import { keepAwake } from '../call/view/wakelock.js';

/** @param {App} app @param {Call} call @returns {Screen} */
export function callScreen(app, call) {
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
    /** @type {unknown} */ ({ app, call, ui, cleanup: (/** @type {() => void} */ stop) => stops.push(stop) })
  );
  context.stage = new Stage(context);
  const bar = controls(context);
  context.verbs = bar.verbs;
  call.sinks.setSpeaker(remembered.speakerId);
  const title = call.store.get().state.meeting?.title || t('call.title');
  const flying = h('div', { class: 'flying-layer', 'aria-hidden': 'true' });
  const top = topbar(context);
  const row = h('div', { class: 'toast-row' });
  const el = h(
    'div',
    { class: 'call', 'data-testid': 'call' },
    h('header', null, top.el, exposedStrip(context), row),
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
  tellNews(context, flying);
  callAttention(context, `${title} · ${app.config.name}`);
  listenKeys(context);
  keepAwake(context);
  beginConfidential(context);
  whenIdle(...panels, settings, timerDialog);
  return {
    el,
    title,
    destroy: () => {
      for (const stop of stops) stop();
    },
  };
}
