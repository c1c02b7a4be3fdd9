// A page that says one thing: an error, an end, a dead link.
/** @import {App, Screen} from '../main.js' */
/** @import {IconName} from '../ui/icons.js' */
import { h } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { shell } from './shell.js';

/**
 * @param {App} app
 * @param {{icon: IconName, title: string, text: string, detail?: string, testid: string, actions: {label: string,
 *   act: () => void, primary?: boolean, testid?: string}[]}} o
 * @returns {Screen}
 */
export function notice(app, o) {
  const el = shell(
    app,
    h(
      'section',
      { class: 'card notice', 'data-testid': o.testid },
      h('div', { class: 'notice-icon' }, icon(o.icon)),
      h('h1', { tabindex: '-1', autofocus: true }, o.title),
      h('p', { class: 'lead' }, o.text),
      o.detail && h('p', { class: 'muted small' }, o.detail),
      h(
        'div',
        { class: 'actions centered' },
        o.actions.map((a) =>
          h(
            'button',
            { class: a.primary ? 'button primary' : 'button', type: 'button', 'data-testid': a.testid, onclick: a.act },
            a.label,
          ),
        ),
      ),
    ),
  );
  return { el, title: o.title };
}
