// The side panel: one of chat, people, details, connection. On small screens it covers the stage.
/** @import {CallContext, PanelName} from '../screens/call.js' */
import { h, fill, attr, setHidden } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { t } from '../i18n/i18n.js';
import { chatPanel } from './chat.js';
import { peoplePanel } from './people.js';
import { infoPanel } from './info.js';
import { statsPanel } from './statspanel.js';

/** @typedef {{el: HTMLElement, focus?: () => void, destroy: () => void}} PanelContent */

/** @type {Record<Exclude<PanelName, ''>, {title: import('../i18n/i18n.js').Key, make: (c: CallContext) => PanelContent}>} */
const PANELS = {
  chat: { title: 'chat.title', make: chatPanel },
  people: { title: 'people.title', make: peoplePanel },
  info: { title: 'info.title', make: infoPanel },
  stats: { title: 'stats.title', make: statsPanel },
};

/** @param {CallContext} context @returns {HTMLElement} */
export function panel(context) {
  const { ui, cleanup } = context;
  const title = h('h2');
  const body = h('div', { class: 'panel-body' });
  const close = () => ui.set((u) => ({ ...u, panel: '' }));
  const el = h('aside', {
    class: 'panel', hidden: true,
    onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape' && !e.defaultPrevented) close(); },
  }, h('div', { class: 'panel-head' }, title, h('button', { class: 'icon-button', type: 'button', 'aria-label': t('close'), 'data-testid': 'panel-close', onclick: close }, icon('close'))), body);
  /** @type {PanelContent|null} */
  let content = null;
  /** @type {Element|null} */
  let cameFrom = null;
  cleanup(ui.watch((u) => u.panel, (name, before) => {
    content?.destroy();
    content = null;
    const hadFocus = el.contains(document.activeElement);
    setHidden(el, name === '');
    if (name === '') {
      fill(body);
      if (hadFocus && cameFrom instanceof HTMLElement && cameFrom.isConnected) cameFrom.focus();
      return;
    }
    if (!before) cameFrom = document.activeElement;
    content = PANELS[name].make(context);
    attr(el, 'data-testid', `panel-${name}`);
    attr(el, 'aria-label', t(PANELS[name].title));
    fill(title, t(PANELS[name].title));
    fill(body, content.el);
    content.focus?.();
  }));
  cleanup(() => content?.destroy());
  return el;
}
