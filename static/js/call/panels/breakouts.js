// Breakout rooms, on the host's page: how many, who goes where, a word to all, and closing them.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Call} from '../call.js' */
/** @import {Breakouts} from '../breakouts.js' */
import { h, fill, setBusy } from '../../ui/dom.js';
import { field, select } from '../../ui/field.js';
import { t } from '../../i18n/i18n.js';
import { lazily } from '../../ui/lazy.js';
import { MAX_BREAKOUTS, MAX_SAY, spread } from '../../core/breakouts.js';

const MINUTES = [0, 5, 10, 15, 20, 30, 45, 60];
/** More people are not listed one by one; "Assign evenly" takes them too. */
const MAX_LISTED = 200;

/** @param {CallContext} context @returns {PanelContent} */
export function breakoutsPanel(context) {
  const call = context.visit?.main ?? context.call; // a room has no rooms: its meeting's are meant
  const el = h('div', { class: 'breakouts' });
  /** @type {(() => void)[]} */
  const stops = [];
  let gone = false;
  void lazily(() => call.parts.breakouts()).then((rooms) => {
    if (rooms && !gone) stops.push(show(call, el, rooms));
  });
  return {
    el,
    destroy: () => {
      gone = true;
      for (const stop of stops) stop();
    },
  };
}

