// One meeting from its link to its end: pre-join, lobby, call, and what is said afterwards.
/** @import {App, Screen} from '../main.js' */
/** @import {MeetingInfo} from '../core/types.js' */
/** @import {Call} from '../call/call.js' */
import { h, fill } from '../ui/dom.js';
import { t, errorText, words } from '../i18n/i18n.js';
import { clearToasts } from '../ui/toast.js';
import { announce } from '../ui/live.js';
import { lazily, styles, whenIdle } from '../ui/lazy.js';
import * as api from '../net/api.js';
import { RequestError } from '../net/error.js';
import { hasKey, parse as parseLink } from '../e2ee/link.js';
import { ask as confirm } from '../ui/dialog.js';
import { LocalMedia } from '../call/localmedia.js';
import { shell } from './shell.js';
import { notice } from './notice.js';
import { pagesAt, part, returning, stay } from './pages.js';
import { offerDevices, prejoin } from './prejoin.js';
import { explain } from './signin.js';

/** Ends of the meeting itself. */
const OVER = new Set(['ended', 'expired']);

/** What a call is made of, to its end; fetched while the person is still choosing a name. */
const loadCall = () =>
  Promise.all([
    import('../call/call.js'),
    import('./call.js'),
    import('./lobby.js'),
    import('./ended.js'),
    import('../rooms/store.js'),
    import('../rooms/room.js'),
    words('call'),
    styles('call'),
  ]);

