// Before joining: see and hear oneself, choose devices and a name. Nothing is captured before the person says so, and
// nothing leaves the device before they join.
/** @import {App, Screen} from '../main.js' */
/** @import {MeetingInfo} from '../core/types.js' */
/** @import {LocalMedia} from '../call/localmedia.js' */
import { h, fill, attr, setText, setHidden, setBusy } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { field, check } from '../ui/field.js';
import { toast } from '../ui/toast.js';
import { choices, remember, rememberedName, rememberName } from '../ui/settings.js';
import { t, timeOfDay } from '../i18n/i18n.js';
import { nameProblem, suggestName, initials, MAX_NAME, MAX_PASSWORD } from '../core/text.js';
import * as devices from '../media/devices.js';
import { showDevicePickers } from '../call/panels/devices.js';
import { confidentialNotice, protection } from '../call/security/summary.js';
import { shell } from './shell.js';

/**
 * @typedef {object} PrejoinOptions
 * @property {MeetingInfo} info
 * @property {LocalMedia} local
 * @property {(name: string, password: string, o: {instead: boolean}) => Promise<string>} join resolves to what went
 *   wrong, in words; empty when it went well. instead: of this browser's other page, which leaves once this one is in
 * @property {string} [problem] what went wrong before, in words
 */

/**
 * @param {App} app @param {PrejoinOptions} o
 * @returns {Screen & {found: (name: string) => void}} found: another page of this browser is in the meeting, by this
 *   name
 */
export function prejoin(app, o) {
  const stop = new AbortController();
  const title = o.info.title || t('prejoin.untitled');
  const entry = form(app, o, title, stop.signal);
  const el = shell(
    app,
    h(
      'div',
      { class: 'prejoin', 'data-testid': 'prejoin' },
      preview(o.local, stop.signal),
      entry.el,
      pickers(o.local, stop.signal),
    ),
  );
  return { el, title, destroy: () => stop.abort(), found: entry.found };
}

/** @param {LocalMedia} local offers, to who came back, what they had on */
export function offerDevices(local) {
  const { mic, camera } = choices();
  const start = () =>
    mic && camera ? local.both() : Promise.all([mic && local.setMic(true), camera && local.setCamera(true)]);
  const failed = (/** @type {unknown} */ err) =>
    void toast(t(err instanceof devices.DeviceError ? err.key : 'device.failed'), {
      icon: 'warn',
      urgent: true,
      key: 'device',
      ms: 9000,
    });
  toast(t('prejoin.back'), {
    icon: 'info',
    key: 'back',
    testid: 'back',
    actions:
      mic || camera
        ? [{ label: t('prejoin.back.on'), primary: true, act: () => void Promise.resolve(start()).catch(failed) }]
        : [],
  });
}

/** @param {LocalMedia} local @param {AbortSignal} signal @returns {HTMLElement} */
function preview(local, signal) {
  const video = h('video', {
    class: 'preview-video',
    disablepictureinpicture: true,
    autoplay: true,
    playsinline: true,
    muted: true,
    'data-testid': 'preview-video',
  });
  const problem = h('p', { class: 'preview-problem', role: 'alert', hidden: true, 'data-testid': 'device-problem' });
  // What they had on last time is suggested, and never switched on without a click in this visit.
  const last = choices();
  const suggested =
    last.mic === last.camera
      ? { label: /** @type {const} */ ('prejoin.enable'), act: () => both() }
      : last.mic
        ? { label: /** @type {const} */ ('prejoin.enable.mic'), act: () => run(() => local.setMic(true)) }
        : { label: /** @type {const} */ ('prejoin.enable.camera'), act: () => run(() => local.setCamera(true)) };
  const empty = h(
    'div',
    { class: 'preview-empty' },
    h('span', { class: 'preview-off' }, icon('cameraOff')),
    h('p', { class: 'preview-words' }, t('prejoin.preview')),
  );
  const enable = h(
    'button',
    { class: 'button primary', type: 'button', 'data-testid': 'enable-devices', onclick: () => void suggested.act() },
    t(suggested.label),
  );
  empty.append(enable);
  const meter = h(
    'div',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': t('prejoin.level'),
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-valuenow': '0',
      'data-testid': 'level',
    },
    h('span', { class: 'meter-bar' }),
  );
  const silent = h(
    'p',
    { class: 'hint', role: 'status', hidden: true, 'data-testid': 'level-silent' },
    icon('warn'),
    h('span', null, t('prejoin.level.silent')),
  );
  const consent = h('p', { class: 'muted small' });
  const run = async (/** @type {(() => Promise<void>)[]} */ ...acts) => {
    setHidden(problem, true);
    /** @type {string[]} */
    const keys = [];
    for (const act of acts) {
      await act().catch((err) => keys.push(err instanceof devices.DeviceError ? err.key : 'device.failed'));
    }
    fill(
      problem,
      together(keys).map((key) => h('span', null, t(key))),
    );
    setHidden(problem, keys.length === 0);
  };
  const both = async () => {
    setHidden(problem, true);
    remember({ mic: true, camera: true });
    // Where the two do not come together, each is asked for by itself, and its own problem is told.
    await local.both().catch(() =>
      run(
        () => local.setMic(true),
        () => local.setCamera(true),
      ),
    );
  };
  const mic = switchButton('mic', () =>
    run(async () => {
      remember({ mic: !local.store.get().micOn });
      await local.setMic(!local.store.get().micOn);
    }),
  );
  const camera = switchButton('camera', () =>
    run(async () => {
      remember({ camera: !local.store.get().camera });
      await local.setCamera(!local.store.get().camera);
    }),
  );
  const watches = watchPreview(local, { video, empty, enable, mic, camera, meter, silent, consent });
  signal.addEventListener('abort', () => {
    for (const w of watches) w();
    video.srcObject = null;
  });
  return h(
    'section',
    { class: 'preview-side', 'aria-label': t('prejoin.title') },
    h('div', { class: 'preview' }, video, empty, h('div', { class: 'preview-controls' }, mic, camera)),
    problem,
    h('div', { class: 'level-row' }, icon('mic'), meter),
    silent,
    consent,
  );
}

