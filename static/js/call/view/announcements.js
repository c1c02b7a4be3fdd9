// Announces what happens: to screen readers and as toasts, neither too often.
/** @import {CallContext} from '../context.js' */
/** @import {News} from '../../core/state.js' */
/** @import {Poll} from '../../core/polls.js' */
import { alertNow, announce } from '../../ui/live.js';
import { toast, toasted, closeToast } from '../../ui/toast.js';
import { fly, reactionLabel, REACTIONS } from '../../ui/reactions.js';
import { t, errorText, has } from '../../i18n/i18n.js';
import { nameOf } from '../../core/state.js';
import { RequestError } from '../../net/error.js';
import { remember } from '../../ui/settings.js';
import * as devices from '../../media/devices.js';

/** @param {CallContext} context @param {HTMLElement} flying @param {boolean} [again] the person was here before */
export function tellNews(context, flying, again = false) {
  const { call, cleanup } = context;
  let told = again ? call.store.get().state.count : 0; // what came with the welcome is news too
  cleanup(
    call.store.watch(
      (p) => p.state.news,
      (news) => {
        for (const item of news) {
          if (item.n <= told) continue;
          told = item.n;
          tell(context, item);
        }
      },
    ),
  );
  cleanup(
    call.store.watch(
      (p) => p.state.waiting.length,
      (n, before) => {
        if (n < (before ?? 0)) closeToast('waiting');
      },
    ),
  );
  cleanup(
    context.ui.watch(
      (u) => u.panel,
      (panel) => {
        if (panel === 'people') closeToast('waiting');
        if (panel === 'chat') closeToast('chat');
        if (panel === 'polls') closeToast('poll');
      },
    ),
  );
  tellEvents(context, flying);
  cleanup(
    call.store.watch(
      (p) => p.state.hand,
      (n) => {
        if (n > 0) announce(t('hands.place', { n }));
      },
    ),
  );
  call.local.onlost = (what, id) => void tellLost(context, what, id);
  const back = (/** @type {'mic'|'camera'} */ what) => (/** @type {boolean} */ on) => {
    if (on) closeToast(`lost-${what}`);
  };
  tellConnected(context);
  cleanup(call.local.store.watch((l) => l.micOn, back('mic')));
  cleanup(call.local.store.watch((l) => Boolean(l.camera), back('camera')));
}

/**
 * A device that is connected during the call is offered, and never switched on by itself. Only devices with a name
 * count: without the person's permission for their kind there is none.
 * @param {CallContext} context
 */
function tellConnected({ call, cleanup }) {
  /** @type {{mic: Set<string>|null, camera: Set<string>|null}} */
  const known = { mic: null, camera: null };
  const look = async () => {
    const { mics, cameras } = await devices.list().catch(() => ({ mics: [], cameras: [] }));
    for (const [what, found] of /** @type {const} */ ([
      ['mic', mics],
      ['camera', cameras],
    ])) {
      const named = found.filter((d) => d.id && d.label);
      if (named.length === 0) continue;
      const before = known[what];
      known[what] = new Set(named.map((d) => d.id));
      const fresh = before && named.find((d) => !before.has(d.id));
      if (!fresh || call.store.get().state.phase !== 'joined') continue;
      toast(t('news.device', { name: fresh.label }), {
        icon: what,
        key: `device-${what}`,
        testid: 'device-connected',
        ms: 12_000,
        actions: [
          { label: t('news.device.use'), act: () => void call.local.choose(`${what}Id`, fresh.id).catch(() => {}) },
        ],
      });
    }
  };
  cleanup(devices.onChange(() => void look()));
  // Names come with the first permission.
  cleanup(
    call.local.store.watch(
      (l) => `${Boolean(l.mic)} ${Boolean(l.camera)}`,
      () => void look(),
    ),
  );
}