/** @param {App} app @param {string} id @returns {Screen} */
export function meeting(app, id) {
  const el = h('div', { class: 'contents' });
  /** @type {Screen|null} */
  let inner = null;
  /** @type {Call|null} */
  let call = null;
  let local = new LocalMedia();
  let gone = false;
  let closing = false;
  /** @type {AbortController|null} the question whether "back" is to end the call */
  let asking = null;
  let found = (/** @type {string} */ _name) => {};
  const pages = pagesAt(id, {
    inside: () => {
      const { phase, name } = call?.store.get().state ?? { phase: 'idle', name: '' };
      return phase === 'joined' || phase === 'lobby' ? name : '';
    },
    found: (name) => found(name),
    leave: () => call?.leave({ replaced: true }),
  });
  const show = (/** @type {Screen} */ screen) => {
    if (gone) return screen.destroy?.();
    inner?.destroy?.();
    inner = screen;
    document.title = screen.title ? `${screen.title} · ${app.config.name}` : app.config.name;
    fill(el, screen.el);
  };
  fill(el, shell(app, h('p', { class: 'loading', role: 'status' }, t('loading'))));

  /** @param {boolean} [opened] the person's own room was opened just now: it isn't once more, whatever is answered */
  const begin = async (opened = false) => {
    local = new LocalMedia();
    try {
      const info = await api.meetingInfo(id);
      app.open = Boolean(info.guests);
      const wrong = linkProblem(info);
      if (wrong) {
        return show(
          notice(app, {
            icon: 'warn',
            testid: `link-${wrong}`,
            title: t(`badlink.${wrong}.title`),
            text: t(`badlink.${wrong}.text`),
            actions: [{ label: t('home'), act: () => app.go('/'), primary: true }],
          }),
        );
      }
      if (info.e2ee && typeof RTCRtpScriptTransform !== 'function') {
        return show(
          notice(app, {
            icon: 'warn',
            testid: 'unsupported',
            title: t('unsupported.title'),
            text: t('unsupported.text', { what: 'RTCRtpScriptTransform' }),
            actions: [{ label: t('home'), act: () => app.go('/'), primary: true }],
          }),
        );
      }
      if (await comeBack(info)) return;
      ask(info, '');
      whenIdle(loadCall);
    } catch (err) {
      if (!mayOpen(app, id, err)) return show(cannotOpen(app, id, err));
      const [screen] = (await lazily(() => Promise.all([import('./closed.js'), words('home')]))) ?? [];
      if (gone) return;
      const waiting = await screen?.notOpen(app, id, {
        back: Boolean(cameFrom()),
        open: !opened && err instanceof api.ApiError && err.id === 'no_such_meeting',
        go: () => void begin(),
        signIn: () => app.signIn(t('signin.again'), { email: app.session?.email }),
      });
      if (waiting === null) void begin(true);
      else show(waiting ?? cannotOpen(app, id, new api.ApiError('part', t('error.part'))));
    }
  };

  /** @returns {{name: string, password: string}|null} who this page was in the meeting, when it was in it before */
  const cameFrom = () => {
    if (app.again?.id === id) return app.again;
    const name = returning(id);
    return name ? { name, password: '' } : null;
  };

  /**
   * The gesture for "back" is soon made on a phone, and would end the call.
   * @param {Call} s @param {string} href the call's own address, which holds its key @returns {boolean}
   */
  const askBeforeBack = (s, href) => {
    history.pushState({ call: id }, '', href);
    if (asking) return true;
    asking = new AbortController();
    const { signal } = asking;
    const o = { testid: 'back-asks', signal };
    void confirm(t('call.back.title'), t('call.back.text'), t('call.leave.only'), o).then((yes) => {
      asking = null;
      if (yes) s.leave();
    });
    return true;
  };

  /**
   * The server was started again and knows no one. What can be done without the person is done.
   * @param {string} name @param {string} password of the meeting
   */
  const goOn = (name, password) => {
    clearToasts();
    const { email = '', guest = false } = app.session ?? {};
    app.session = null;
    app.again = { id, name, password, email };
    if (guest) void begin();
    else app.signIn(t('signin.restarted'), { email });
  };

  const ask = (/** @type {MeetingInfo} */ info, /** @type {string} */ problem) => {
    const form = prejoin(app, { info, local, problem, join: (name, password, o) => join(info, name, password, o) });
    found = form.found;
    show(form);
    pages.look();
  };

  /**
   * A page that was in the meeting when it was loaded again, or when the server was started again, joins without a
   * form, with nothing switched on.
   */
  const comeBack = async (/** @type {MeetingInfo} */ info) => {
    // A guest's session takes a click, and whose session is over may not want one.
    if (!app.session && app.again?.id !== id) return false;
    if (app.again && app.again.email !== (app.session?.email ?? '')) app.again = null; // another person signed in
    const before = cameFrom();
    app.again = null;
    if (!before || (info.password && !info.host && !before.password)) return false;
    if (await pages.elsewhere()) return false; // a copy of a tab has what the tab kept, too
    const problem = await join(info, before.name, before.password);
    if (problem) ask(info, problem);
    else if (call?.store.get().state.phase === 'joined') offerDevices(local);
    return true;
  };

  /**
   * @param {MeetingInfo} info @param {string} name @param {string} password
   * @param {{instead?: boolean}} [o] instead: of the browser's other page in this meeting, which leaves only then, so
   *   that a creator who switches hasn't left, and who doesn't get in is still where they were
   * @returns {Promise<string>} what went wrong, in words
   */
  const join = async (info, name, password, { instead = false } = {}) => {
    const { href } = location;
    const refused = await asGuest(app);
    if (refused || gone) return refused;
    const link = info.e2ee ? parseLink(location.hash) : null;
    const pressed = performance.now();
    const parts = await loadCall().catch(() => null);
    if (!parts) return t('error.part');
    if (gone) return '';
    const [{ Call: Made }, { callScreen, visiting }, { lobby }, { ended }, { find, over }, { ownerOf }] = parts;
    const mine = link && !app.session?.guest ? await find(id) : null;
    const room = mine && (await ownerOf(mine));
    if (gone) return '';
    const s = new Made(
      {
        meeting: id,
        name,
        password: password || (mine?.wish.password ?? ''),
        pressed,
        link,
        guest: Boolean(app.session?.guest),
        room,
        instead,
      },
      local,
    );
    call = s;
    const endVisits = visiting(app, s, show);
    s.store.watch(
      (p) => p.state.phase,
      (phase) => {
        if (call !== s) return;
        if (phase === 'lobby') show(lobby(app, s));
        else if (phase === 'joined') {
          if (instead) pages.takeOver();
          if (!info.confidential) stay(id, name);
          // So that "back" stays on this page.
          if (history.state?.call !== id) history.pushState({ call: id }, '', href);
          app.back = () => askBeforeBack(s, href);
          show(callScreen(app, s));
        } else if (phase === 'ended') {
          endVisits();
          app.back = null;
          asking?.abort();
          if (!closing) part();
          const reason = s.store.get().state.bye?.reason ?? '';
          if (OVER.has(reason)) void over(id);
          if (reason === 'forgotten') return goOn(name, password);
          show(
            ended(
              app,
              s,
              () =>
                void signedIn(app).then((still) => {
                  if (still) void begin();
                }),
            ),
          );
        }
      },
    );
    try {
      await s.join();
      return '';
    } catch (err) {
      const problem = err instanceof RequestError ? err : new RequestError('unknown', '', false);
      if (problem.id === 'identity_present' && !instead) {
        const yes = await confirm(t('elsewhere.title'), t('elsewhere.text'), t('prejoin.switch'), { testid: 'switch' });
        return yes ? join(info, name, password, { instead: true }) : '';
      }
      if (s.store.get().state.phase === 'ended') return ''; // denied in the lobby: the end screen says so
      if (problem.id === 'network' && !(await signedIn(app))) return '';
      const text =
        app.session?.guest && problem.id === 'not_permitted'
          ? t('guest.meeting.text')
          : errorText(problem.id, problem.message, problem.retryAfter);
      if (s.store.get().state.phase !== 'lobby') return text;
      call = null;
      ask(info, text); // the form that asked was replaced by the lobby
      return '';
    }
  };

  const warn = (/** @type {BeforeUnloadEvent} */ event) => {
    if (call?.store.get().state.phase === 'joined') event.preventDefault();
  };
  const away = () => {
    closing = true; // a page that is loaded again comes back
    call?.leave({ closing: true });
  };
  const shown = (/** @type {PageTransitionEvent} */ event) => {
    closing = false;
    if (event.persisted) part(); // the call ended with the page, and what is shown is its end
  };
  window.addEventListener('beforeunload', warn);
  window.addEventListener('pagehide', away);
  window.addEventListener('pageshow', shown);
  void begin();
  return {
    el,
    title: t('call.title'),
    destroy() {
      gone = true;
      app.back = null;
      window.removeEventListener('beforeunload', warn);
      window.removeEventListener('pagehide', away);
      window.removeEventListener('pageshow', shown);
      asking?.abort();
      call?.leave();
      pages.close();
      local.detach();
      inner?.destroy?.();
      clearToasts();
    },
  };
}

