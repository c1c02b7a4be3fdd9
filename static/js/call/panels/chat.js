// Chat: text nodes only, links that show where they go, nothing kept.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {ChatLine, Person} from '../../core/types.js' */
import { h, setHidden, fill } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t, timeOfDay } from '../../i18n/i18n.js';
import { linkify, MAX_CHAT_TEXT } from '../../core/text.js';
import { emojiMenu } from './emoji.js';

/** @param {CallContext} context @returns {PanelContent} */
export function chatPanel(context) {
  const { call, ui } = context;
  const list = h('ol', {
    class: 'chat-list',
    'data-testid': 'chat-list',
    tabindex: '0',
    'aria-label': t('chat.title'),
  });
  const empty = h('p', { class: 'panel-empty' }, t('chat.empty'));
  let shown = 0;
  /** @type {ChatLine|undefined} */
  let last;
  const stopLines = call.store.watch(
    (p) => p.state.chat,
    (lines) => {
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      for (const line of lines) {
        if (line.n <= shown) continue;
        list.append(row(line, last));
        [shown, last] = [line.n, line];
      }
      while (list.childElementCount > lines.length) list.firstElementChild?.remove();
      setHidden(empty, lines.length > 0);
      if (atEnd || last?.own) list.scrollTop = list.scrollHeight;
      call.seen();
    },
  );
  const form = composer(context);
  return {
    el: h('div', { class: 'chat' }, empty, list, form.el),
    focus: () => form.input.focus(),
    destroy: () => {
      stopLines();
      form.stop();
      ui.set((u) => ({ ...u, chatTo: 0 }));
    },
  };
}

/** @param {ChatLine} line @param {ChatLine|undefined} before @returns {HTMLElement} */
function row(line, before) {
  const follows =
    before &&
    before.from === line.from &&
    before.to === line.to &&
    Date.parse(line.at) - Date.parse(before.at) < 120_000;
  const privately = line.to ? (line.own ? t('chat.private', { name: line.toName ?? '' }) : t('chat.private.from')) : '';
  return h(
    'li',
    {
      class: `chat-line${line.own ? ' own' : ''}${line.to ? ' private' : ''}${follows ? ' follows' : ''}`,
      'data-testid': 'chat-message',
    },
    !follows &&
      h(
        'div',
        { class: 'chat-meta' },
        h('span', { class: 'chat-from', dir: 'auto' }, line.own ? t('you') : line.name),
        h('time', { datetime: line.at }, timeOfDay(line.at)),
        privately && h('span', { class: 'chat-private' }, icon('lock'), privately),
      ),
    h(
      'p',
      { class: 'chat-text', dir: 'auto' },
      linkify(line.text).map((p) =>
        p.href ? h('a', { href: p.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, p.text) : p.text,
      ),
    ),
  );
}

/**
 * A mute does not rewrite a thousand names.
 * @param {ReadonlyMap<number, Person>} a @param {ReadonlyMap<number, Person>} b @returns {boolean}
 */
function sameNames(a, b) {
  if (a.size !== b.size) return false;
  for (const [n, p] of a) if (b.get(n)?.name !== p.name) return false;
  return true;
}

/** @param {CallContext} context @returns {{el: HTMLElement, input: HTMLTextAreaElement, stop: () => void}} */
function composer({ call, ui }) {
  const input = h('textarea', {
    class: 'input',
    rows: '1',
    maxlength: MAX_CHAT_TEXT,
    placeholder: t('chat.placeholder'),
    'aria-label': t('chat.placeholder'),
    'data-testid': 'chat-input',
    dir: 'auto',
  });
  const send = h(
    'button',
    { class: 'icon-button primary', type: 'submit', 'aria-label': t('chat.send'), 'data-testid': 'chat-send' },
    icon('send'),
  );
  const emoji = h(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': t('chat.emoji'),
      title: t('chat.emoji'),
      'aria-haspopup': 'menu',
      'data-testid': 'chat-emoji',
      onclick: () => emojiMenu(emoji, input),
    },
    icon('react'),
  );
  const to = h('select', {
    class: 'input chat-to',
    'aria-label': t('chat.to'),
    'data-testid': 'chat-to',
    onchange: () => ui.set((u) => ({ ...u, chatTo: Number(to.value) })),
  });
  const refresh = () => {
    const { people } = call.store.get().state;
    const { chatTo } = ui.get();
    fill(
      to,
      h('option', { value: '0' }, t('chat.everyone')),
      [...people.values()].map((p) => h('option', { value: p.participant }, p.name)),
    );
    to.value = people.has(chatTo) ? String(chatTo) : '0';
    if (chatTo && !people.has(chatTo)) ui.set((u) => ({ ...u, chatTo: 0 }));
  };
  const stops = [call.store.watch((p) => p.state.people, refresh, sameNames), ui.watch((u) => u.chatTo, refresh)];
  const submit = async () => {
    const text = input.value.trim();
    if (!text) return;
    input.value = '';
    grow();
    const { chatTo } = ui.get();
    const sent = await call.request('chat', { text, ...(chatTo ? { to: chatTo } : {}) });
    if (!sent && !input.value) input.value = text; // what was written is not lost
  };
  const grow = () => {
    input.style.height = 'auto';
    input.style.height = `${Math.min(140, input.scrollHeight + 2)}px`;
  };
  input.addEventListener('input', grow);
  input.addEventListener('keydown', (e) => {
    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      void submit();
    }
  });
  const el = h(
    'form',
    {
      class: 'composer',
      onsubmit: (/** @type {SubmitEvent} */ e) => {
        e.preventDefault();
        void submit();
      },
    },
    h('label', { class: 'composer-to' }, h('span', null, t('chat.to')), to),
    h('div', { class: 'composer-row' }, emoji, input, send),
  );
  return {
    el,
    input,
    stop: () => {
      for (const s of stops) s();
    },
  };
}
