// Waiting to be let in.
/** @import {App, Screen} from '../main.js' */
/** @import {Session} from '../call/session.js' */
import { h, setText } from '../ui/dom.js';
import { t } from '../i18n/i18n.js';
import { shell } from './shell.js';
import { avatar } from './prejoin.js';

/** @param {App} app @param {Session} session @returns {Screen} */
export function lobby(app, session) {
  const text = h('p', { class: 'lead' });
  const count = h('p', { class: 'muted' });
  const { name } = session.store.get().call;
  const el = shell(app, h('section', { class: 'card notice', 'data-testid': 'lobby' },
    h('div', { class: 'waiting-ring' }, avatar(name)),
    h('h1', null, t('lobby.title')), text, count,
    h('div', { class: 'actions centered' }, h('button', { class: 'button', type: 'button', 'data-testid': 'lobby-leave', onclick: () => session.leave() }, t('lobby.leave')))));
  const stop = session.store.watch((p) => p.call.lobby, (l) => {
    setText(text, t(l?.hostsPresent === false ? 'lobby.text.nohost' : 'lobby.text'));
    setText(count, l ? t('lobby.waiting', { n: l.waiting }) : '');
  });
  return { el, title: t('lobby.title'), destroy: stop };
}