/**
 * @param {LocalMedia} local
 * @param {AbortSignal} signal
 * @returns {HTMLElement} which devices; below the form where there is little room
 */
function pickers(local, signal) {
  const el = h('div', { class: 'pickers' });
  const refresh = () => void showDevicePickers(el, local);
  // Names of devices come with the permission for one.
  const stops = [
    local.store.watch((l) => l.camera, refresh),
    local.store.watch((l) => l.micOn, refresh),
    devices.onChange(refresh),
  ];
  signal.addEventListener('abort', () => {
    for (const stop of stops) stop();
  });
  return el;
}

/** @param {readonly string[]} keys of what went wrong @returns {any[]} what is wrong with both in one sentence */
function together(keys) {
  const both = ['denied', 'missing'].find(
    (what) => keys.includes(`device.${what}.mic`) && keys.includes(`device.${what}.camera`),
  );
  return both ? [`device.${both}.both`] : [...keys];
}

/** @param {'mic'|'camera'} what @param {() => void} act @returns {HTMLButtonElement} */
function switchButton(what, act) {
  return h('button', { class: 'round', type: 'button', 'data-testid': what, 'aria-pressed': 'false', onclick: act });
}

/**
 * @param {LocalMedia} local
 * @param {{video: HTMLVideoElement, empty: HTMLElement, enable: HTMLElement, mic: HTMLButtonElement, camera:
 *   HTMLButtonElement, meter: HTMLElement, silent: HTMLElement, consent: HTMLElement}} el
 * @returns {(() => void)[]}
 */
function watchPreview(local, el) {
  const { store } = local;
  const paint = (/** @type {HTMLButtonElement} */ b, /** @type {boolean} */ on, /** @type {'mic'|'camera'} */ what) => {
    fill(b, icon(on ? what : what === 'mic' ? 'micOff' : 'cameraOff'));
    attr(b, 'aria-pressed', String(on));
    attr(b, 'aria-label', t(`device.${what}`));
    const [stop, begin] = /** @type {const} */ ({
      mic: ['call.mic.on', 'call.mic.off'],
      camera: ['call.camera.on', 'call.camera.off'],
    })[what];
    attr(b, 'title', t(on ? stop : begin));
    b.classList.toggle('off', !on);
  };
  return [
    store.watch(
      (l) => l.camera,
      (camera) => {
        el.video.srcObject = camera ? new MediaStream([camera]) : null;
        el.video.classList.toggle('mirrored', choices().mirror);
        setHidden(el.empty, Boolean(camera));
        paint(el.camera, Boolean(camera), 'camera');
      },
    ),
    store.watch(
      (l) => l.micOn,
      (on) => {
        paint(el.mic, on, 'mic');
        setHidden(el.enable, on);
      },
    ),
    store.watch(
      (l) => l.level,
      (level) => {
        const bar = /** @type {HTMLElement} */ (el.meter.firstElementChild);
        bar.style.transform = `scaleX(${level.toFixed(2)})`;
        attr(el.meter, 'aria-valuenow', String(Math.round(level * 100)));
      },
    ),
    store.watch(
      (l) => l.micOn || Boolean(l.camera),
      (on) => setText(el.consent, t(on ? 'prejoin.preview.on' : 'prejoin.preview.ask')),
    ),
    store.watch(
      (l) => l.silent,
      (silent) => setHidden(el.silent, !silent),
    ),
  ];
}