/**
 * Who has no session comes as a guest: only now, so that a look at a link takes no session.
 * @param {App} app @returns {Promise<string>} what went wrong, in words; empty when there is a session
 */
async function asGuest(app) {
  if (app.session) return '';
  try {
    app.session = await api.comeAsGuest(() => announce(t('signin.checking')));
    return '';
  } catch (err) {
    return err instanceof api.ApiError && err.id === 'not_allowed' ? t('guest.off') : explain(err);
  }
}

/**
 * @param {MeetingInfo} info
 * @returns {'incomplete'|'downgrade'|''} why the link and the server do not fit, if they do not
 */
function linkProblem(info) {
  if (!info.e2ee) return hasKey(location.hash) ? 'downgrade' : '';
  return parseLink(location.hash) ? '' : 'incomplete';
}

/**
 * A page is not told why a WebSocket was refused, and a session may be over without a word: ask.
 * @param {App} app @returns {Promise<boolean>} false when the page has gone to sign-in
 */
async function signedIn(app) {
  try {
    const session = await api.session();
    if (session) app.session = session;
    else app.signIn(t('signin.again'), { email: app.session?.email });
    return Boolean(session);
  } catch {
    return true; // not reached at all: the next request will say so
  }
}

/**
 * @param {App} app @param {string} id @param {unknown} err
 * @returns {boolean} whether there may be a meeting later. Without a session, one without guests looks the same; who
 *   was in it goes on waiting, others are asked to sign in while the page waits
 */
function mayOpen(app, id, err) {
  if (!(err instanceof api.ApiError)) return false;
  if (err.id === 'unauthenticated') return !app.session && app.again?.id === id;
  // Networks that ask for many addresses that are not there are told so less often. One may wait all the same.
  return err.id === 'no_such_meeting' || err.id === 'rate_limited';
}

/** @param {App} app @param {string} meetingId @param {unknown} err @returns {Screen} */
function cannotOpen(app, meetingId, err) {
  const id = err instanceof api.ApiError ? err.id : 'unknown';
  if (id === 'unauthenticated') {
    const note = app.session ? t('signin.again') : app.config.guests ? t('notopen.guest') : '';
    const o = { email: app.session?.email, wait: app.session ? '' : meetingId };
    queueMicrotask(() => app.signIn(note, o));
  }
  if (id === 'not_allowed' && app.session?.guest) {
    return notice(app, {
      icon: 'shield',
      testid: 'no-guests',
      title: t('guest.meeting.title'),
      text: t('guest.meeting.text'),
      actions: [{ label: t('guest.signin'), act: () => app.signIn(), primary: true, testid: 'guest-signin' }],
    });
  }
  return notice(app, {
    icon: 'warn',
    testid: 'open-error',
    title: t('error.title'),
    text: errorText(id, err instanceof Error ? err.message : ''),
    actions: [
      { label: t('retry'), act: app.reload },
      { label: t('home'), act: () => app.go('/'), primary: true, testid: 'go-home' },
    ],
  });
}
