// The meeting's protection in detail: the number to compare, whose keys are whose, and what all of it does not do.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Known, Secrets, Shown} from '../../e2ee/secrets.js' */
import { h, fill, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import { hue, initials } from '../../core/text.js';
import { personState } from './trust.js';

/** Rows made; those with something to say come first. */
const MAX_ROWS = 100;
/** Names written out of those whom a number is about. */
const MAX_NAMES = 20;

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
  const people = h('ul', { class: 'security-people' });
  const more = h('p', { class: 'muted small', hidden: true });
  const linkOnly = h(
    'p',
    { class: 'hint warning', 'data-testid': 'e2ee-linkonly', hidden: true },
    icon('warn'),
    h('span', null, t('security.linkonly')),
  );
  const number = comparison(encryption);
  const stop = encryption.store.watch(
    (s) => s,
    (s) => {
      number.show(s);
      setHidden(linkOnly, !s.view?.linkOnly);
      const list = [...s.people.values()].sort((a, b) => rank(a) - rank(b) || a.participant - b.participant);
      fill(
        people,
        list.slice(0, MAX_ROWS).map((p) => row(p, s, encryption)),
      );
      fill(more, t('security.more', { n: list.length - MAX_ROWS }));
      setHidden(more, list.length <= MAX_ROWS);
    },
  );
  const el = h(
    'div',
    { class: 'security' },
    h('p', { class: 'security-lead' }, icon('shield'), h('span', null, t('security.on.long'))),
    h('p', { class: 'muted small' }, t('security.noreview')),
    linkOnly,
    h('section', { 'aria-label': t('security.code') }, h('h3', null, t('security.code')), number.el),
    h('section', { 'aria-label': t('security.people') }, h('h3', null, t('security.people')), people, more),
    h('p', { class: 'muted small' }, t('security.limits')),
  );
  return { el, destroy: stop };
}

/** @param {Secrets} encryption @returns {{el: HTMLElement, show: (s: Shown) => void}} what all compare now */
function comparison(encryption) {
  const code = h('div', { class: 'code-digits', dir: 'ltr', role: 'text', 'data-testid': 'e2ee-code' });
  const whose = h('p', { class: 'muted small', 'data-testid': 'e2ee-whose' });
  const alone = h('p', { class: 'muted small' }, t('security.code.alone'));
  const begin = h(
    'button',
    { class: 'button wide', type: 'button', 'data-testid': 'e2ee-compare', onclick: () => encryption.compare() },
    icon('shield'),
    t('security.compare'),
  );
  const same = h(
    'button',
    {
      class: 'button primary wide',
      type: 'button',
      'data-testid': 'e2ee-verify',
      onclick: () => {
        const now = encryption.store.get().comparison;
        if (now) void verify(encryption, now.people);
      },
    },
    icon('check'),
    t('security.code.same'),
  );
  const help = h('p', { class: 'muted small' }, t('security.code.help'));
  const show = (/** @type {Shown} */ { comparison: now, people, view }) => {
    const others = [...people.values()].some((p) => !p.outside);
    showCode(code, now?.number ?? '');
    const names = (now?.people ?? []).map((p) => p.name || t('security.nameless'));
    const rest = names.length - MAX_NAMES;
    const written = names.slice(0, MAX_NAMES).join(', ') + (rest > 0 ? ` ${t('security.more', { n: rest })}` : '');
    setText(whose, now ? t('security.compare.people', { names: written }) : '');
    setHidden(code, !now);
    setHidden(whose, !now);
    setHidden(same, !now || names.length === 0);
    setHidden(begin, Boolean(now) || !others || view?.state !== 'in');
    setHidden(alone, others);
  };
  return { el: h('div', { class: 'stack' }, begin, code, whose, help, alone, same), show };
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

/** @param {Secrets} encryption @param {readonly {key: string, name: string}[]} people */
async function verify(encryption, people) {
  await encryption.verify(people);
  toast(t('security.verified'), { icon: 'check' });
}

/** @param {Known} p @param {Shown} s @param {Secrets} encryption @returns {HTMLElement} */
function row(p, s, encryption) {
  const { text, bad } = personState(p);
  return h(
    'li',
    {
      class: 'person',
      'data-testid': 'e2ee-person',
      'data-participant': p.participant,
      'data-trust': p.outside ? 'outside' : p.trust,
      'data-confirmed': String(p.confirmed),
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
        p.outside && ` · ${t(p.consent ? 'security.bot.hears' : 'security.bot.deaf')}`,
      ),
      ...(p.outside ? [] : pair(p, s.pairs.get(p.key), encryption)),
    ),
  );
}

/**
 * @param {Known} p @param {string|undefined} number undefined: not asked for; empty: on its way
 * @param {Secrets} encryption
 * @returns {HTMLElement[]} the lasting number with one person
 */
function pair(p, number, encryption) {
  if (!number) {
    const ask = () => encryption.askPair(p.key);
    const attributes = { class: 'button small', type: 'button', 'data-testid': 'e2ee-pair', onclick: ask };
    return [h('button', { ...attributes, 'aria-busy': String(number === '') }, t('security.pair'))];
  }
  const digits = h('div', { class: 'code-digits', dir: 'ltr', role: 'text', 'data-testid': 'e2ee-pair-code' });
  showCode(digits, number);
  return [
    digits,
    h('p', { class: 'muted small' }, t('security.pair.help')),
    h(
      'button',
      { class: 'button small primary', type: 'button', onclick: () => void verify(encryption, [p]) },
      icon('check'),
      t('security.code.same'),
    ),
  ];
}