/** @param {LocalMedia} local @param {AbortSignal} signal @returns {HTMLElement} says that "Join" switches nothing on */
function unseen(local, signal) {
  const el = h('p', { class: 'muted small', role: 'status', 'data-testid': 'unseen' });
  const stop = local.store.watch(
    (l) => `${l.micOn ? '' : 'mic'}${l.camera ? '' : 'camera'}`,
    (off) => {
      setHidden(el, !off);
      if (off) setText(el, t(/** @type {any} */ (`prejoin.off.${off}`)));
    },
  );
  signal.addEventListener('abort', stop);
  return el;
}

/**
 * @param {App} app @param {PrejoinOptions} o @param {string} title @param {AbortSignal} signal
 * @returns {{el: HTMLElement, found: (name: string) => void}}
 */
function form(app, o, title, signal) {
  const { info } = o;
  const name = field(t('prejoin.name'), {
    type: 'text',
    dir: 'auto',
    autocomplete: 'name',
    value: app.name || rememberedName() || suggestName(app.session?.email ?? ''),
    maxlength: MAX_NAME * 2,
    'data-testid': 'name',
    oninput: () => {
      app.name = name.input.value; // so that it is still there in another language
    },
  });
  const password =
    info.password && !info.host
      ? field(t('prejoin.password'), {
          type: 'password',
          autocomplete: 'off',
          maxlength: MAX_PASSWORD,
          'data-testid': 'password',
        })
      : null;
  const guest = !app.session || app.session.guest;
  const remembers = check(t('prejoin.name.remember'), rememberedName() !== '', 'remember-name');
  const asks = info.lobby && !info.host;
  const button = h(
    'button',
    { class: 'button primary large wide', type: 'submit', 'data-testid': 'join', disabled: info.locked && !info.host },
    t(asks ? 'prejoin.ask' : 'prejoin.join'),
  );
  const error = h('p', { class: 'form-error', role: 'alert', 'data-testid': 'join-error', hidden: true });
  const elsewhere = h(
    'p',
    { class: 'hint note', role: 'status', hidden: true, 'data-testid': 'elsewhere' },
    icon('info'),
    h('span', null, t('prejoin.elsewhere')),
  );
  const label = () => setText(button, t(elsewhere.hidden ? (asks ? 'prejoin.ask' : 'prejoin.join') : 'prejoin.switch'));
  const submit = async () => {
    const wrong = nameProblem(name.input.value);
    name.fail(wrong ? t(`prejoin.name.${wrong}`) : '');
    if (wrong) return;
    if (password && !password.input.value) return password.fail(t('prejoin.password.empty'));
    password?.fail('');
    app.name = name.input.value.trim();
    rememberName(remembers.input.checked ? app.name : '');
    setBusy(button, true);
    setText(button, t('prejoin.joining'));
    const problem = await o.join(name.input.value.trim(), password?.input.value ?? '', { instead: !elsewhere.hidden });
    setText(error, problem);
    setHidden(error, !problem);
    if (problem) error.scrollIntoView({ block: 'nearest' });
    label();
    setBusy(button, false);
  };
  if (o.problem) {
    setText(error, o.problem);
    setHidden(error, false);
  }
  const el = h(
    'form',
    {
      class: 'prejoin-form',
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ e) => {
        e.preventDefault();
        void submit();
      },
    },
    h('p', { class: 'eyebrow' }, t('prejoin.title')),
    h('h1', { dir: 'auto', 'data-testid': 'meeting-title' }, title),
    h(
      'p',
      { class: 'muted' },
      info.host && `${t('prejoin.host')} `,
      info.participants > 0 ? t('prejoin.people', { n: info.participants }) : t('prejoin.people.none'),
      ' ',
      t('prejoin.ends', { time: timeOfDay(info.expires_at) }),
    ),
    elsewhere,
    h('div', { class: 'name-field' }, name.el, remembers.el),
    password?.el,
    error,
    info.locked && !info.host && h('p', { class: 'hint', role: 'status' }, icon('lock'), t('prejoin.locked')),
    button,
    unseen(o.local, signal),
    asks && !info.locked && h('p', { class: 'hint' }, icon('door'), t(guest ? 'prejoin.lobby.guest' : 'prejoin.lobby')),
    guest &&
      h(
        'button',
        { class: 'button quiet', type: 'button', 'data-testid': 'guest-signin', onclick: () => app.signIn() },
        t('guest.signin.instead'),
      ),
    info.confidential && confidentialNotice(),
    protection({ e2ee: info.e2ee, audited: app.config.audited }),
    app.config.operator && h('p', { class: 'muted small' }, t('home.operator', { operator: app.config.operator })),
  );
  const found = (/** @type {string} */ as) => {
    setHidden(elsewhere, false);
    if (!name.input.value.trim()) name.input.value = as;
    label();
  };
  return { el, found };
}

/** @param {string} name @returns {HTMLElement} an avatar, for the lobby */
export const avatar = (name) => h('span', { class: 'avatar hue-0', 'aria-hidden': 'true' }, initials(name));
