// Who is here and who waits. The list makes only the rows on the screen, so that a thousand people cost what twenty do.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Person, Waiting} from '../../core/types.js' */
/** @import {State} from '../../core/state.js' */
import { h, fill, keyed, setText, setHidden, attr } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { toggle } from '../../ui/field.js';
import { openMenu } from '../../ui/menu.js';
import { t } from '../../i18n/i18n.js';
import { shallow } from '../../ui/store.js';
import { away, may, selfPerson } from '../../core/state.js';
import { found, hue, initials } from '../../core/text.js';
import { bars } from '../../ui/bars.js';
import { visibleRows } from '../../core/virtual.js';
import { handQueue } from './hands.js';
import { kindWord, personActions } from './person.js';
import { lazily } from '../../ui/lazy.js';

const ROW = 56;
/** One for all comparisons: localeCompare makes its own each time, which a thousand names feel. */
const byName = new Intl.Collator(undefined, { numeric: true });

/** @param {CallContext} context @returns {PanelContent} */
export function peoplePanel(context) {
  const { call, ui } = context;
  const waiting = h('section', { class: 'waiting', hidden: true, 'data-testid': 'waiting-list' });
  const tools = h('div', { class: 'people-tools' });
  const roster = rosterList(context);
  const queue = handQueue(context);
  const stops = [
    call.store.watch(
      (p) => p.state.waiting,
      (list) => showWaiting(context, waiting, list),
    ),
    call.store.watch(
      (p) => ({ permissions: p.state.permissions, locked: p.state.meeting?.locked, lobby: p.state.meeting?.lobby }),
      () => fill(tools, hostTools(context)),
      shallow,
    ),
    queue.stop,
    roster.stop,
  ];
  const invite = h(
    'button',
    { class: 'button wide', type: 'button', onclick: () => ui.set((u) => ({ ...u, panel: 'info' })) },
    icon('link'),
    t('people.invite'),
  );
  return {
    el: h('div', { class: 'people' }, queue.el, invite, tools, waiting, roster.el),
    focus: () => roster.search.focus(),
    destroy: () => {
      for (const s of stops) s();
    },
  };
}

/** @param {CallContext} context @returns {(HTMLElement|false)[]} */
function hostTools(context) {
  const { call } = context;
  const s = call.store.get().state;
  const policy = (/** @type {{locked?: boolean, lobby?: boolean}} */ change) =>
    void call.request('policy', { locked: s.meeting?.locked ?? false, lobby: s.meeting?.lobby ?? true, ...change });
  return [
    may(s, 'lock') &&
      toggle(t('people.lock'), s.meeting?.locked ?? false, (locked) => policy({ locked }), {
        help: t('people.lock.help'),
        testid: 'lock',
      }),
    may(s, 'lock') &&
      !s.meeting?.confidential &&
      toggle(t('options.lobby'), s.meeting?.lobby ?? false, (lobby) => policy({ lobby }), {
        help: t('people.lobby.help'),
        testid: 'lobby-switch',
      }),
    may(s, 'mute_others') &&
      h(
        'button',
        {
          class: 'button wide',
          type: 'button',
          'data-testid': 'mute-all',
          onclick: () => void call.request('mute', { all: true, sources: ['mic'] }),
        },
        icon('micOff'),
        t('people.mute.all'),
      ),
    may(s, 'admit') &&
      !call.encryption &&
      h(
        'button',
        {
          class: 'button wide',
          type: 'button',
          'data-testid': 'streams',
          onclick: () => void lazily(() => import('./streams.js')).then((m) => m?.streamsDialog(context)),
        },
        icon('screen'),
        t('streams.open'),
      ),
  ];
}

