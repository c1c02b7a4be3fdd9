// Who wants to speak, in the order in which the server took the hands; who runs the meeting calls on the first.
/** @import {CallContext} from '../context.js' */
/** @import {Person} from '../../core/types.js' */
/** @import {State} from '../../core/state.js' */
import { h, fill, setHidden } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { hands, may } from '../../core/state.js';

/** More are counted, not listed. */
const MAX_SHOWN = 20;

/** @param {CallContext} context @returns {{el: HTMLElement, stop: () => void}} */
export function handQueue(context) {
  const el = h('section', { class: 'hands', hidden: true, 'aria-label': t('hands.title'), 'data-testid': 'hands' });
  const shown = (/** @type {State} */ s) => {
    const list = hands(s);
    return JSON.stringify([may(s, 'mute_others'), list.map((p) => [p.participant, p.name, p.role, s.self])]);
  };
  const stop = context.call.store.watch(
    (p) => shown(p.state),
    () => {
      const had = focused(el);
      show(context, el);
      // Who works through the queue by keyboard stays at its first button.
      if (had && !el.hidden) /** @type {HTMLElement|null} */ (el.querySelector(`[data-do="${had}"]`))?.focus();
    },
  );
  return { el, stop };
}

/** @param {HTMLElement} el @returns {string} what the button with the focus does; empty for none */
function focused(el) {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && el.contains(activeElement) ? (activeElement.dataset.do ?? '') : '';
}

/** @param {CallContext} context @param {HTMLElement} el */
function show(context, el) {
  const { call } = context;
  const s = call.store.get().state;
  const list = hands(s);
  const runs = may(s, 'mute_others');
  setHidden(el, list.length === 0);
  fill(
    el,
    h(
      'div',
      { class: 'section-head' },
      h('h3', null, `${t('hands.title')} (${list.length})`),
      runs &&
        list.length > 1 &&
        button('all', t('hands.lower.all'), '', () => void call.request('hand', { raised: false, all: true })),
    ),
    s.hand > 0 && h('p', { class: 'hands-place', 'data-testid': 'hand-place' }, t('hands.place', { n: s.hand })),
    h(
      'ol',
      null,
      list.slice(0, MAX_SHOWN).map((p, i) => row(context, p, i === 0, runs)),
    ),
    list.length > MAX_SHOWN && h('p', { class: 'person-note' }, t('hands.more', { n: list.length - MAX_SHOWN })),
  );
}

/** @param {CallContext} context @param {Person} p @param {boolean} first @param {boolean} runs may call on people */
function row({ call }, p, first, runs) {
  const self = p.participant === call.store.get().state.self;
  const { participant, name } = p;
  const lower = () => void call.request('hand', self ? { raised: false } : { participant, raised: false });
  const callOn = async () => {
    const asked =
      p.role === 'viewer' || (await call.request('ask_unmute', { participants: [participant], sources: ['mic'] }));
    if (asked) lower();
  };
  return h(
    'li',
    { class: 'person', 'data-testid': 'hand-row', 'data-participant': participant },
    h('span', { class: 'badge hand' }, icon('hand'), h('span', { 'aria-hidden': 'true' }, String(p.hand))),
    h(
      'div',
      { class: 'person-text' },
      h('span', { class: 'person-name', dir: 'auto' }, self ? t('tile.you', { name }) : name),
      first && h('span', { class: 'person-note' }, t('hands.next')),
    ),
    h(
      'div',
      { class: 'person-answer' },
      (runs || self) &&
        button(
          first ? 'lower' : '',
          self ? t('people.lower') : t('hands.lower'),
          self ? '' : t('hands.lower.name', { name }),
          lower,
        ),
      runs &&
        first &&
        !self &&
        button('call', t('hands.call'), t('hands.call.name', { name }), () => void callOn(), t('hands.call.help')),
    ),
  );
}

/**
 * @param {string} does @param {string} text @param {string} name read aloud instead; empty: the text
 * @param {() => void} act @param {string} [tip] @returns {HTMLElement}
 */
function button(does, text, name, act, tip) {
  return h(
    'button',
    {
      class: does === 'call' ? 'button small primary' : 'button small',
      type: 'button',
      'aria-label': name || null,
      title: tip,
      'data-do': does || null,
      'data-testid': { call: 'call-on', all: 'lower-all' }[does] ?? 'lower-one',
      onclick: act,
    },
    text,
  );
}
