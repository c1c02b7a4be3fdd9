// Waiting to be let in.
/** @import {App, Screen} from '../main.js' */
/** @import {Call} from '../call/call.js' */
import { h, setText } from '../ui/dom.js';
import { t } from '../i18n/i18n.js';
import { shell } from './shell.js';
import { avatar } from './prejoin.js';
import { auditNotice } from '../call/security/summary.js';

/** @param {App} app @param {Call} call @returns {Screen} */
export function lobby(app, call) {
  const text = h('p', { class: 'lead' });
  const count = h('p', { class: 'muted' });
  const { name } = call.store.get().state;
  const el = shell(
    app,
    h(
      'section',
      { class: 'card notice', 'data-testid': 'lobby' },
      h('div', { class: 'waiting-ring' }, avatar(name)),
      h('h1', null, t('lobby.title')),
      text,
      count,
      h(
        'div',
        { class: 'actions centered' },
        h(
          'button',
          { class: 'button', type: 'button', 'data-testid': 'lobby-leave', onclick: () => call.leave() },
          t('lobby.leave'),
        ),
      ),
      app.config.audited && auditNotice(),
    ),
  );
  el.querySelector('.language')?.remove(); // a page made anew would leave the waiting room
  const stop = call.store.watch(
    (p) => p.state.lobby,
    (l) => {
      setText(text, t(l?.hostsPresent === false ? 'lobby.text.nohost' : 'lobby.text'));
      setText(count, l ? t('lobby.waiting', { n: l.waiting }) : '');
    },
  );
  return { el, title: t('lobby.title'), destroy: stop };
}
