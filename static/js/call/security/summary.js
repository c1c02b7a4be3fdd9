// What protects the meeting, said as it is: before joining, and in the meeting's details.
import { h } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';

/** @param {{e2ee: boolean, keyed: boolean}} o keyed: the link holds a key @returns {HTMLElement} */
export function protection({ e2ee, keyed }) {
  const stored = h('p', null, h('strong', null, t('security.none.stored')), ' ', t('security.none.stored.text'));
  if (!e2ee) {
    return h(
      'details',
      { class: 'protection exposed', 'data-testid': 'protection', 'data-e2ee': 'false', open: true },
      h('summary', null, icon('warn'), h('span', null, t('security.off')), icon('down', 'chevron')),
      h('p', null, t('security.transport.text')),
      stored,
    );
  }
  const details = h(
    'details',
    { class: 'protection', 'data-testid': 'protection', 'data-e2ee': 'true' },
    h('summary', null, icon('shield'), h('span', null, t('security.on')), icon('down', 'chevron')),
    h('p', null, t('security.on.text')),
    h('p', null, t('security.limits')),
    h('p', null, t('security.noreview')),
    stored,
  );
  return keyed
    ? details
    : h(
        'div',
        { class: 'stack' },
        h('p', { class: 'hint warning', 'data-testid': 'no-key' }, icon('warn'), h('span', null, t('security.nokey'))),
        details,
      );
}