/** @param {CallContext} context @param {HTMLElement} flying what happens once and leaves no state */
function tellEvents(context, flying) {
  const { call, cleanup } = context;
  const stop = new AbortController();
  cleanup(() => stop.abort());
  /** @param {string} type @param {(detail: any) => void} see */
  const on = (type, see) =>
    call.addEventListener(type, (e) => see(/** @type {CustomEvent} */ (e).detail), { signal: stop.signal });
  on('reaction', (m) => {
    const name = nameOf(call.store.get().state, m.from);
    fly(flying, m.reaction, name);
    if (REACTIONS.some((r) => r.id === m.reaction)) {
      announce(t('news.reaction', { name, reaction: reactionLabel(m.reaction) }));
    }
  });
  on('muted', (m) => {
    const name = nameOf(call.store.get().state, m.by);
    for (const source of ['mic', 'camera', 'screen']) {
      if (m.sources.includes(source)) {
        toast(t(/** @type {any} */ (`news.muted.${source}`), { name }), {
          icon: 'micOff',
          urgent: true,
          key: `muted-${source}`,
        });
      }
    }
  });
  on('room', tellOfBreakouts);
  on('poll', ({ what, poll }) => tellPoll(context, what, poll));
  on('ask_unmute', (m) => askUnmute(context, m));
  on('media_refused', (m) =>
    toast(t(/** @type {any} */ (`news.refused.${m.source}`)), {
      icon: 'warn',
      urgent: true,
      ms: 0,
      key: `refused-${m.source}`,
      testid: 'refused',
    }),
  );
  on('notice', (m) => tellNotice(context, m));
  on('role', (m) => {
    const key = `news.role.${m.role}`;
    if (has(key)) toast(t(key), { icon: 'people' });
  });
  on('problem', ({ error }) => {
    const id = error instanceof RequestError ? error.id : 'unknown';
    if (id !== 'network') toast(errorText(id, error?.message), { icon: 'warn', urgent: true, key: `problem-${id}` });
  });
}

/**
 * Nothing takes the place of a lost device by itself: pulling out a camera is how some people stop being seen, and a
 * permission that was taken back ends a track as well.
 * @param {CallContext} context @param {'mic'|'camera'} what the system or a hand took away @param {string} id which
 */
async function tellLost({ call, verbs }, what, id) {
  const { mics, cameras } = await devices.list().catch(() => ({ mics: [], cameras: [] }));
  const { local } = call;
  const isOn = () => (what === 'mic' ? local.store.get().micOn : Boolean(local.store.get().camera));
  if (isOn() || call.store.get().state.phase !== 'joined') return;
  const others = what === 'mic' ? mics : cameras;
  const other = others.some((d) => d.id === id) ? undefined : others.find((d) => d.label !== '');
  const start = () => {
    if (other) remember({ [`${what}Id`]: other.id });
    if (!isOn()) verbs[what]();
  };
  toast(t(`device.lost.${what}`), {
    icon: `${what}Off`,
    urgent: true,
    ms: 0,
    key: `lost-${what}`,
    testid: `lost-${what}`,
    actions: [
      {
        label: other ? t('device.use', { name: other.label }) : t('call.restart'),
        primary: true,
        testid: `restart-${what}`,
        act: start,
      },
    ],
  });
}

const ICONS = /** @type {const} */ ({
  host: 'shield',
  lock: 'lock',
  hand_lowered: 'hand',
  unlock: 'unlock',
  share: 'screen',
  spotlight: 'spotlight',
  spotlight_self: 'spotlight',
});

/** @param {CallContext} context @param {News} item */
function tell({ ui, call }, item) {
  // In an encrypted meeting a bot receives only what each person allows it.
  const { kind, name } = item;
  const words = { name, n: item.many ?? 1, text: (item.text ?? '').slice(0, 200) };
  const text =
    call.encryption && (kind === 'bot' || kind === 'bots') ? t(`news.${kind}.asks`, words) : t(`news.${kind}`, words);
  const open = (/** @type {'chat'|'people'} */ panel) => () => ui.set((u) => ({ ...u, panel }));
  switch (item.kind) {
    case 'chat':
      if (call.store.get().state.meeting?.no_chat) return;
      if (ui.get().panel === 'chat') return announce(text);
      return void toast(text, {
        icon: 'chat',
        key: 'chat',
        actions: [{ label: t('call.chat'), act: open('chat') }],
        ms: 6000,
      });
    case 'waiting':
      if (ui.get().panel === 'people') return announce(text);
      if (call.store.get().state.waiting.length > 1) {
        return void toast(t('call.waiting', { n: call.store.get().state.waiting.length }), {
          icon: 'door',
          key: 'waiting',
          ms: 0,
          actions: [{ label: t('call.people'), primary: true, act: open('people') }],
        });
      }
      return void toast(text, {
        icon: 'door',
        key: 'waiting',
        ms: 0,
        actions: [
          {
            label: t('people.admit'),
            primary: true,
            testid: 'toast-admit',
            act: () => void call.request('admit', { participants: [item.participant ?? 0] }),
          },
          { label: t('call.people'), act: open('people') },
        ],
      });
    case 'hand':
      return void (ui.get().panel === 'people' ? announce(text) : toast(text, { icon: 'hand', key: 'hand' }));
    case 'bot':
    case 'bots':
      if (toasted('consent')) return announce(text); // the question says as much
      return void toast(text, { icon: 'info', key: 'bot', ms: 8000 });
    case 'egress':
      return void toast(text, { icon: 'info', key: 'egress', ms: 8000 });
    case 'host':
    case 'hand_lowered':
    case 'lock':
    case 'unlock':
    case 'share':
    case 'spotlight':
    case 'spotlight_self':
      return void toast(text, { icon: ICONS[item.kind], key: item.kind.startsWith('spotlight') ? 'spotlight' : '' });
    default:
      return announce(text);
  }
}

