// Banners over the stage while something is wrong or lasting: reconnecting, blocked sound, the person's own screen
// share.
/** @import {CallContext} from '../context.js' */
import { h, fill, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { alertNow } from '../../ui/live.js';
import { t } from '../../i18n/i18n.js';
import { tellIn } from '../../core/reconnect.js';
import { securityBanners } from '../security/alerts.js';

/** A first connection that takes longer than this is told. */
const CONNECTING_MS = 1200;
const STEPS = /** @type {const} */ (['resume', 'ice_restart', 'new_connection', 'rejoin']);

/** @param {CallContext} context @returns {HTMLElement} */
export function banners(context) {
  const { call, cleanup } = context;
  const ladder = h('div', { class: 'banner ladder', hidden: true, role: 'status', 'data-testid': 'ladder' });
  const sound = h(
    'div',
    { class: 'banner', hidden: true, 'data-testid': 'sound-blocked' },
    icon('sound'),
    h('span', null, t('call.sound.blocked')),
    h(
      'button',
      { class: 'button small primary', type: 'button', onclick: () => void call.sinks.unblock() },
      t('call.sound.start'),
    ),
  );
  const talking = h(
    'div',
    { class: 'banner', hidden: true, role: 'status', 'data-testid': 'muted-talking' },
    icon('micOff'),
    h('span', null, t('call.muted.talking')),
    h(
      'button',
      { class: 'button small primary', type: 'button', onclick: () => context.verbs.mic() },
      t('call.mic.off'),
    ),
  );
  const [micGone, cameraGone] = /** @type {const} */ (['mic', 'camera']).map((what) =>
    h(
      'div',
      { class: 'banner', hidden: true, role: 'status', 'data-testid': `interrupted-${what}` },
      icon(what === 'mic' ? 'micOff' : 'cameraOff'),
      h('span', null, t(`call.interrupted.${what}`)),
      h(
        'button',
        {
          class: 'button small primary',
          type: 'button',
          'data-testid': `restart-${what}`,
          onclick: () => void call.local.restart(what).catch(() => {}),
        },
        t('call.restart'),
      ),
    ),
  );
  const hint = h('span');
  const sharing = h(
    'div',
    { class: 'banner lasting', hidden: true, 'data-testid': 'sharing' },
    icon('screen'),
    h('span', null, t('call.sharing')),
    h(
      'button',
      {
        class: 'button small',
        type: 'button',
        'data-testid': 'screen-hint',
        onclick: () => call.local.setScreenHint(call.local.store.get().screenHint === 'motion' ? 'detail' : 'motion'),
      },
      hint,
    ),
    h('button', { class: 'button small', type: 'button', onclick: () => context.verbs.screen() }, t('call.screen.on')),
  );
  const connecting = h(
    'div',
    { class: 'banner', hidden: true, role: 'status', 'data-testid': 'connecting' },
    h('span', { class: 'spinner', 'aria-hidden': 'true' }),
    h('span', null, t('call.connecting')),
  );
  const patience = setTimeout(() => {
    cleanup(
      call.store.watch(
        (p) => p.phases.media === 0 && p.ladder.step === 'ok',
        (on) => setHidden(connecting, !on),
      ),
    );
  }, CONNECTING_MS);
  cleanup(() => clearTimeout(patience));
  let timer = 0;
  cleanup(
    call.store.watch(
      (p) => p.ladder,
      (now) => {
        clearTimeout(timer);
        const wait = tellIn(now, performance.now());
        if (wait === Infinity) setHidden(ladder, true);
        else timer = window.setTimeout(() => showLadder(context, ladder, now.step), wait);
      },
    ),
  );
  cleanup(() => clearTimeout(timer));
  cleanup(
    call.store.watch(
      (p) => p.soundBlocked,
      (blocked) => setHidden(sound, !blocked),
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => l.mutedTalking,
      (on) => setHidden(talking, !on),
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => l.micInterrupted,
      (on) => setHidden(micGone, !on),
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => l.cameraInterrupted,
      (on) => setHidden(cameraGone, !on),
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => l.screenHint,
      (now) => setText(hint, t(now === 'motion' ? 'call.sharing.detail' : 'call.sharing.motion')),
    ),
  );
  cleanup(
    call.local.store.watch(
      (l) => Boolean(l.screen),
      (on) => setHidden(sharing, !on),
    ),
  );
  return h(
    'div',
    { class: 'banners' },
    securityBanners(context),
    ladder,
    connecting,
    sound,
    micGone,
    cameraGone,
    sharing,
    talking,
  );
}

/** @param {CallContext} context @param {HTMLElement} el @param {string} step */
function showLadder({ call }, el, step) {
  const told = !el.hidden;
  setHidden(el, false);
  if (told && el.dataset.step === step) return;
  const at = STEPS.indexOf(/** @type {any} */ (step));
  const text = t(step === 'failed' ? 'ladder.failed' : 'reconnecting');
  el.dataset.step = step;
  if (!told || step === 'failed') alertNow(text);
  if (step === 'failed') {
    fill(
      el,
      icon('warn'),
      h('div', { class: 'ladder-text' }, h('strong', null, text), h('p', null, t('ladder.failed.text'))),
      h(
        'button',
        { class: 'button small primary', type: 'button', 'data-testid': 'ladder-retry', onclick: () => call.retry() },
        t('retry'),
      ),
      h('button', { class: 'button small', type: 'button', onclick: () => call.leave() }, t('call.leave')),
    );
    return;
  }
  fill(
    el,
    h('span', { class: 'spinner', 'aria-hidden': 'true' }),
    h(
      'div',
      { class: 'ladder-text' },
      text,
      h(
        'span',
        { class: 'ladder-steps', 'aria-hidden': 'true' },
        STEPS.map((_, i) => h('i', { class: i < at ? 'done' : i === at ? 'now' : '' })),
      ),
    ),
  );
}
