// Polls: hosts ask, everybody votes, the asker's page counts. What others wrote becomes text nodes, nothing else.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Polls} from '../polls.js' */
/** @import {Poll} from '../../core/polls.js' */
import { h, fill, keyed, setBusy, setHidden, setText, uniqueId } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { check, field } from '../../ui/field.js';
import { t, list, percent } from '../../i18n/i18n.js';
import { lazily } from '../../ui/lazy.js';
import { chosen, csv, MAX_CHOICE, MAX_CHOICES, MAX_QUESTION } from '../../core/polls.js';

/** @param {CallContext} context @returns {PanelContent} */
export function pollsPanel(context) {
  const { call } = context;
  const el = h('div', { class: 'polls' });
  /** @type {(() => void)[]} */
  const stops = [];
  let gone = false;
  void lazily(() => call.parts.polls()).then((polls) => {
    if (polls && !gone) stops.push(show(context, el, polls));
  });
  return {
    el,
    destroy: () => {
      gone = true;
      for (const stop of stops) stop();
    },
  };
}

/** @param {CallContext} context @param {HTMLElement} el @param {Polls} polls @returns {() => void} */
function show(context, el, polls) {
  const { call } = context;
  const form = pollForm(polls);
  const open = h(
    'button',
    {
      class: 'button wide',
      type: 'button',
      'data-testid': 'poll-new',
      onclick: () => {
        form.el.hidden = false;
        refresh();
        form.focus();
      },
    },
    icon('chart'),
    t('polls.new'),
  );
  const none = h('p', { class: 'panel-empty' }, t('polls.none'));
  const cards = h('div', { class: 'poll-choices' });
  /** @type {Map<string, HTMLElement>} */
  const made = new Map();
  const refresh = () => {
    const { role } = call.store.get().state;
    const { own } = polls;
    const mayAsk = (role === 'host' || role === 'cohost') && !own;
    if (!mayAsk) form.el.hidden = true;
    setHidden(open, !mayAsk || !form.el.hidden);
    const all = [...polls.store.get().polls].reverse();
    setHidden(none, all.length > 0 || !form.el.hidden);
    keyed(
      cards,
      all,
      (p) => `${p.from}-${p.ask.id}`,
      made,
      (p) => card(context, polls, p),
      (one, p, i) => {
        updateCard(context, polls, one, p);
        if (cards.children[i] !== one) cards.insertBefore(one, cards.children[i] ?? null);
      },
    );
  };
  fill(el, open, form.el, none, cards);
  form.el.hidden = true;
  form.done = refresh;
  const stops = [polls.store.watch((s) => s.polls, refresh), call.store.watch((p) => p.state.role, refresh)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** @param {Polls} polls */
function pollForm(polls) {
  const question = field(t('polls.question'), {
    maxlength: MAX_QUESTION,
    'data-testid': 'poll-question',
    autocomplete: 'off',
  });
  const choices = h('div', { class: 'poll-choices' });
  const inputs = () => [...choices.querySelectorAll('input')];
  const addChoice = () => {
    const n = inputs().length + 1;
    const one = field(t('polls.choice', { n }), {
      maxlength: MAX_CHOICE,
      'data-testid': `poll-choice-${n}`,
      autocomplete: 'off',
    });
    choices.append(one.el);
    setHidden(more, n >= MAX_CHOICES);
    return one;
  };
  const more = h(
    'button',
    {
      class: 'button small',
      type: 'button',
      'data-testid': 'poll-choice-add',
      onclick: () => addChoice().input.focus(),
    },
    t('polls.choice.add'),
  );
  const first = addChoice();
  addChoice();
  const multiple = check(t('polls.multiple'), false, 'poll-multiple');
  const named = check(t('polls.named'), false, 'poll-named');
  const live = check(t('polls.live'), true, 'poll-live');
  const send = h('button', { class: 'button primary wide', type: 'submit', 'data-testid': 'poll-ask' }, t('polls.ask'));
  const self = { el: h('form'), done: () => {}, focus: () => question.input.focus() };
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    const q = tidy(question.input.value);
    const choiceTexts = [...new Set(inputs().map((i) => tidy(i.value)))].filter(Boolean);
    first.fail(choiceTexts.length < 2 ? t('polls.choice.bad') : '');
    question.fail(q ? '' : t('polls.question.bad'));
    if (!q || choiceTexts.length < 2) return;
    setBusy(send, true);
    const what = {
      q,
      choices: choiceTexts,
      multiple: multiple.input.checked,
      named: named.input.checked,
      live: live.input.checked,
    };
    if (await polls.ask(what)) {
      /** @type {HTMLFormElement} */ (self.el).reset();
      self.el.hidden = true;
    }
    setBusy(send, false);
    self.done();
  };
  self.el = h(
    'form',
    { class: 'poll-form', novalidate: true, onsubmit: submit, 'data-testid': 'poll-form' },
    question.el,
    choices,
    more,
    multiple.el,
    h('div', null, named.el, h('p', { class: 'field-help' }, t('polls.named.help'))),
    live.el,
    send,
  );
  return self;
}

/** @param {string} text @returns {string} without what the other pages would not show */
const tidy = (text) =>
  text.replace(/[\p{Cc}\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/gu, ' ').trim();

/** @param {CallContext} context @param {Polls} polls @param {Poll} poll @returns {HTMLElement} */
function card(context, polls, poll) {
  const { ask } = poll;
  const { self } = context.call.store.get().state;
  const own = poll.from === self;
  const id = uniqueId('poll');
  return h(
    'section',
    { class: 'poll', 'aria-labelledby': id, 'data-testid': 'poll' },
    h('h3', { id, dir: 'auto' }, ask.q),
    h('p', { class: 'person-note', dir: 'auto' }, own ? t('polls.by.you') : t('polls.by', { name: poll.name })),
    h(
      'p',
      { class: 'field-help', 'data-testid': 'poll-truth' },
      [
        ask.named ? t('polls.is.named') : !own && t('polls.is.anonymous', { name: poll.name }),
        own && t('polls.is.yours'),
        t(context.call.encryption ? 'polls.sealed' : 'polls.plain'),
      ]
        .filter(Boolean)
        .join(' '),
    ),
    ballot(polls, poll, id),
    h('p', { class: 'person-note', 'data-part': 'state', 'data-testid': 'poll-state' }),
    h('ul', { class: 'poll-results', 'data-part': 'results', 'data-testid': 'poll-results' }),
    own && ownTools(polls, poll),
  );
}

/** @param {Polls} polls @param {Poll} poll @param {string} id of the heading @returns {HTMLElement} */
function ballot(polls, poll, id) {
  const { ask } = poll;
  const button = h('button', { class: 'button primary', type: 'submit', 'data-testid': 'poll-vote' }, t('polls.vote'));
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const inputs = ask.choices.map((_, i) =>
    h('input', {
      type: ask.multiple ? 'checkbox' : 'radio',
      name: id,
      value: String(i),
      'data-testid': `poll-pick-${i + 1}`,
    }),
  );
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    const mask = inputs.reduce((m, input, i) => (input.checked ? m | (1 << i) : m), 0);
    setText(problem, mask ? '' : t('polls.vote.none'));
    if (!mask) return;
    setBusy(button, true);
    await polls.vote(poll, mask);
    setBusy(button, false);
  };
  return h(
    'form',
    { 'data-part': 'ballot', onsubmit: submit, novalidate: true },
    h(
      'fieldset',
      { 'aria-labelledby': id },
      ask.choices.map((choice, i) =>
        h('label', { class: 'poll-choice' }, inputs[i], h('span', { dir: 'auto' }, choice)),
      ),
    ),
    problem,
    button,
  );
}

/** @param {Polls} polls @param {Poll} poll @returns {HTMLElement} what the asker does with it */
function ownTools(polls, poll) {
  const save = () => {
    const now = polls.store.get().polls.find((p) => p.from === poll.from && p.ask.id === poll.ask.id);
    if (!now) return;
    const words = { choice: t('polls.csv.choice'), votes: t('polls.csv.votes'), voters: t('polls.csv.voters') };
    const text = csv(now, words, (n) => polls.nameOf(n));
    const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv' }));
    const link = h('a', { href: url, download: 'poll.csv', hidden: true });
    document.body.append(link); // Safari downloads from links on the page alone
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h(
    'div',
    { class: 'timer-choices' },
    h(
      'button',
      {
        class: 'button',
        type: 'button',
        'data-part': 'end',
        'data-testid': 'poll-end',
        onclick: () => void polls.end(),
      },
      t('polls.end'),
    ),
    h(
      'button',
      { class: 'button', type: 'button', 'data-testid': 'poll-csv', onclick: save },
      icon('down'),
      t('polls.csv'),
    ),
  );
}

/** @param {CallContext} context @param {Polls} polls @param {HTMLElement} el @param {Poll} poll */
function updateCard(context, polls, el, poll) {
  const part = (/** @type {string} */ name) =>
    /** @type {HTMLElement|null} */ (el.querySelector(`[data-part="${name}"]`));
  const open = poll.phase === 'open';
  const ballotForm = /** @type {HTMLElement} */ (part('ballot'));
  setHidden(ballotForm, !open);
  setText(
    /** @type {HTMLElement} */ (ballotForm.querySelector('[data-testid="poll-vote"]')),
    t(poll.mine ? 'polls.vote.change' : 'polls.vote'),
  );
  const { results } = poll;
  const own = poll.from === context.call.store.get().state.self;
  setText(
    /** @type {HTMLElement} */ (part('state')),
    [
      poll.phase === 'closed' && t('polls.closed'),
      poll.phase === 'gone' && t('polls.gone'),
      open && poll.mine > 0 && t('polls.voted'),
      results && t('polls.voters', { n: results.voters }),
      open && !poll.ask.live && t('polls.later'),
    ]
      .filter(Boolean)
      .join(' · '),
  );
  const shown = results && (own || poll.ask.live || !open);
  fill(/** @type {HTMLElement} */ (part('results')), shown ? resultRows(polls, poll) : []);
  const end = part('end');
  if (end) setHidden(end, !open);
}

/** @param {Polls} polls @param {Poll} poll @returns {HTMLElement[]} */
function resultRows(polls, { ask, results }) {
  if (!results) return [];
  return ask.choices.map((choice, i) => {
    const n = results.counts[i];
    const share = results.voters > 0 ? n / results.voters : 0;
    const names = results.named.filter(([, mask]) => chosen(mask, i)).map(([who]) => polls.nameOf(who));
    return h(
      'li',
      { class: 'poll-result' },
      h(
        'div',
        null,
        h('span', { dir: 'auto' }, choice),
        h('span', { class: 'poll-count' }, t('polls.count', { n, percent: percent(share) })),
      ),
      h('progress', { max: 1, value: share, 'aria-hidden': 'true' }),
      names.length > 0 && h('span', { class: 'person-note', dir: 'auto' }, list(names.filter(Boolean))),
    );
  });
}
