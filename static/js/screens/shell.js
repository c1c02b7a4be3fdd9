// The frame of every page outside a call: whose page it is above, what runs it below.
/** @import {App} from '../main.js' */
/** @import {SessionInfo} from '../core/types.js' */
/** @import {Child} from '../ui/dom.js' */
import { h } from '../ui/dom.js';
import { icon, mark } from '../ui/icons.js';
import { languageChoice } from '../ui/language.js';
import { lazily, whenIdle } from '../ui/lazy.js';
import { t } from '../i18n/i18n.js';
import { toast } from '../ui/toast.js';
import { errorText } from '../i18n/i18n.js';
import { rememberName } from '../ui/settings.js';
import * as api from '../net/api.js';

const menu = () => import('../ui/menu.js');

/** @param {App} app @param {...Child} content @returns {HTMLElement} */
export function shell(app, ...content) {
  return h(
    'div',
    { class: 'shell' },
    h(
      'header',
      { class: 'shell-head' },
      h(
        'a',
        {
          class: 'brand',
          href: '/',
          onclick: (/** @type {MouseEvent} */ e) => {
            e.preventDefault();
            app.go('/');
          },
        },
        mark(),
        h('span', null, app.config.name),
      ),
      app.session && account(app, app.session),
    ),
    h('main', { class: 'shell-main' }, content),
    h(
      'footer',
      { class: 'shell-foot' },
      app.config.operator && h('span', null, t('home.operator', { operator: app.config.operator })),
      h(
        'a',
        {
          href: '/check',
          onclick: (/** @type {MouseEvent} */ e) => {
            e.preventDefault();
            app.go('/check');
          },
        },
        t('home.check'),
      ),
      app.config.version && h('span', { dir: 'ltr' }, t('home.version', { version: app.config.version })),
      languageChoice(app.reload),
    ),
  );
}

/** @param {App} app @param {SessionInfo} session @returns {HTMLElement} */
function account(app, { email = '', guest = false }) {
  const shown = guest ? t('guest') : email;
  whenIdle(menu);
  const button = h(
    'button',
    {
      class: 'account',
      type: 'button',
      'aria-haspopup': 'menu',
      'data-testid': 'account',
      title: guest ? t('guest.title') : email,
      'aria-label': guest ? t('guest.title') : t('home.signedin', { email }),
      onclick: async () =>
        (await lazily(menu))?.openMenu(
          button,
          [
            guest && { label: t('guest.signin'), icon: 'shield', act: () => app.signIn(), testid: 'guest-signin' },
            { label: t('home.signout'), icon: 'signout', act: () => void signOut(app), testid: 'sign-out' },
          ],
          shown,
        ),
    },
    h('span', { class: 'account-email', dir: 'auto' }, shown),
    icon('down'),
  );
  return button;
}

/** @param {App} app */
async function signOut(app) {
  try {
    await api.logout();
    app.session = null;
    app.name = '';
    rememberName('');
    app.go('/');
  } catch (err) {
    toast(errorText(err instanceof api.ApiError ? err.id : 'unknown'), { urgent: true, icon: 'warn' });
  }
}
