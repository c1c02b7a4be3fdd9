// A small window over other programs: one picture, with microphone, camera and leave. Where the browser has document
// picture-in-picture it is a page of ours; elsewhere it is the picture alone, with the browser's own buttons.
/** @import {CallContext} from '../context.js' */
/** @import {IconName} from '../../ui/icons.js' */
import { h, attr, fill, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { featured } from '../../core/tiles.js';

/** Document picture-in-picture is not in the types of the DOM yet. */
const api = () => /** @type {any} */ (window).documentPictureInPicture;

/** @returns {boolean} whether this browser can */
export const canFloat = () =>
  Boolean(api()) || (document.pictureInPictureEnabled && 'requestPictureInPicture' in HTMLVideoElement.prototype);

/** @param {CallContext} context opens the window, or closes the one that is open; call it from a click */
export async function float(context) {
  if (context.ui.get().floating) {
    api()?.window?.close();
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    return;
  }
  await (api() ? floatPage(context) : floatPicture(context));
}

/**
 * @param {CallContext} context @param {HTMLVideoElement} video
 * @param {(name: string, picture: boolean) => void} show
 * @returns {() => void} ends what follow began: the picture of who matters most, as long as the window is open
 */
function follow({ call, ui }, video, show) {
  const over = new AbortController();
  const look = () => {
    const { state } = call.store.get();
    const { participant, source } = featured(state);
    const slot = [...state.slots.values()].find((s) => s.participant === participant && s.source === source);
    const sends = state.people.get(participant)?.sources.includes(source);
    const tile = slot && sends ? call.sinks.video(slot.mid) : null;
    // A slot that changed hands may still carry the picture of its owner before.
    const stale = tile?.classList.contains('stale') ?? false;
    if (stale) tile?.addEventListener('revealed', look, { once: true, signal: over.signal });
    const now = (!stale && tile?.srcObject) || null;
    if (video.srcObject !== now) {
      video.srcObject = now;
      if (now) video.play().catch(() => {});
    }
    show(state.people.get(participant)?.name ?? t('call.alone'), Boolean(now));
  };
  ui.set((u) => ({ ...u, floating: true }));
  const stops = [call.store.watch((p) => p.state, look), call.store.watch((p) => p.mediaVersion, look)];
  return () => {
    over.abort();
    for (const stop of stops) stop();
    video.srcObject = null;
    ui.set((u) => ({ ...u, floating: false }));
  };
}

/** @param {CallContext} context */
async function floatPage(context) {
  const { call, verbs, cleanup } = context;
  const win = /** @type {Window} */ (await api().requestWindow({ width: 360, height: 260 }));
  if (call.store.get().state.phase !== 'joined') return win.close(); // over while the window opened
  const page = win.document;
  page.title = t('call.title');
  Object.assign(page.documentElement.dataset, document.documentElement.dataset);
  attr(page.documentElement, 'lang', document.documentElement.lang);
  attr(page.documentElement, 'dir', document.documentElement.dir);
  for (const link of /** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll('link[rel="stylesheet"]'))) {
    page.head.append(h('link', { rel: 'stylesheet', href: link.href }));
  }
  const video = h('video', { autoplay: true, playsinline: true, muted: true });
  const name = h('p', { class: 'float-name', dir: 'auto' });
  const button = (/** @type {'mic'|'camera'|'leave'} */ what, /** @type {() => void} */ act) =>
    h(
      'button',
      {
        class: `control c-${what}`,
        type: 'button',
        'aria-label': t(`call.${what}`),
        'data-testid': `float-${what}`,
        onclick: act,
      },
      icon(what),
    );
  const buttons = {
    mic: button('mic', () => verbs.mic()),
    camera: button('camera', () => verbs.camera()),
    leave: button('leave', () => call.leave()),
  };
  page.body.append(
    h('main', { class: 'float' }, video, name, h('div', { class: 'bar float-bar' }, Object.values(buttons))),
  );
  const paint = (/** @type {'mic'|'camera'} */ what, /** @type {boolean} */ on, /** @type {IconName} */ off) => {
    fill(buttons[what], icon(on ? what : off));
    attr(buttons[what], 'aria-pressed', String(on));
  };
  const { store } = call.local;
  const stops = [
    follow(context, video, (text, picture) => {
      setText(name, text);
      setHidden(video, !picture);
    }),
    store.watch(
      (l) => l.micOn,
      (on) => paint('mic', on, 'micOff'),
    ),
    store.watch(
      (l) => Boolean(l.camera),
      (on) => paint('camera', on, 'cameraOff'),
    ),
  ];
  win.addEventListener('pagehide', () => {
    for (const stop of stops) stop();
  });
  cleanup(() => win.close());
}

/** @param {CallContext} context */
async function floatPicture(context) {
  const { call, verbs, cleanup } = context;
  const video = h('video', { autoplay: true, playsinline: true, muted: true, class: 'float-source' });
  call.sinks.pool.append(video);
  const unfollow = follow(context, video, () => {});
  const session = /** @type {any} */ (navigator.mediaSession);
  const acts = { togglemicrophone: verbs.mic, togglecamera: verbs.camera, hangup: () => call.leave() };
  const handle = (/** @type {boolean} */ on) => {
    for (const [name, act] of Object.entries(acts)) {
      try {
        session?.setActionHandler(name, on ? act : null);
      } catch {
        // this browser has no such button
      }
    }
  };
  const end = () => {
    unfollow();
    handle(false);
    video.remove();
  };
  try {
    await loaded(video);
    await video.requestPictureInPicture();
    if (call.store.get().state.phase !== 'joined') {
      end();
      return void (await document.exitPictureInPicture());
    }
    handle(true);
    video.addEventListener('leavepictureinpicture', end, { once: true });
    cleanup(() => void document.exitPictureInPicture().catch(() => {}));
  } catch (err) {
    end();
    throw err;
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<void>} when there is a picture, or soon after in any case */
const loaded = (video) =>
  new Promise((resolve) => {
    if (video.readyState > 0) return resolve();
    video.addEventListener('loadedmetadata', () => resolve(), { once: true });
    setTimeout(resolve, 1000);
  });