/** @param {Call} call @param {HTMLElement} el @param {Breakouts} rooms @returns {() => void} */
function show(call, el, rooms) {
  const plan = { count: 2, minutes: 0, assigned: /** @type {Map<number, number>} */ (new Map()) };
  const names = () =>
    [...call.store.get().state.people.values()].filter((p) => !p.kind || p.kind === 'guest' || p.kind === 'person');
  const key = () => JSON.stringify(names().map((p) => [p.participant, p.name]));
  const refresh = () => {
    const { open } = rooms.store.get();
    const at = place(el);
    fill(el, ...(open.length > 0 ? running(call, rooms, names()) : planning(call, rooms, names(), plan, refresh)));
    at();
  };
  const stops = [
    rooms.store.watch((s) => s.open, refresh),
    rooms.store.watch((s) => s.assigned, refresh),
    call.store.watch(key, refresh),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * All is made anew when people come and go. What a person has half typed stays, and so does the focus.
 * @param {HTMLElement} el @returns {() => void} puts both back
 */
function place(el) {
  const handle = (/** @type {Element|null} */ x) =>
    `${x?.getAttribute('data-testid')} ${x?.getAttribute('aria-label')}`;
  const focused = el.contains(document.activeElement) ? handle(document.activeElement) : '';
  const word = () => /** @type {HTMLInputElement|null} */ (el.querySelector('[data-testid="breakouts-word"]'));
  const { value = '', selectionStart = 0, selectionEnd = 0 } = word() ?? {};
  return () => {
    const now = word();
    if (now) {
      now.value = value;
      now.setSelectionRange(selectionStart, selectionEnd);
    }
    const same = focused && [...el.querySelectorAll('[data-testid]')].find((x) => handle(x) === focused);
    if (same instanceof HTMLElement) same.focus();
  };
}

/** @typedef {{participant: number, name: string}} Named */

/**
 * @param {readonly Named[]} people @param {number} count @param {ReadonlyMap<number, number>} assigned
 * @param {(participant: number, n: number) => void} change @returns {HTMLElement}
 */
function whoWhere(people, count, assigned, change) {
  const options = Array.from({ length: count + 1 }, (_, n) => ({
    value: String(n),
    label: n === 0 ? t('breakouts.main') : t('breakouts.room', { n }),
  }));
  return h(
    'section',
    { 'aria-label': t('breakouts.people') },
    h('h3', null, t('breakouts.people')),
    people.length === 0 && h('p', { class: 'panel-empty' }, t('breakouts.alone')),
    h(
      'ul',
      null,
      people.slice(0, MAX_LISTED).map(({ participant, name }) => {
        const choice = h(
          'select',
          {
            class: 'input',
            'aria-label': name,
            'data-testid': 'breakout-of',
            onchange: () => change(participant, Number(choice.value)),
          },
          options.map((o) => h('option', { value: o.value }, o.label)),
        );
        choice.value = String(assigned.get(participant) ?? 0);
        return h('li', { 'data-testid': 'breakout-person' }, h('span', { dir: 'auto' }, name), choice);
      }),
    ),
  );
}

/**
 * @param {Call} call @param {Breakouts} rooms @param {readonly Named[]} people
 * @param {{count: number, minutes: number, assigned: Map<number, number>}} plan @param {() => void} refresh
 * @returns {HTMLElement[]}
 */
function planning(call, rooms, people, plan, refresh) {
  const numbers = Array.from({ length: MAX_BREAKOUTS }, (_, i) => ({ value: String(i + 1), label: String(i + 1) }));
  const count = (/** @type {string} */ v) => {
    plan.count = Number(v);
    for (const [p, n] of plan.assigned) if (n > plan.count) plan.assigned.delete(p);
    refresh();
  };
  const minutes = MINUTES.map((n) => ({
    value: String(n),
    label: n === 0 ? t('breakouts.minutes.none') : t('timer.minutes', { n }),
  }));
  const even = () => {
    plan.assigned = spread(
      people.map((p) => p.participant),
      plan.count,
      plan.assigned,
    );
    refresh();
  };
  const open = h(
    'button',
    { class: 'button primary wide', type: 'button', 'data-testid': 'breakouts-open' },
    t('breakouts.open'),
  );
  open.addEventListener('click', async () => {
    setBusy(open, true);
    const here = new Set(people.map((p) => p.participant));
    await rooms.open(plan.count, new Map([...plan.assigned].filter(([p]) => here.has(p))), plan.minutes);
    setBusy(open, false);
  });
  return [
    ...(call.encryption ? [h('p', { class: 'field-help' }, t('breakouts.sealed'))] : []),
    select(t('breakouts.count'), numbers, String(plan.count), count, { testid: 'breakouts-count' }),
    h(
      'button',
      { class: 'button wide', type: 'button', 'data-testid': 'breakouts-spread', onclick: even },
      t('breakouts.spread'),
    ),
    whoWhere(people, plan.count, plan.assigned, (p, n) => void plan.assigned.set(p, n)),
    select(t('breakouts.minutes'), minutes, String(plan.minutes), (v) => (plan.minutes = Number(v)), {
      testid: 'breakouts-minutes',
    }),
    open,
  ];
}

/** @param {Call} call @param {Breakouts} rooms @param {readonly Named[]} people @returns {HTMLElement[]} */
function running(call, rooms, people) {
  const { open, assigned } = rooms.store.get();
  const word = field(t('breakouts.say'), { maxlength: MAX_SAY, autocomplete: 'off', 'data-testid': 'breakouts-word' });
  const say = async (/** @type {Event} */ e) => {
    e.preventDefault();
    const text = word.input.value.replace(/\p{Cc}+/gu, ' ').trim();
    if (text && (await rooms.say(text))) word.input.value = '';
  };
  return [
    h(
      'ul',
      null,
      open.map(({ n }) => {
        const many = [...assigned.values()].filter((r) => r === n).length;
        const go = () => call.tell('room', { what: 'go', n });
        return h(
          'li',
          null,
          h('span', null, t('breakouts.in', { room: t('breakouts.room', { n }), n: many })),
          h(
            'button',
            { class: 'button small', type: 'button', 'data-testid': `breakout-visit-${n}`, onclick: go },
            t('breakouts.visit', { n }),
          ),
        );
      }),
    ),
    whoWhere(people, open.length, assigned, (p, n) => void rooms.assign(p, n)),
    h(
      'form',
      { onsubmit: say, novalidate: true },
      word.el,
      h('button', { class: 'button', type: 'submit', 'data-testid': 'breakouts-say' }, t('breakouts.say.send')),
    ),
    h(
      'button',
      {
        class: 'button danger wide',
        type: 'button',
        'data-testid': 'breakouts-close',
        onclick: () => void rooms.close(),
      },
      t('breakouts.close'),
    ),
  ];
}
