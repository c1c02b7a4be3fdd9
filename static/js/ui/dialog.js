// Modal dialogs on <dialog>: the browser keeps the focus inside and gives it back afterwards.
import { h, uniqueId } from './dom.js';
import { icon } from './icons.js';
import { t } from '../i18n/i18n.js';
/** @import {Child} from './dom.js' */

/**
 * openDialog shows a dialog with a title and a close button.
 * @param {string} title @param {Child[]} content @param {{testid?: string, wide?: boolean, onclose?: () => void}} [o]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, o = {}) {
  const id = uniqueId('dialog');
  const dialog = h('dialog', {
    class: o.wide ? 'dialog wide' : 'dialog',
    'aria-labelledby': id,
    'data-testid': o.testid,
  });
  dialog.append(
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', { id }, title),
      h(
        'button',
        {
          class: 'icon-button',
          type: 'button',
          'aria-label': t('close'),
          'data-testid': 'dialog-close',
          onclick: () => dialog.close(),
        },
        icon('close'),
      ),
    ),
    h('div', { class: 'dialog-body' }, content),
  );
  dialog.addEventListener('close', () => {
    dialog.remove();
    o.onclose?.();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * ask shows a question with two answers; it resolves to whether the person said yes.
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @param {{danger?: boolean, no?: string, testid?: string, signal?: AbortSignal}} [o] signal: the question is moot
 * @returns {Promise<boolean>}
 */
export function ask(title, text, yes, o = {}) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = openDialog(
      title,
      [
        h('p', null, text),
        h(
          'div',
          { class: 'dialog-actions' },
          h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, o.no ?? t('cancel')),
          h(
            'button',
            {
              class: o.danger ? 'button danger' : 'button primary',
              type: 'button',
              'data-testid': 'dialog-yes',
              autofocus: true,
              onclick: () => {
                answer = true;
                dialog.close();
              },
            },
            yes,
          ),
        ),
      ],
      { testid: o.testid, onclose: () => resolve(answer) },
    );
    o.signal?.addEventListener('abort', () => dialog.close());
  });
}
