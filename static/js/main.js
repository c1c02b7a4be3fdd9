// The beginning: what this browser can do, who runs the server, who is signed in, and which screen the address means.
/** @import {Config, SentCode, SessionInfo} from './core/types.js' */
import { h, fill } from './ui/dom.js';
import { mountLive } from './ui/live.js';
import { mountToasts } from './ui/toast.js';
import { lazily, whenIdle } from './ui/lazy.js';
import { wantedLanguage } from './ui/language.js';
import { choices, applyTheme } from './ui/settings.js';
import { t, errorText, applyLanguage, language, speak, words } from './i18n/i18n.js';
import * as api from './net/api.js';
import { missingFeatures } from './media/support.js';
import { parseMeeting } from './core/text.js';
import { shell } from './screens/shell.js';
import { signin } from './screens/signin.js';
import { notice } from './screens/notice.js';

/**
 * @typedef {object} App what every screen is given
 * @property {Config} config
 * @property {SessionInfo|null} session
 * @property {string} name the display name last used, for as long as the page is open
 * @property {boolean} asked for sign-in, also where a guest could come without it
 * @property {boolean} open the meeting of this address is known to take guests
 * @property {string} note why sign-in is required, in words; shown once
 * @property {{email: string, code: SentCode}|null} sent a code that sign-in waits for
 * @property {string} email whose sign-in is repeated; the code is asked for at once
 * @property {string} wait for the meeting of this id, while sign-in is shown: it may take guests; empty for none
 * @property {{id: string, name: string, password: string, email: string}|null} again this page was in that meeting,
 *   with that person signed in, when the server forgot everyone
 * @property {(path: string) => void} go to another screen; the path may hold a fragment
 * @property {(() => boolean)|null} back asks before the browser's "back" leaves the screen; true: it does not
 * @property {() => void} reload the screen, after signing in or out
 * @property {(note?: string, o?: {email?: string, wait?: string}) => void} signIn shows sign-in on the current
 *   screen: there is no session, or the person wants another
 */

/** @typedef {{el: HTMLElement, title?: string, destroy?: () => void}} Screen */

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
/** @type {Screen|null} */
let shown = null;
/** Grows with every screen that was asked for: what loads late must not cover what was asked for after it. */
let turn = 0;

/** @param {Screen} screen */
function show(screen) {
  turn++;
  shown?.destroy?.();
  shown = screen;
  document.title = screen.title ? `${screen.title} · ${app.config.name}` : app.config.name;
  fill(root, screen.el);
  window.scrollTo(0, 0);
}

const loadHome = () => Promise.all([import('./screens/home.js'), words('home')]);
const loadCheck = () => Promise.all([import('./screens/check.js'), words('check')]);

/** @type {App} */
const app = {
  config: {
    name: 'Conclave',
    operator: '',
    version: '',
    code_digits: 6,
    max_meeting_s: 7200,
    guests: false,
    confidential: false,
    audited: false,
  },
  session: null,
  name: '',
  asked: false,
  open: false,
  note: '',
  sent: null,
  email: '',
  wait: '',
  again: null,
  back: null,
  go(path) {
    app.back = app.again = null;
    app.asked = app.open = false;
    history.pushState(null, '', path);
    app.reload();
  },
  reload: () => void follow().then(route),
  signIn(note = '', { email = '', wait = '' } = {}) {
    app.session = null;
    app.asked = true;
    app.note = note;
    app.email = email;
    app.sent = null;
    app.wait = wait;
    route();
  },
};

/** follow speaks the language that the person wants by now; where it cannot be fetched, the one before. */
async function follow() {
  const wanted = wantedLanguage();
  if (wanted === language()) return;
  try {
    await speak(wanted, navigator.languages);
  } catch {
    if (!language()) await speak('en', navigator.languages);
  }
  applyLanguage();
  mountToasts();
}

function route() {
  const path = location.pathname;
  if (path === '/check') {
    return void showLater(loadCheck, ([{ check }]) => check(app));
  }
  const missing = missingFeatures();
  if (missing.length > 0) {
    return show(
      notice(app, {
        icon: 'warn',
        title: t('unsupported.title'),
        text: t('unsupported.text', { what: missing.join(', ') }),
        testid: 'unsupported',
        actions: [{ label: t('home.check'), act: () => app.go('/check') }],
      }),
    );
  }
  // A guest has no address, and so nothing to do at the start: guests come by a meeting's link.
  if (path === '/') {
    if (!app.session || app.session.guest) return show(signin(app, { forMeeting: false }));
    return void showLater(loadHome, ([{ home }]) => home(app));
  }
  if (path.startsWith('/m/')) return routeMeeting(path);
  show(
    notice(app, {
      icon: 'info',
      title: t('notfound.title'),
      text: t('notfound.text'),
      testid: 'not-found',
      actions: [{ label: t('home'), act: () => app.go('/'), primary: true }],
    }),
  );
}

/** @param {string} path */
function routeMeeting(path) {
  const parsed = parseMeeting(path);
  if (!parsed) {
    return show(
      notice(app, {
        icon: 'link',
        title: t('meeting.bad.title'),
        text: t('meeting.bad.text'),
        testid: 'bad-link',
        actions: [{ label: t('home'), act: () => app.go('/'), primary: true }],
      }),
    );
  }
  // Whether this meeting takes guests, its page finds out.
  if (!app.session && (app.asked || !app.config.guests)) return show(signin(app, { forMeeting: true }));
  void showLater(
    () => import('./screens/meeting.js'),
    ({ meeting }) => meeting(app, parsed.id),
  );
}

/**
 * showLater shows a screen whose code the page may still have to fetch.
 * @template T
 * @param {() => Promise<T>} load @param {(module: T) => Screen} make
 */
async function showLater(load, make) {
  const mine = ++turn;
  const slow = setTimeout(() => {
    if (turn === mine) fill(root, loading());
  }, 400);
  const module = await lazily(load);
  clearTimeout(slow);
  if (turn !== mine) return;
  if (module) show(make(module));
  else {
    show(
      notice(app, {
        icon: 'wifi',
        title: t('error.title'),
        text: t('error.part'),
        testid: 'start-error',
        actions: [{ label: t('retry'), act: () => location.reload(), primary: true }],
      }),
    );
  }
}

/** @returns {HTMLElement} */
const loading = () => shell(app, h('p', { class: 'loading', role: 'status' }, t('loading')));

async function start() {
  await follow();
  applyTheme(choices().theme);
  mountLive();
  const slow = setTimeout(() => fill(root, loading()), 400);
  try {
    [app.config, app.session] = await Promise.all([api.config(), api.session()]);
  } catch (err) {
    const id = err instanceof api.ApiError ? err.id : 'unknown';
    return show(
      notice(app, {
        icon: 'wifi',
        title: t('error.title'),
        text: errorText(id),
        testid: 'start-error',
        actions: [{ label: t('retry'), act: () => location.reload(), primary: true }],
      }),
    );
  } finally {
    clearTimeout(slow);
  }
  window.addEventListener('popstate', () => {
    if (!app.back?.()) app.reload();
  });
  route();
  whenIdle(loadHome);
}

void start();
