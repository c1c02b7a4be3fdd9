// The panel that says how others get in, when the meeting ends, and what protects it.
/** @import {CallContext, PanelContent} from '../context.js' */
import { h } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t, timeOfDay } from '../../i18n/i18n.js';
import { invitation } from '../../core/ics.js';
import { qr } from '../../core/qr.js';
import { svgElement } from '../../ui/icons.js';
import { inviteLink, linkRow } from './invite.js';
import { confidentialNotice, protection } from '../security/summary.js';

/** @param {CallContext} context @returns {PanelContent} */
export function infoPanel({ app, call }) {
  const { meeting } = call.store.get().state;
  const link = inviteLink();
  const title = meeting?.title || t('call.title');
  const share =
    typeof navigator.share === 'function' &&
    h(
      'button',
      { class: 'button', type: 'button', onclick: () => void navigator.share({ title, url: link }).catch(() => {}) },
      icon('send'),
      t('info.share'),
    );
  const calendar = h(
    'button',
    {
      class: 'button',
      type: 'button',
      'data-testid': 'ics',
      onclick: () => saveCalendar(link, title, meeting?.expires_at ?? ''),
    },
    icon('calendar'),
    t('info.ics'),
  );
  const el = h(
    'div',
    { class: 'info' },
    h('p', { class: 'info-title' }, title),
    linkRow(),
    h('div', { class: 'actions' }, share, calendar),
    call.encryption && h('p', { class: 'muted small', 'data-testid': 'calendar-warning' }, t('security.calendar')),
    h(
      'dl',
      { class: 'facts-list' },
      h(
        'div',
        null,
        h('dt', null, t('info.code')),
        h('dd', { class: 'code-text', dir: 'ltr', 'data-testid': 'meeting-code' }, meeting?.meeting ?? ''),
      ),
      meeting &&
        h(
          'div',
          null,
          h('dt', null, icon('clock')),
          h('dd', null, t('info.ends', { time: timeOfDay(meeting.expires_at) })),
        ),
    ),
    h('figure', { class: 'qr' }, qrImage(link), h('figcaption', { class: 'muted small' }, t('info.qr'))),
    meeting?.confidential && confidentialNotice(),
    meeting?.confidential && whoWasHere(call.met),
    protection({ e2ee: call.encryption !== null, audited: app.config.audited }),
  );
  return { el, destroy() {} };
}

/** @param {ReadonlySet<string>} met @returns {HTMLElement} who else was in the meeting since this person came */
function whoWasHere(met) {
  return h(
    'section',
    { 'data-testid': 'who-was-here' },
    h('h3', null, t('confidential.who')),
    h(
      'ul',
      { class: 'who-list' },
      [...met].map((name) => h('li', { dir: 'auto' }, name)),
    ),
  );
}

/** @param {string} link @returns {Element} */
function qrImage(link) {
  const code = qr(link);
  if (!code) return h('span');
  const n = code.size + 8;
  const svg = svgElement('svg', {
    viewBox: `0 0 ${n} ${n}`,
    role: 'img',
    'aria-label': t('info.qr'),
    'shape-rendering': 'crispEdges',
  });
  svg.append(svgElement('rect', { width: String(n), height: String(n), class: 'qr-light' }));
  let d = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.dark(x, y)) d += `M${x + 4} ${y + 4}h1v1h-1z`;
  }
  svg.append(svgElement('path', { d, class: 'qr-dark' }));
  return svg;
}

/** @param {string} link @param {string} title @param {string} until */
function saveCalendar(link, title, until) {
  const text = invitation({
    link,
    title: t('info.invitation', { title }),
    start: new Date(),
    end: until ? new Date(until) : new Date(Date.now() + 3_600_000),
  });
  const url = URL.createObjectURL(new Blob([text], { type: 'text/calendar' }));
  const a = h('a', { href: url, download: 'meeting.ics', hidden: true });
  document.body.append(a); // some browsers follow only links that are on the page
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