/** @param {CallContext} context @param {HTMLElement} el @param {readonly Waiting[]} list */
function showWaiting({ call }, el, list) {
  setHidden(el, list.length === 0);
  fill(
    el,
    h(
      'div',
      { class: 'section-head' },
      h('h3', null, `${t('people.waiting')} (${list.length})`),
      list.length > 1 &&
        h(
          'button',
          {
            class: 'button small',
            type: 'button',
            'data-testid': 'admit-all',
            onclick: () => void call.request('admit', { all: true }),
          },
          t('people.admit.all'),
        ),
    ),
    h(
      'ul',
      null,
      list.map((w) =>
        h(
          'li',
          { class: 'person', 'data-testid': 'waiting', 'data-participant': w.participant },
          h('span', { class: `avatar hue-${hue(w.participant)}`, 'aria-hidden': 'true' }, initials(w.name)),
          h(
            'div',
            { class: 'person-text' },
            h('span', { class: 'person-name', dir: 'auto' }, w.name),
            h(
              'span',
              { class: 'person-note', dir: 'auto', 'data-testid': 'waiting-who' },
              w.kind === 'bot' ? t(call.encryption ? 'people.bot.asks' : 'people.bot') : w.email || t('people.guest'),
            ),
          ),
          h(
            'div',
            { class: 'person-answer' },
            h(
              'button',
              {
                class: 'button small',
                type: 'button',
                'aria-label': t('people.deny.name', { name: w.name }),
                'data-testid': 'deny',
                onclick: () => void call.request('deny', { participants: [w.participant] }),
              },
              t('people.deny'),
            ),
            h(
              'button',
              {
                class: 'button small primary',
                type: 'button',
                'aria-label': t('people.admit.name', { name: w.name }),
                'data-testid': 'admit',
                onclick: () => void call.request('admit', { participants: [w.participant] }),
              },
              t('people.admit'),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {CallContext} context @returns {{el: HTMLElement, search: HTMLInputElement, stop: () => void}} */
function rosterList(context) {
  const { call } = context;
  const search = h('input', {
    class: 'input',
    type: 'search',
    placeholder: t('people.search'),
    'aria-label': t('people.search'),
    'data-testid': 'people-search',
    autocomplete: 'off',
  });
  const none = h('p', { class: 'panel-empty', hidden: true }, t('people.none'));
  const rows = h('ul', { class: 'roster-rows' });
  const scroller = h(
    'div',
    { class: 'roster', 'data-testid': 'roster', tabindex: '0', role: 'group', 'aria-label': t('people.here') },
    rows,
  );
  const title = h('h3');
  /** @type {Map<string, HTMLElement>} */
  const made = new Map();
  /** @type {Person[]} */
  let list = [];
  const paint = () => {
    const { from, to, before, total } = visibleRows(list.length, ROW, scroller.scrollTop, scroller.clientHeight || 600);
    rows.style.height = `${total}px`;
    keyed(
      rows,
      list.slice(from, to),
      (p) => String(p.participant),
      made,
      (p) => personRow(context, p.participant),
      (el, p, i) => {
        el.style.transform = `translateY(${before + i * ROW}px)`;
        updateRow(el, p, call.store.get().state);
        attr(el, 'aria-posinset', String(from + i + 1));
        attr(el, 'aria-setsize', String(list.length));
      },
    );
  };
  const refresh = () => {
    const s = call.store.get().state;
    const everyone = [selfPerson(s), ...[...s.people.values()].sort(byImportance)];
    list = everyone.filter((p) => found(search.value, p.name));
    setText(title, `${t('people.here')} (${everyone.length})`);
    setHidden(none, list.length > 0);
    paint();
  };
  search.addEventListener('input', refresh);
  scroller.addEventListener('scroll', paint, { passive: true });
  const observer = new ResizeObserver(paint);
  observer.observe(scroller);
  const stop = call.store.watch(
    (p) => p.state,
    refresh,
    (a, b) =>
      a.people === b.people &&
      a.sources === b.sources &&
      a.hand === b.hand &&
      a.role === b.role &&
      a.bars === b.bars &&
      a.spotlight === b.spotlight,
  );
  return {
    el: h('section', { class: 'roster-section' }, h('div', { class: 'section-head' }, title), search, none, scroller),
    search,
    stop: () => {
      stop();
      observer.disconnect();
    },
  };
}

/**
 * Raised hands first, in their order; then hosts; then by name.
 * @param {Person} a
 * @param {Person} b
 * @returns {number}
 */
function byImportance(a, b) {
  const rank = (/** @type {Person} */ p) =>
    p.hand > 0 ? p.hand : p.role === 'host' ? 1e6 : p.role === 'cohost' ? 1e6 + 1 : 1e6 + 2;
  return rank(a) - rank(b) || byName.compare(a.name, b.name) || a.participant - b.participant;
}

/** @param {CallContext} context @param {number} participant @returns {HTMLElement} */
function personRow(context, participant) {
  const more = h(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-haspopup': 'menu',
      'data-testid': 'person-menu',
      onclick: () => {
        const p = context.call.store.get().state.people.get(participant);
        if (p) openMenu(more, personActions(context, p), t('tile.menu', { name: p.name }));
      },
    },
    icon('more'),
  );
  return h(
    'li',
    { class: 'person', 'data-testid': 'person', 'data-participant': participant },
    h('span', { class: `avatar hue-${hue(participant)}`, 'aria-hidden': 'true' }),
    h(
      'div',
      { class: 'person-text' },
      h(
        'span',
        { class: 'person-title' },
        h('span', { class: 'person-name', dir: 'auto' }),
        h('span', { class: 'badge kind', 'data-testid': 'person-kind' }),
      ),
      h('span', { class: 'person-note' }),
    ),
    h('span', { class: 'badge hand' }, icon('hand'), h('span')),
    h('span', { class: 'person-bars', 'data-testid': 'person-quality', hidden: true }),
    h('span', { class: 'person-state' }),
    more,
  );
}

/** @param {HTMLElement} el @param {Person} p @param {State} s */
function updateRow(el, p, s) {
  const self = p.participant === s.self;
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (el.querySelector(selector));
  const name = self ? t('tile.you', { name: p.name }) : p.name;
  setText(part('.avatar'), initials(p.name));
  setText(part('.person-name'), name);
  setText(
    part('.person-note'),
    [
      s.roleNames[p.role] ?? (p.role !== 'participant' && t(`role.${p.role}`)),
      !self && away(s, p) && t('reconnecting'),
      s.spotlight === p.participant && t('tile.spotlight'),
    ]
      .filter(Boolean)
      .join(' · '),
  );
  setHidden(part('.badge.hand'), p.hand === 0);
  setText(part('.badge.hand span'), String(p.hand));
  setText(part('.badge.kind'), kindWord(p));
  showBars(part('.person-bars'), s.bars.get(p.participant));
  const muted = !p.sources.includes('mic');
  const state = part('.person-state');
  if (state.dataset.muted !== String(muted)) {
    state.dataset.muted = String(muted);
    fill(state, icon(muted ? 'micOff' : 'mic'), muted && h('span', { class: 'visually-hidden' }, t('tile.muted')));
  }
  setHidden(part('[data-testid=person-menu]'), self);
  attr(part('[data-testid=person-menu]'), 'aria-label', t('tile.menu', { name }));
}

/** @param {HTMLElement} el @param {number|undefined} quality 0…4; not known: nothing is shown */
function showBars(el, quality) {
  const shown = quality === undefined ? '' : String(quality);
  if (el.dataset.quality === shown) return;
  el.dataset.quality = shown;
  setHidden(el, quality === undefined);
  if (quality === undefined) return;
  const words = t(/** @type {any} */ (`quality.${quality}`));
  fill(el, h('span', { title: words }, h('span', { class: 'visually-hidden' }, words)));
  el.firstElementChild?.append(bars(quality));
}
