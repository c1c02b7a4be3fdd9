// The meeting's link, and how it gets to others.
import { h } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';

/** @returns {string} the link of this meeting; a fragment it was opened with stays on it */
export const inviteLink = () => `${location.origin}${location.pathname}${location.hash}`;

/** @param {string} text @param {string} said */
export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said, { icon: 'check' });
  } catch {
    toast(text, { icon: 'copy', ms: 20_000 }); // no clipboard: show it, so that it can be marked
  }
}

/** @returns {HTMLElement} the link with a button that copies it */
export function linkRow() {
  const link = inviteLink();
  return h(
    'div',
    { class: 'link-row' },
    h('input', {
      class: 'input',
      dir: 'ltr',
      readonly: true,
      value: link,
      'aria-label': t('info.link'),
      'data-testid': 'invite-link',
      onfocus: (/** @type {FocusEvent} */ e) => /** @type {HTMLInputElement} */ (e.target).select(),
    }),
    h(
      'button',
      {
        class: 'button primary',
        type: 'button',
        'data-testid': 'copy-link',
        onclick: () => void copy(link, t('copied')),
      },
      icon('copy'),
      t('copy'),
    ),
  );
}

/** @returns {HTMLElement} shown while the person is alone */
export function inviteCard() {
  return h(
    'div',
    { class: 'alone-card' },
    h('p', { class: 'alone-title' }, t('call.alone')),
    h('p', { class: 'muted' }, t('call.alone.text')),
    linkRow(),
  );
}
