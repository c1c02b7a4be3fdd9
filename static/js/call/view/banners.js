// Banners over the stage while something is wrong or lasting: reconnecting, blocked sound, the person's own screen
// share.
/** @import {CallContext} from '../context.js' */
/** @import {Local} from '../localmedia.js' */
/** @import {Child} from '../../ui/dom.js' */
/** @import {IconName} from '../../ui/icons.js' */
/** @import {Presence} from '../call.js' */
/** @import {Ladder, Step} from '../../core/reconnect.js' */
import { h, fill, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { alertNow } from '../../ui/live.js';
import { has, list, t } from '../../i18n/i18n.js';
import { tellIn } from '../../core/reconnect.js';
import { serverBusy } from '../../core/state.js';
import { securityBanners } from '../security/alerts.js';

/** A first connection that takes longer than this is told. */
const CONNECTING_MS = 300;
const STEPS = /** @type {const} */ (['resume', 'ice_restart', 'new_connection', 'rejoin']);

/** @param {CallContext} context @returns {HTMLElement} */
export function banners(context) {
  const { call, cleanup, verbs } = context;
  /** @param {HTMLElement} el @param {(l: Local) => boolean} on @returns {HTMLElement} shown while it is so */
  const during = (el, on) => {
    cleanup(call.local.store.watch(on, (now) => setHidden(el, !now)));
    return el;
  };
  const interrupted = (/** @type {'mic'|'camera'} */ what) => {
    const restart = () => void call.local.restart(what).catch(() => {});
    const button = action(t('call.restart'), restart, { testid: `restart-${what}` });
    return banner(
      `interrupted-${what}`,
      what === 'mic' ? 'micOff' : 'cameraOff',
      t(`call.interrupted.${what}`),
      button,
    );
  };
  const unmute = action(t('call.mic.off'), () => verbs.mic());
  return h('div', { class: 'banners' }, [
    ...securityBanners(context),
    ladder(context),
    connecting(context),
    soundBlocked(context),
    busy(context),
    during(interrupted('mic'), (l) => l.micInterrupted),
    during(interrupted('camera'), (l) => l.cameraInterrupted),
    during(sharing(context), (l) => Boolean(l.screen)),
    during(banner('muted-talking', 'micOff', t('call.muted.talking'), unmute), (l) => l.mutedTalking),
  ]);
}

/** @param {string} testid @param {IconName} name @param {string} text @param {...HTMLElement} buttons */
const banner = (testid, name, text, ...buttons) =>
  h(
    'div',
    { class: 'banner', hidden: true, role: 'status', 'data-testid': testid },
    icon(name),
    h('span', null, text),
    buttons,
  );

/** @param {Child} label @param {() => void} act @param {{primary?: boolean, testid?: string}} [o] */
const action = (label, act, { primary = true, testid } = {}) =>
  h(
    'button',
    { class: `button small${primary ? ' primary' : ''}`, type: 'button', 'data-testid': testid, onclick: act },
    label,
  );

/** @param {CallContext} context @returns {HTMLElement} */
function soundBlocked({ call, cleanup }) {
  const start = action(t('call.sound.start'), () => void call.sinks.unblock());
  const el = banner('sound-blocked', 'sound', t('call.sound.blocked'), start);
  cleanup(
    call.store.watch(
      (p) => p.soundBlocked,
      (blocked) => setHidden(el, !blocked),
    ),
  );
  return el;
}

/** @param {CallContext} context @returns {HTMLElement} while the server is too busy for all pictures */
function busy({ call, cleanup }) {
  const el = banner('server-busy', 'warn', t('call.busy'));
  cleanup(
    call.store.watch(
      (p) => serverBusy(p.state),
      (now) => setHidden(el, !now),
    ),
  );
  return el;
}

/** @param {CallContext} context @returns {HTMLElement} what others see while the screen is shared; covers no tile */
function sharing({ call, cleanup, verbs }) {
  const { store } = call.local;
  const hint = h('span');
  const other = () => call.local.setScreenHint(store.get().screenHint === 'motion' ? 'detail' : 'motion');
  cleanup(
    store.watch(
      (l) => l.screenHint,
      (now) => setText(hint, t(now === 'motion' ? 'call.sharing.detail' : 'call.sharing.motion')),
    ),
  );
  const el = banner(
    'sharing',
    'screen',
    t('call.sharing'),
    action(hint, other, { primary: false, testid: 'screen-hint' }),
    action(t('call.screen.on'), () => verbs.screen(), { primary: false }),
  );
  const preview = h('span', { class: 'share-preview', 'aria-hidden': 'true', 'data-testid': 'share-preview' });
  cleanup(
    store.watch(
      (l) => l.screen,
      (screen) => fill(preview, screen && picture(screen)),
    ),
  );
  el.firstElementChild?.replaceWith(preview);
  el.classList.add('lasting');
  return el;
}

/** @param {MediaStreamTrack} screen @returns {HTMLVideoElement} there only while it is shared: elements are few */
function picture(screen) {
  const video = h('video', { autoplay: true, muted: true, playsinline: true, disablepictureinpicture: true });
  video.srcObject = new MediaStream([screen]);
  return video;
}

/** @param {CallContext} context @returns {HTMLElement} while the first connection takes its time */
function connecting({ call, cleanup }) {
  const el = h(
    'div',
    { class: 'banner', hidden: true, role: 'status', 'data-testid': 'connecting' },
    h('span', { class: 'spinner', 'aria-hidden': 'true' }),
    h('span', null, t('call.connecting')),
  );
  const patience = setTimeout(() => {
    cleanup(
      call.store.watch(
        (p) => !p.ladder.seen && p.ladder.step === 'ok',
        (on) => setHidden(el, !on),
      ),
    );
  }, CONNECTING_MS);
  cleanup(() => clearTimeout(patience));
  return el;
}

/** @param {CallContext} context @returns {HTMLElement} */
function ladder(context) {
  const { call, cleanup } = context;
  const el = h('div', { class: 'banner ladder', hidden: true, role: 'status', 'data-testid': 'ladder' });
  let timer = 0;
  cleanup(
    call.store.watch(
      (p) => p.ladder,
      (now) => {
        clearTimeout(timer);
        const wait = tellIn(now, call.ladderTime());
        if (wait === Infinity) setHidden(el, true);
        else timer = window.setTimeout(() => showLadder(context, el, now), wait);
      },
    ),
  );
  cleanup(() => clearTimeout(timer));
  return el;
}

/** @param {CallContext} context @param {HTMLElement} el @param {Ladder} now */
function showLadder({ call }, el, now) {
  const told = !el.hidden;
  const { step, seen, blocked } = now;
  setHidden(el, false);
  if (told && el.dataset.step === step) return;
  const failed = step === 'failed';
  const title = t(blocked ? 'blocked.title' : failed ? 'ladder.failed' : seen ? 'reconnecting' : 'call.connecting');
  el.dataset.step = step;
  if (!told || failed) alertNow(title);
  const mark = failed ? icon('warn') : h('span', { class: 'spinner', 'aria-hidden': 'true' });
  if (!blocked && !failed) return fill(el, mark, h('div', { class: 'ladder-text' }, title, ladderSteps(step)));
  const text = blocked ? blockedText(call.store.get()) : t('ladder.failed.text');
  fill(
    el,
    mark,
    h('div', { class: 'ladder-text' }, h('strong', null, title), h('p', null, text)),
    failed && action(t('retry'), () => call.retry(), { testid: 'ladder-retry' }),
    checkLink(),
    failed && action(t('call.leave'), () => call.leave(), { primary: false }),
  );
}

/** @param {Step} step @returns {HTMLElement} */
function ladderSteps(step) {
  const at = STEPS.indexOf(/** @type {any} */ (step));
  const marks = STEPS.map((_, i) => h('i', { class: i < at ? 'done' : i === at ? 'now' : '' }));
  return h('span', { class: 'ladder-steps', 'aria-hidden': 'true' }, marks);
}

/** @param {Presence} p @returns {string} why, as far as the server knows, and what to ask for */
function blockedText({ ports, failure }) {
  const key = `blocked.${failure}`;
  return t(has(key) ? key : 'blocked.text', { port: list(ports.map(String)) || '443', host: location.hostname });
}

/** @returns {HTMLElement} opens beside the call, which goes on */
const checkLink = () =>
  h(
    'a',
    { class: 'button small', href: '/check', target: '_blank', rel: 'noopener', 'data-testid': 'ladder-check' },
    t('blocked.check'),
  );
