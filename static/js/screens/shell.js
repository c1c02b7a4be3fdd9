// The frame of every page outside a call: whose page it is above, what runs it below.
/** @import {App} from '../main.js' */
/** @import {Child} from '../ui/dom.js' */
import { h } from '../ui/dom.js';
import { icon, mark } from '../ui/icons.js';
import { openMenu } from '../ui/menu.js';
import { t } from '../i18n/i18n.js';
import { toast } from '../ui/toast.js';
import { errorText } from '../i18n/i18n.js';
import * as api from '../net/api.js';

/** @param {App} app @param {...Child} content @returns {HTMLElement} */
export function shell(app, ...content) {
  return h('div', { class: 'shell' },
    h('header', { class: 'shell-head' },
      h('a', { class: 'brand', href: '/', onclick: (/** @type {MouseEvent} */ e) => { e.preventDefault(); app.go('/'); } }, mark(), h('span', null, app.config.name)),
      app.session && account(app, app.session.email)),
    h('main', { class: 'shell-main' }, content),
    h('footer', { class: 'shell-foot' },
      app.config.operator && h('span', null, t('home.operator', { operator: app.config.operator })),
      h('a', { href: '/check', onclick: (/** @type {MouseEvent} */ e) => { e.preventDefault(); app.go('/check'); } }, t('home.check')),
      app.config.version && h('span', null, t('home.version', { version: app.config.version }))));
}

/** @param {App} app @param {string} email @returns {HTMLElement} */
function account(app, email) {
  const button = h('button', {
    class: 'account', type: 'button', 'aria-haspopup': 'menu', 'data-testid': 'account', title: email,
    'aria-label': t('home.signedin', { email }),
    onclick: () => openMenu(button, [{ label: t('home.signout'), icon: 'signout', act: () => void signOut(app), testid: 'sign-out' }], email),
  }, h('span', { class: 'account-email' }, email), icon('down'));
  return button;
}

/** @param {App} app */
async function signOut(app) {
  try {
    await api.logout();
    app.session = null;
    app.name = '';
    app.go('/');
  } catch (err) {
    toast(errorText(err instanceof api.ApiError ? err.id : 'unknown'), { urgent: true, icon: 'warn' });
  }
}
