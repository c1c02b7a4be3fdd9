// Reaches a person who looks elsewhere: a count in the title and on the icon, soft sounds, and, if they chose so,
// notifications of the system.
/** @import {CallContext} from '../context.js' */
/** @import {Call as Calling} from '../../core/attention.js' */
import * as attention from '../../core/attention.js';
import { chime } from '../../media/level.js';
import { choices } from '../../ui/settings.js';
import { t } from '../../i18n/i18n.js';

const SOUND = /** @type {const} */ ({ waiting: 'soundWaiting', hand: 'soundHand', chat: 'soundChat' });

/** @param {CallContext} context @param {string} title of the page while nothing is due */
export function callAttention(context, title) {
  const { call, ui, cleanup } = context;
  const notify = notifier(context);
  const link = /** @type {HTMLLinkElement|null} */ (document.querySelector('link[rel="icon"]'));
  const plain = link?.href ?? '';
  let before = attention.due(call.store.get().state);
  /** @type {Map<Calling, number>} */
  const rang = new Map();
  let shown = -1;
  const show = (/** @type {number} */ n) => {
    if (n === shown) return;
    shown = n;
    document.title = attention.counted(title, n);
    if (link) link.href = n > 0 ? attention.iconOf(n) : plain;
  };
  const tell = (/** @type {Calling} */ kind) => {
    if (kind === 'chat' && !document.hidden && ui.get().panel === 'chat') return;
    if (!attention.rings(rang, kind, performance.now())) return;
    if (choices()[SOUND[kind]]) chime(kind);
    if (document.hidden && choices().notify && !call.store.get().state.meeting?.confidential) notify(words(kind));
  };
  const words = (/** @type {Calling} */ kind) => {
    const { state } = call.store.get();
    if (kind === 'waiting') return t('call.waiting', { n: state.waiting.length });
    // No name and no text goes to the system's list of notifications, which others may read.
    if (kind === 'chat') return t('call.unread', { n: attention.due(state).chat });
    return t('call.hands', { n: attention.due(state).hands.size });
  };
  const look = () => {
    const { state } = call.store.get();
    const now = attention.due(state);
    if (state.phase === 'joined') {
      for (const kind of attention.calls(before, now, state.role === 'host' || state.role === 'cohost')) tell(kind);
    }
    before = now;
    show(attention.count(now));
  };
  cleanup(call.store.watch((p) => p.state, look));
  queueMicrotask(() => {
    shown = -1; // the screen set its own title meanwhile
    look();
  });
  cleanup(() => {
    if (link) link.href = plain;
  });
}

/** @param {CallContext} context @returns {(text: string) => void} shows it by the system until the person comes back */
function notifier({ cleanup }) {
  /** @type {Notification|null} */
  let last = null;
  const back = () => {
    if (!document.hidden) last?.close();
  };
  document.addEventListener('visibilitychange', back);
  cleanup(() => {
    document.removeEventListener('visibilitychange', back);
    last?.close();
  });
  return (text) => {
    if (typeof Notification !== 'function' || Notification.permission !== 'granted') return;
    try {
      last?.close();
      const made = new Notification(text, { tag: 'conclave', icon: '/favicon.svg' });
      made.onclick = () => {
        window.focus();
        made.close();
      };
      last = made;
    } catch {
      // a phone, where only service workers may
    }
  };
}
