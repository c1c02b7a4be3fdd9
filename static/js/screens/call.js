// The call: a stage of tiles, a bar of controls, a panel at the side, and what is told at the edges.
/** @import {App, Screen} from '../main.js' */
/** @import {Session} from '../call/session.js' */
/** @import {Command} from '../core/keymap.js' */
import { h } from '../ui/dom.js';
import { whenIdle } from '../ui/lazy.js';
import { choices } from '../ui/settings.js';
import { t } from '../i18n/i18n.js';
import { createStore } from '../ui/store.js';
import { Stage } from '../call/stage.js';
import { controls, settings } from '../call/controls.js';
import { topbar } from '../call/topbar.js';
import { panel, loads as panels } from '../call/panel.js';
import { banners } from '../call/banners.js';
import { exposedStrip } from '../call/security.js';
import { tellNews } from '../call/news.js';
import { listenKeys } from '../call/keys.js';
import { keepAwake } from '../call/awake.js';

/** @typedef {''|'chat'|'people'|'info'|'stats'|'security'} PanelName */

/**
 * @typedef {object} CallUI what the person chose to see; theirs alone
 * @property {PanelName} panel
 * @property {'auto'|'grid'|'speaker'} mode
 * @property {string} pin key of a tile
 * @property {number} page @property {number} pages
 * @property {number} tiles most tiles a page
 * @property {boolean} hideSelf @property {boolean} mirror @property {boolean} shortcuts
 * @property {number} chatTo participant a message goes to, 0 for everyone
 */

/** @typedef {{app: App, session: Session, ui: import('../ui/store.js').Store<CallUI>, stage: Stage, verbs: Record<Command, () => void>, cleanup: (stop: () => void) => void}} CallContext */

/** @param {App} app @param {Session} session @returns {Screen} */
export function call(app, session) {
  const remembered = choices();
  /** @type {(() => void)[]} */
  const stops = [];
  const ui = createStore(/** @type {CallUI} */ ({
    panel: '', mode: remembered.mode, pin: '', page: 0, pages: 1, tiles: remembered.tiles, hideSelf: remembered.hideSelf,
    mirror: remembered.mirror, shortcuts: remembered.shortcuts, chatTo: 0,
  }));
  const context = /** @type {CallContext} */ (/** @type {unknown} */ ({ app, session, ui, cleanup: (/** @type {() => void} */ stop) => stops.push(stop) }));
  context.stage = new Stage(context);
  const bar = controls(context);
  context.verbs = bar.verbs;
  session.sinks.setSpeaker(remembered.speakerId);
  const title = session.store.get().call.meeting?.title || t('call.title');
  const flying = h('div', { class: 'flying-layer', 'aria-hidden': 'true' });
  const el = h('div', { class: 'call', 'data-testid': 'call' },
    h('div', null, topbar(context), exposedStrip(context)), h('main', { class: 'call-main' }, h('div', { class: 'stage-area' }, banners(context), context.stage.el, flying), panel(context)), bar.el, session.sinks.pool);
  tellNews(context, flying);
  listenKeys(context);
  keepAwake(context);
  whenIdle(...panels, settings);
  return { el, title, destroy: () => { for (const stop of stops) stop(); } };
}
