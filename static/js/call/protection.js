// What protects the call, said as it is: to the server and from it, and no more.
import { h } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { t } from '../i18n/i18n.js';

/** @returns {HTMLElement} */
export function protection() {
  return h('details', { class: 'protection', 'data-testid': 'protection' },
    h('summary', null, icon('lock'), h('span', null, t('security.transport')), icon('down', 'chevron')),
    h('p', null, t('security.transport.text')),
    h('p', null, h('strong', null, t('security.none.stored')), ' ', t('security.none.stored.text')));
}