/** @param {{what: string, n?: number, name?: string, text?: string}} m of breakout rooms, wherever the person is */
export function tellOfBreakouts(m) {
  const words = { name: m.name ?? '', text: m.text ?? '' };
  if (m.what === 'told') alertNow(t('breakouts.told', { n: m.n ?? 0 })); // a strip with the way there shows it
  if (m.what === 'say') {
    toast(t('breakouts.said', words), {
      icon: 'chat',
      urgent: true,
      key: 'rooms',
      testid: 'breakouts-said',
      ms: 15_000,
    });
  }
  if (m.what === 'orphan') {
    toast(t('breakouts.orphan', words), { icon: 'info', urgent: true, key: 'rooms', ms: 15_000 });
  }
}

/** @param {CallContext} context @param {'asked'|'closed'} what @param {Poll} poll */
function tellPoll({ ui }, what, poll) {
  const text = t(`polls.news.${what}`, { name: poll.name, question: poll.ask.q });
  if (ui.get().panel === 'polls') return announce(text);
  const act = () => ui.set((u) => ({ ...u, panel: 'polls' }));
  const label = t(what === 'asked' ? 'polls.vote' : 'polls.results');
  toast(text, {
    icon: 'chart',
    key: 'poll',
    ms: 20_000,
    testid: 'toast-poll',
    actions: [{ label, act, primary: true }],
  });
}

/**
 * @param {CallContext} context
 * @param {{by: number, sources: string[]}} m a request, never an act: the person answers it
 */
function askUnmute({ call, verbs }, m) {
  const name = nameOf(call.store.get().state, m.by);
  const { local } = call;
  const called = call.store.get().state.called && m.sources.includes('mic');
  if (called && local.store.get().micOn) {
    toast(t('news.called', { name }), { icon: 'hand', urgent: true, key: 'called', testid: 'called' });
  }
  for (const source of /** @type {const} */ (['mic', 'camera', 'screen'])) {
    const on = {
      mic: local.store.get().micOn,
      camera: Boolean(local.store.get().camera),
      screen: Boolean(local.store.get().screen),
    }[source];
    if (!m.sources.includes(source) || on) continue;
    toast(t(called && source === 'mic' ? 'news.called' : `news.ask.${source}`, { name }), {
      icon: source,
      urgent: true,
      testid: 'ask-unmute',
      key: `ask-${source}`,
      ms: 30_000,
      actions: [
        {
          label: t(source === 'mic' ? 'call.mic.off' : source === 'camera' ? 'call.camera.off' : 'call.screen.off'),
          primary: true,
          testid: `accept-${source}`,
          act: verbs[source],
        },
      ],
    });
  }
}

/** @param {CallContext} context @param {{notice: string, in_s: number}} m */
function tellNotice({ call }, m) {
  if (m.notice === 'expiring') {
    return void toast(t('call.expiring', { n: Math.max(1, Math.round(m.in_s / 60)) }), {
      icon: 'clock',
      urgent: true,
      ms: 15_000,
      key: 'expiring',
    });
  }
  if (m.notice === 'restarting') {
    return void toast(t('call.restarting', { n: m.in_s }), {
      icon: 'warn',
      urgent: true,
      ms: m.in_s * 1000,
      key: 'restarting',
      testid: 'restarting',
    });
  }
  if (m.notice === 'audit_stopped') {
    return void toast(t('audit.stopped'), { icon: 'warn', urgent: true, ms: 0, key: 'audit', testid: 'audit-stopped' });
  }
  if (m.notice === 'audit_resumed') return void toast(t('audit.resumed'), { icon: 'check', key: 'audit' });
  if (m.notice === 'idle') {
    toast(t('call.idle', { n: m.in_s }), {
      icon: 'clock',
      urgent: true,
      key: 'idle',
      ms: m.in_s * 1000,
      actions: [
        { label: t('call.idle.here'), primary: true, testid: 'still-here', act: () => void call.request('active', {}) },
      ],
    });
  }
}
