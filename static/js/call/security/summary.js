// What protects the meeting, said as it is: before joining, and in the meeting's details.
import { h } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';

/**
 * What an audited server keeps: shown wherever someone is about to be recorded, and in the meeting.
 * @returns {HTMLElement}
 */
export function auditNotice() {
  return h(
    'details',
    { class: 'protection', 'data-testid': 'audited' },
    h('summary', null, icon('info'), h('span', null, t('audit.title')), icon('down', 'chevron')),
    h('p', null, t('audit.records')),
    h('p', null, t('audit.never')),
  );
}

/**
 * @param {{e2ee: boolean, audited: boolean}} o
 * @returns {HTMLElement}
 */
export function protection({ e2ee, audited }) {
  const stored = audited
    ? auditNotice()
    : h('p', null, h('strong', null, t('security.none.stored')), ' ', t('security.none.stored.text'));
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
    !audited && stored,
  );
  return audited ? h('div', { class: 'stack' }, details, stored) : details;
}

/** @returns {HTMLElement} what a confidential meeting is, and what no browser can do */
export function confidentialNotice() {
  return h(
    'details',
    { class: 'protection', 'data-testid': 'confidential' },
    h('summary', null, icon('lock'), h('span', null, t('confidential.title')), icon('down', 'chevron')),
    h('p', null, t('confidential.what')),
    h('p', null, t('confidential.recording')),
  );
}
