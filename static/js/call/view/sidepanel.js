// The side panel: one of chat, people, details, connection. On small screens it covers the stage.
/** @import {CallContext, PanelContent, PanelName} from '../context.js' */
import { h, fill, attr, setHidden } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { lazily } from '../../ui/lazy.js';

/**
 * @type {Record<Exclude<PanelName, ''>, {title: import('../../i18n/i18n.js').Key, load: () => Promise<(c:
 *   CallContext) => PanelContent>}>}
 */
const PANELS = {
  chat: { title: 'chat.title', load: async () => (await import('../panels/chat.js')).chatPanel },
  people: { title: 'people.title', load: async () => (await import('../panels/people.js')).peoplePanel },
  polls: { title: 'polls.title', load: async () => (await import('../panels/polls.js')).pollsPanel },
  breakouts: { title: 'breakouts.title', load: async () => (await import('../panels/breakouts.js')).breakoutsPanel },
  info: { title: 'info.title', load: async () => (await import('../panels/info.js')).infoPanel },
  security: { title: 'security.title', load: async () => (await import('../security/panel.js')).securityPanel },
  stats: { title: 'stats.title', load: async () => (await import('../panels/stats.js')).statsPanel },
};

/** What fetches each panel, for when there is time. */
export const loads = Object.values(PANELS).map((p) => p.load);

/** @param {CallContext} context @returns {HTMLElement} */
export function panel(context) {
  const { ui, cleanup } = context;
  const title = h('h2', { tabindex: '-1' });
  const body = h('div', { class: 'panel-body' });
  const close = () => ui.set((u) => ({ ...u, panel: '' }));
  const el = h(
    'section', // a region: it stands inside main, where a complementary landmark may not
    {
      class: 'panel',
      hidden: true,
      onkeydown: (/** @type {KeyboardEvent} */ e) => {
        if (e.key === 'Escape' && !e.defaultPrevented) close();
      },
    },
    h(
      'div',
      { class: 'panel-head' },
      title,
      h(
        'button',
        {
          class: 'icon-button',
          type: 'button',
          'aria-label': t('close'),
          'data-testid': 'panel-close',
          onclick: close,
        },
        icon('close'),
      ),
    ),
    body,
  );
  /** @type {PanelContent|null} */
  let content = null;
  /** @type {Element|null} */
  let cameFrom = null;
  const show = async (/** @type {Exclude<PanelName, ''>} */ name) => {
    const make = await lazily(PANELS[name].load);
    if (ui.get().panel !== name || content) return; // closed or changed meanwhile
    if (!make) return close();
    content = make(context);
    fill(body, content.el);
    // On a phone the keyboard would come up and cover what was opened.
    if (matchMedia('(pointer: coarse)').matches) title.focus();
    else content.focus?.();
  };
  cleanup(
    ui.watch(
      (u) => u.panel,
      (name, before) => {
        content?.destroy();
        content = null;
        const hadFocus = el.contains(document.activeElement);
        setHidden(el, name === '');
        fill(body);
        if (name === '') {
          if (hadFocus && cameFrom instanceof HTMLElement && cameFrom.isConnected) cameFrom.focus();
          return;
        }
        if (!before) cameFrom = document.activeElement;
        attr(el, 'data-testid', `panel-${name}`);
        attr(el, 'aria-label', t(PANELS[name].title));
        fill(title, t(PANELS[name].title));
        void show(name);
      },
    ),
  );
  cleanup(() => {
    ui.set((u) => ({ ...u, panel: '' }));
    content?.destroy();
    content = null;
  });
  return el;
}
