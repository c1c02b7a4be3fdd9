// The meeting's protection in detail: the code to compare, whose keys are whose, and what all of it does not do.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Known, Secrets} from '../../e2ee/secrets.js' */
import { h, fill, setHidden } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import { hue, initials } from '../../core/text.js';
import { personState } from './trust.js';

/** Rows made; those with something to say come first. */
const MAX_ROWS = 100;

/** @param {CallContext} context @returns {PanelContent} */
export function securityPanel({ call }) {
  const { encryption } = call;
  if (!encryption) {
    const el = h(
      'div',
      { class: 'security' },
      h('p', { class: 'hint warning' }, icon('warn'), h('span', null, t('security.off.long'))),
      h('p', { class: 'muted' }, t('security.transport.text')),
      h('p', { class: 'muted' }, t('security.off.why')),
    );
    return { el, destroy() {} };
  }
  const code = h('div', { class: 'code-digits', dir: 'ltr', role: 'text', 'data-testid': 'e2ee-code' });
  const people = h('ul', { class: 'security-people' });
  const more = h('p', { class: 'muted small', hidden: true });
  const alone = h('p', { class: 'muted small' }, t('security.code.alone'));
  const same = h(
    'button',
    {
      class: 'button primary wide',
      type: 'button',
      'data-testid': 'e2ee-verify',
      onclick: () => void verify(encryption),
    },
    icon('check'),
    t('security.code.same'),
  );
  const stop = encryption.store.watch(
    (s) => s,
    (s) => {
      showCode(code, s.code);
      setHidden(same, s.people.size === 0);
      setHidden(alone, s.people.size > 0);
      const list = [...s.people.values()].sort((a, b) => rank(a) - rank(b) || a.participant - b.participant);
      fill(people, list.slice(0, MAX_ROWS).map(row));
      fill(more, t('security.more', { n: list.length - MAX_ROWS }));
      setHidden(more, list.length <= MAX_ROWS);
    },
  );
  const el = h(
    'div',
    { class: 'security' },
    h('p', { class: 'security-lead' }, icon('shield'), h('span', null, t('security.on.long'))),
    h('p', { class: 'muted small' }, t('security.noreview')),
    !encryption.keyed &&
      h(
        'p',
        { class: 'hint warning', 'data-testid': 'e2ee-nokey' },
        icon('warn'),
        h('span', null, t('security.nokey')),
      ),
    h(
      'section',
      { 'aria-label': t('security.code') },
      h('h3', null, t('security.code')),
      code,
      h('p', { class: 'muted small' }, t('security.code.help')),
      alone,
      same,
    ),
    h('section', { 'aria-label': t('security.people') }, h('h3', null, t('security.people')), people, more),
    h('p', { class: 'muted small' }, t('security.limits')),
  );
  return { el, destroy: stop };
}

/** @param {Known} p @returns {number} */
const rank = (p) => (personState(p).bad ? 0 : p.trust === 'new' ? 1 : 2);

/** @param {HTMLElement} el @param {string} code groups of five */
function showCode(el, code) {
  if (el.dataset.code === code) return;
  el.dataset.code = code;
  fill(
    el,
    code.split(' ').map((group) => h('span', null, group)),
  );
}

/** @param {Secrets} encryption */
async function verify(encryption) {
  await encryption.verify();
  toast(t('security.verified'), { icon: 'check' });
}

/** @param {Known} p @returns {HTMLElement} */
function row(p) {
  const { text, bad } = personState(p);
  return h(
    'li',
    {
      class: 'person',
      'data-testid': 'e2ee-person',
      'data-participant': p.participant,
      'data-trust': p.status === 'ok' ? p.trust : p.status,
    },
    h('span', { class: `avatar hue-${hue(p.participant)}`, 'aria-hidden': 'true' }, initials(p.name)),
    h(
      'div',
      { class: 'person-text' },
      h('span', { class: 'person-name', dir: 'auto' }, p.name || t('security.nameless')),
      h(
        'span',
        { class: bad ? 'person-note alarm' : 'person-note' },
        bad && icon('warn'),
        text,
        p.bot && ` · ${t(p.hears ? 'security.bot.hears' : 'security.bot.deaf')}`,
      ),
    ),
  );
}
