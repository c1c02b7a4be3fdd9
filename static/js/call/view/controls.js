// The bar of controls, and the verbs behind it, which keys and menus share.
/** @import {CallContext} from '../context.js' */
/** @import {Command} from '../../core/keymap.js' */
/** @import {IconName} from '../../ui/icons.js' */
import { h, attr, fill, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { openMenu } from '../../ui/menu.js';
import { ask } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';
import { announce } from '../../ui/live.js';
import { shallow } from '../../ui/store.js';
import { remember } from '../../ui/settings.js';
import { t } from '../../i18n/i18n.js';
import { may, unread } from '../../core/state.js';
import { canShareScreen, DeviceError } from '../../media/devices.js';
import { REACTIONS, reactionLabel } from '../../ui/reactions.js';
import { timerDialog } from './countdown.js';
import { canFloat, float } from './float.js';
import { isConfidential } from '../security/confidential.js';
import { lazily } from '../../ui/lazy.js';

/** What fetches the settings and the sheet of shortcuts. */
export const settings = () => import('../panels/settings.js');

const deviceMenus = () => import('../panels/devicemenu.js');

/** @param {CallContext} context @returns {{el: HTMLElement, verbs: Record<Command, () => void>}} */
export function controls(context) {
  const verbs = makeVerbs(context);
  const b = {
    mic: control('mic', verbs.mic),
    camera: control('camera', verbs.camera),
    screen: control('screen', verbs.screen),
    hand: control('hand', verbs.hand),
    react: control('react', verbs.react),
    people: control('people', verbs.people),
    chat: control('chat', verbs.chat),
    more: control('more', () => moreMenu(context, b.more)),
    leave: control('leave', () => void leave(context, b.leave)),
  };
  verbs.react = () => reactMenu(context, b.react);
  b.react.addEventListener('click', () => verbs.react());
  for (const menu of [b.more, b.react]) attr(menu, 'aria-haspopup', 'menu');
  watch(context, b);
  const el = h(
    'div',
    { class: 'bar', role: 'toolbar', 'aria-label': t('call.controls') },
    h('div', { class: 'bar-side' }, b.people, b.chat),
    h(
      'div',
      { class: 'bar-middle' },
      h('div', { class: 'control-pair' }, b.mic, choose(context, 'mic')),
      h('div', { class: 'control-pair' }, b.camera, choose(context, 'camera')),
      b.screen,
      b.hand,
      b.react,
      b.more,
    ),
    h('div', { class: 'bar-side end' }, b.leave),
  );
  return { el: h('footer', null, el), verbs };
}

/** @param {CallContext} context @param {'mic'|'camera'} what @returns {HTMLElement} opens the list of such devices */
function choose(context, what) {
  const button = h(
    'button',
    {
      class: 'control-more',
      type: 'button',
      'aria-haspopup': 'menu',
      'aria-label': t(`device.${what}`),
      title: t(`device.${what}`),
      'data-testid': `${what}-menu`,
      onclick: async () => void (await lazily(deviceMenus))?.deviceMenu(context.call.local, what, button),
    },
    icon('down'),
  );
  return button;
}

/** @typedef {'mic'|'camera'|'screen'|'hand'|'react'|'people'|'chat'|'more'|'leave'} ControlName */

/** @param {ControlName} name @param {() => void} act @returns {HTMLButtonElement} */
function control(name, act) {
  return h(
    'button',
    { class: `control c-${name}`, type: 'button', 'data-testid': name, onclick: name === 'react' ? null : act },
    h('span', { class: 'control-icon' }, icon(name)),
    h('span', { class: 'control-label' }, t(`call.${name}`)),
    h('span', { class: 'badge count', 'aria-hidden': 'true', hidden: true }),
    h('span', { class: 'visually-hidden badge-words' }),
  );
}

/**
 * A toggle keeps its name and changes its state, as screen readers expect; what a press will do is in the tip.
 * @param {HTMLElement} b @param {boolean} on @param {IconName} name @param {string} tip @param {boolean} pressable
 */
function paint(b, on, name, tip, pressable = true) {
  const holder = /** @type {HTMLElement} */ (b.querySelector('.control-icon'));
  if (holder.dataset.icon !== name) {
    holder.dataset.icon = name;
    fill(holder, icon(name));
  }
  attr(b, 'title', tip);
  if (pressable) attr(b, 'aria-pressed', String(on));
}

/** @param {HTMLElement} b its name is what is written on it, and then this @param {number} n @param {string} label */
function badge(b, n, label) {
  const el = /** @type {HTMLElement} */ (b.querySelector('.badge'));
  setHidden(el, n === 0);
  setText(el, n > 99 ? '99+' : String(n));
  setText(/** @type {Element} */ (b.querySelector('.badge-words')), n > 0 ? `, ${label}` : '');
}

/** @param {CallContext} context @param {Record<ControlName, HTMLButtonElement>} b */
function watch({ call, ui, cleanup }, b) {
  cleanup(
    call.local.store.watch(
      (l) => ({ mic: l.micOn, camera: Boolean(l.camera), screen: Boolean(l.screen), busy: l.busy }),
      (l) => {
        paint(b.mic, l.mic, l.mic ? 'mic' : 'micOff', t(l.mic ? 'call.mic.on' : 'call.mic.off'));
        paint(
          b.camera,
          l.camera,
          l.camera ? 'camera' : 'cameraOff',
          t(l.camera ? 'call.camera.on' : 'call.camera.off'),
        );
        paint(
          b.screen,
          l.screen,
          l.screen ? 'screenStop' : 'screen',
          t(l.screen ? 'call.screen.on' : 'call.screen.off'),
        );
        for (const what of /** @type {const} */ (['mic', 'camera', 'screen'])) {
          attr(b[what], 'aria-busy', l.busy === what ? 'true' : null);
        }
      },
      shallow,
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => l.level,
      (level) => b.mic.style.setProperty('--level', level.toFixed(2)),
    ),
  );
  cleanup(
    call.store.watch(
      (p) => p.state,
      (s) => {
        paint(b.hand, s.hand > 0, 'hand', t(s.hand > 0 ? 'call.hand.lower' : 'call.hand.raise'));
        badge(b.hand, s.hand, t('hands.place', { n: s.hand }));
        b.mic.disabled = !may(s, 'publish_mic');
        b.camera.disabled = !may(s, 'publish_camera');
        setHidden(b.screen, !may(s, 'publish_screen') || !canShareScreen());
        setHidden(b.chat, Boolean(s.meeting?.no_chat));
        badge(b.chat, unread(s), t('call.unread', { n: unread(s) }));
        setText(
          /** @type {Element} */ (b.people.querySelector('.control-label')),
          `${t('call.people')} ${s.people.size + 1}`,
        );
        // On a narrow screen, People is in the menu More.
        for (const el of [b.people, b.more]) badge(el, s.waiting.length, t('call.waiting', { n: s.waiting.length }));
      },
    ),
  );
  cleanup(
    ui.watch(
      (u) => u.panel,
      (panel) => {
        paint(b.chat, panel === 'chat', 'chat', t('call.chat'));
        paint(b.people, panel === 'people', 'people', t('call.people'));
      },
    ),
  );
  paint(b.more, false, 'more', t('call.more'), false);
  paint(b.react, false, 'react', t('call.react'), false);
  paint(b.leave, false, 'leave', t('call.leave'), false);
}

/** @param {CallContext} context @returns {Record<Command, () => void>} */
function makeVerbs(context) {
  const { call, ui } = context;
  const { local } = call;
  const run = (/** @type {Promise<void>} */ doing) =>
    void doing.catch((err) =>
      toast(err instanceof DeviceError ? t(err.key) : t('device.failed'), {
        icon: 'warn',
        urgent: true,
        key: 'device',
        ms: 9000,
      }),
    );
  const mic = () => {
    const on = !local.store.get().micOn;
    if (!may(call.store.get().state, 'publish_mic')) return;
    remember({ mic: on });
    announce(t(on ? 'news.self.unmuted' : 'news.self.muted'));
    run(local.setMic(on));
  };
  const camera = () => {
    const on = !local.store.get().camera;
    if (!may(call.store.get().state, 'publish_camera')) return;
    remember({ camera: on });
    run(local.setCamera(on));
  };
  const toPanel = (/** @type {'chat'|'people'|'stats'} */ name) => () =>
    ui.set((u) => ({ ...u, panel: u.panel === name ? '' : name }));
  return {
    mic,
    camera,
    screen: () => {
      if (may(call.store.get().state, 'publish_screen')) run(local.setScreen(!local.store.get().screen));
    },
    hand: () => void call.request('hand', { raised: call.store.get().state.hand === 0 }),
    react: () => {},
    chat: () => {
      if (!call.store.get().state.meeting?.no_chat) toPanel('chat')();
    },
    people: toPanel('people'),
    stats: toPanel('stats'),
    layout: () => setMode(context, { auto: 'grid', grid: 'speaker', speaker: 'auto' }[ui.get().mode]),
    help: async () => (await lazily(settings))?.shortcutSheet(context),
    next: () => context.stage.flip(1),
    previous: () => context.stage.flip(-1),
    talk: () => {
      if (!local.store.get().micOn && may(call.store.get().state, 'publish_mic')) {
        local.held = true;
        run(local.setMic(true));
      }
    },
    talk_end: () => {
      if (!local.held) return;
      local.held = false;
      run(local.setMic(false));
    },
  };
}

/** @param {CallContext} context @param {string} mode */
function setMode({ ui }, mode) {
  const to = /** @type {'auto'|'grid'|'speaker'} */ (mode);
  remember({ mode: to });
  ui.set((u) => ({ ...u, mode: to, pin: '', page: 0 }));
  announce(`${t('call.layout')}: ${t(`layout.${to}`)}`);
}

/** @param {CallContext} context @param {HTMLElement} anchor */
function reactMenu({ call }, anchor) {
  openMenu(
    anchor,
    REACTIONS.map((r) => ({
      label: r.glyph,
      name: reactionLabel(r.id),
      testid: `react-${r.id}`,
      act: () => void call.request('react', { reaction: r.id }),
    })),
    t('call.react'),
    'react-menu',
    { look: 'react-row' },
  );
}

/** @param {CallContext} context @param {HTMLElement} anchor */
function moreMenu(context, anchor) {
  const { ui, call, verbs } = context;
  const { mode } = ui.get();
  const s = call.store.get().state;
  // A phone, upright or on its side: as in css/call.css.
  const narrow = matchMedia('(max-width: 39.99rem), (max-height: 28rem) and (max-width: 61.99rem)').matches;
  const touch = matchMedia('(hover: none) and (pointer: coarse)').matches;
  const sharing = Boolean(call.local.store.get().screen);
  openMenu(
    anchor,
    [
      narrow && {
        label: `${t('call.people')} ${s.people.size + 1}`,
        icon: 'people',
        act: verbs.people,
        first: true,
        testid: 'sheet-people',
      },
      narrow && {
        label: t(s.hand > 0 ? 'call.hand.lower' : 'call.hand.raise'),
        icon: 'hand',
        hint: s.hand > 0 ? String(s.hand) : '',
        act: verbs.hand,
        first: true,
        testid: 'sheet-hand',
      },
      narrow && {
        label: t('call.react'),
        icon: 'react',
        act: () => reactMenu(context, anchor),
        first: true,
        testid: 'sheet-react',
      },
      narrow &&
        may(s, 'publish_screen') &&
        canShareScreen() && {
          label: t(sharing ? 'call.screen.on' : 'call.screen.off'),
          icon: sharing ? 'screenStop' : 'screen',
          act: verbs.screen,
          first: true,
          testid: 'sheet-screen',
        },
      .../** @type {const} */ (['auto', 'grid', 'speaker']).map((m) => ({
        label: `${t('call.layout')}: ${t(`layout.${m}`)}`,
        checked: mode === m,
        act: () => setMode(context, m),
        testid: `layout-${m}`,
      })),
      { label: t('call.info'), icon: 'info', act: () => ui.set((u) => ({ ...u, panel: 'info' })), testid: 'open-info' },
      !s.meeting?.no_chat && {
        label: t('polls.title'),
        icon: 'chart',
        act: () => ui.set((u) => ({ ...u, panel: 'polls' })),
        testid: 'open-polls',
      },
      mayOpenBreakouts(context) && {
        label: t('breakouts.title'),
        icon: 'grid',
        act: () => ui.set((u) => ({ ...u, panel: 'breakouts' })),
        testid: 'open-breakouts',
      },
      may(s, 'spotlight') && {
        label: t('timer.open'),
        icon: 'clock',
        act: () => void lazily(timerDialog).then((m) => m?.timerDialog(context)),
        testid: 'open-timer',
      },
      { label: t('call.stats'), icon: 'chart', act: verbs.stats, hint: touch ? '' : 'I', testid: 'open-stats' },
      // The small window has no watermark, and is no place for the question before the first word.
      canFloat() &&
        !isConfidential(context) && {
          label: t('call.float'),
          icon: 'layout',
          act: () => void floatOrSay(context),
          testid: 'float',
        },
      document.fullscreenEnabled && { label: t('call.fullscreen'), icon: 'full', act: () => void toggleFullscreen() },
      !touch && { label: t('call.shortcuts'), icon: 'keyboard', act: verbs.help, hint: '?', testid: 'open-shortcuts' },
      {
        label: t('call.settings'),
        icon: 'settings',
        act: async () => (await lazily(settings))?.settingsDialog(context),
        testid: 'open-settings',
      },
    ],
    t('call.more'),
    'more-menu',
    narrow ? { look: 'sheet' } : {},
  );
}

/** @param {CallContext} context @returns {boolean} in a room too: they are those of its meeting */
function mayOpenBreakouts({ app, call, visit }) {
  const s = (visit?.main ?? call).store.get().state;
  return may(s, 'end') && !s.meeting?.confidential && app.session?.can_host === true;
}

/** @param {CallContext} context */
async function floatOrSay(context) {
  await float(context).catch(() => toast(t('call.float.failed'), { icon: 'warn', key: 'float' }));
}

async function toggleFullscreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen().catch(() => {});
}

/** @param {CallContext} context @param {HTMLElement} anchor */
async function leave({ call, visit }, anchor) {
  if (visit) {
    return openMenu(
      anchor,
      [
        { label: t('breakouts.back'), icon: 'door', act: visit.back, testid: 'leave-breakout' },
        { label: t('breakouts.leave'), icon: 'close', act: visit.leave, testid: 'leave-all', danger: true },
      ],
      t('call.leave'),
    );
  }
  if (!may(call.store.get().state, 'end')) return call.leave();
  openMenu(
    anchor,
    [
      { label: t('call.leave.only'), icon: 'door', act: () => call.leave(), testid: 'leave-only' },
      {
        label: t('call.end'),
        icon: 'close',
        danger: true,
        testid: 'end-for-all',
        act: async () => {
          if (await ask(t('call.end.title'), t('call.end.text'), t('call.end'), { danger: true })) {
            await call.request('end', {});
          }
        },
      },
    ],
    t('call.leave'),
  );
}
