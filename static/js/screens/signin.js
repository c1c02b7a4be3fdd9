// Signing in: an address, then the code that was sent to it.
/** @import {App, Screen} from '../main.js' */
/** @import {Delivery} from '../protocol-types.js' */
/** @import {SentCode} from '../core/types.js' */
import { h, fill, setBusy, setHidden, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { field } from '../ui/field.js';
import { announce } from '../ui/live.js';
import { t, errorText } from '../i18n/i18n.js';
import * as api from '../net/api.js';
import { digitsIn } from '../core/text.js';
import { auditNotice } from '../call/security/summary.js';
import { shell } from './shell.js';

/** @param {unknown} err @returns {string} */
export function explain(err) {
  if (!(err instanceof api.ApiError)) return errorText('unknown');
  if (err.id === 'rate_limited' && err.retryAfter > 0) return t('error.rate_limited.in', { n: err.retryAfter });
  return errorText(err.id, err.message);
}

/**
 * A line that says that the browser is at work for the server, and says so once to those who listen.
 * @returns {{el: HTMLElement, show: () => void, hide: () => void}}
 */
function checking() {
  const el = h(
    'p',
    { class: 'hint', hidden: true, 'data-testid': 'signin-checking' },
    icon('info'),
    h('span', null, t('signin.checking')),
  );
  const show = () => {
    if (el.hidden) announce(t('signin.checking'));
    setHidden(el, false);
  };
  return { el, show, hide: () => setHidden(el, true) };
}

/** @param {App} app @param {{forMeeting: boolean}} o @returns {Screen} */
export function signin(app, o) {
  const card = h('section', { class: 'card narrow', 'data-testid': 'signin' });
  let timer = 0;
  const stop = new AbortController();
  const { note, email: known, wait } = app;
  const lead = o.forMeeting ? 'signin.lead.meeting' : app.config.audited ? 'signin.lead.audited' : 'signin.lead';
  app.note = app.email = '';
  app.wait = '';
  const why = () =>
    note &&
    h('p', { class: 'hint note', role: 'status', 'data-testid': 'signin-note' }, icon('info'), h('span', null, note));
  const askAddress = (/** @type {string} */ email, /** @type {boolean} */ atOnce) => {
    clearInterval(timer);
    app.sent = null;
    const form = addressForm(lead, email, (address, sent) => askCode(address, sent));
    fill(card, why(), form.el, o.forMeeting && app.open && asGuest(app), app.config.audited && auditNotice());
    card.querySelector('input')?.focus();
    // A code that comes unseen would be over when they look.
    if (atOnce) whenVisible(() => void form.send(), stop.signal);
  };
  const askCode = (/** @type {string} */ email, /** @type {SentCode} */ sent) => {
    clearInterval(timer);
    app.sent = { email, code: sent };
    const form = codeForm(app, email, sent, () => askAddress(email, false));
    timer = form.timer;
    fill(card, known && why(), form.el);
    card.querySelector('input')?.focus();
  };
  // A language that is chosen now shows the same form again.
  if (app.sent) askCode(app.sent.email, app.sent.code);
  else askAddress(known, known !== '');
  if (wait) void passBy(app, wait, card, stop.signal);
  return {
    el: shell(app, card),
    title: t('signin.title'),
    destroy: () => {
      clearInterval(timer);
      stop.abort();
    },
  };
}

/** @param {() => void} act @param {AbortSignal} signal */
function whenVisible(act, signal) {
  if (!document.hidden) return act();
  const look = () => {
    if (document.hidden || signal.aborted) return;
    document.removeEventListener('visibilitychange', look);
    act();
  };
  document.addEventListener('visibilitychange', look, { signal });
}

/**
 * A meeting that takes guests may open while a person is asked to sign in for it. Who has begun to sign in is offered
 * the way of guests, others are on it.
 * @param {App} app @param {string} id of the meeting @param {HTMLElement} card @param {AbortSignal} signal
 */
async function passBy(app, id, card, signal) {
  const { whenOpen } = await import('../rooms/wait.js');
  if ((await whenOpen(id, signal)) !== 'open') return;
  const begun = [...card.querySelectorAll('input')].some((input) => input.name !== 'email' || input.value !== '');
  if (begun) card.append(asGuest(app));
  else {
    app.asked = false;
    app.reload();
  }
}

/**
 * @param {'signin.lead'|'signin.lead.meeting'|'signin.lead.audited'} lead @param {string} email
 * @param {(email: string, sent: SentCode) => void} done
 * @returns {{el: HTMLElement, send: () => Promise<void>}}
 */
function addressForm(lead, email, done) {
  const address = field(t('signin.email'), {
    type: 'email',
    dir: 'ltr',
    name: 'email',
    autocomplete: 'email',
    inputmode: 'email',
    required: true,
    value: email,
    'data-testid': 'signin-email',
    placeholder: 'ana@example.org',
    maxlength: 254,
    spellcheck: 'false',
    autocapitalize: 'none',
  });
  const button = h(
    'button',
    { class: 'button primary wide', type: 'submit', 'data-testid': 'signin-send' },
    t('signin.send'),
  );
  const work = checking();
  const send = async () => {
    const value = address.input.value.trim();
    if (!/^[^\s@]+@[^\s@]+$/.test(value)) return address.fail(t('signin.email.invalid'));
    address.fail('');
    setBusy(button, true);
    try {
      done(value, await api.askCode(value, work.show));
    } catch (err) {
      address.fail(explain(err));
    } finally {
      setBusy(button, false);
      work.hide();
    }
  };
  const el = h(
    'form',
    {
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        void send();
      },
    },
    h('h1', null, t('signin.title')),
    h('p', { class: 'lead' }, t(lead)),
    address.el,
    button,
    work.el,
  );
  return { el, send };
}

/** @param {App} app @returns {HTMLElement} back to the way in that needs no address */
const asGuest = (app) =>
  h(
    'button',
    {
      class: 'button wide',
      type: 'button',
      'data-testid': 'guest',
      onclick: () => {
        app.asked = false;
        app.reload();
      },
    },
    t('guest.join'),
  );

/**
 * @param {App} app @param {string} email @param {SentCode} sent @param {() => void} other
 * @returns {{el: HTMLElement, timer: number}}
 */
function codeForm(app, email, sent, other) {
  let { digits } = sent;
  const work = checking();
  const code = field(
    t('signin.code'),
    {
      type: 'text',
      dir: 'ltr',
      name: 'code',
      autocomplete: 'one-time-code',
      inputmode: 'numeric',
      pattern: '[0-9]*',
      maxlength: 14,
      class: 'input code',
      'data-testid': 'signin-code',
      spellcheck: 'false',
    },
    { help: t('signin.expires', { n: Math.round(sent.expires_in_s / 60) }) },
  );
  const verify = h(
    'button',
    { class: 'button primary wide', type: 'submit', 'data-testid': 'signin-verify' },
    t('signin.verify'),
  );
  const again = h('button', {
    class: 'button quiet',
    type: 'button',
    'data-testid': 'signin-resend',
    onclick: () => void resend(),
  });
  const lead = h('p', { class: 'lead', 'data-testid': 'signin-code-lead' });
  const failing = h('p', { class: 'form-error', role: 'alert', hidden: true, 'data-testid': 'signin-mail-failing' });
  /** @param {Delivery} delivery */
  const tell = (delivery) => {
    setText(lead, t(delivery === 'terminal' ? 'signin.code.terminal' : 'signin.code.lead', { n: digits, email }));
    setText(failing, delivery === 'failing' ? t('signin.code.failing') : '');
    setHidden(failing, delivery !== 'failing');
  };
  tell(sent.delivery);
  let left = sent.resend_in_s;
  const watch = api.watchDelivery(api.codeState, tell);
  watch.on = sent.delivery !== 'terminal';
  const count = () => {
    again.disabled = left > 0;
    setText(again, left > 0 ? t('signin.resend.in', { s: left }) : t('signin.resend'));
    left = Math.max(0, left - 1);
    watch.tick();
  };
  count();
  const resend = async () => {
    again.disabled = true;
    try {
      const next = await api.askCode(email, work.show);
      left = next.resend_in_s;
      digits = next.digits;
      watch.on = next.delivery !== 'terminal';
      tell(next.delivery);
      announce(t('signin.resent'));
      code.fail('');
    } catch (err) {
      code.fail(explain(err));
      if (err instanceof api.ApiError) left = err.retryAfter;
    }
    work.hide();
    count();
  };
  const submit = async () => {
    const value = digitsIn(code.input.value);
    if (value.length !== digits) return code.fail(t('signin.code.invalid', { n: digits }));
    setBusy(verify, true);
    try {
      app.session = await api.verifyCode(value);
      app.sent = null;
      app.reload();
    } catch (err) {
      code.fail(explain(err));
      code.input.select();
      setBusy(verify, false);
    }
  };
  code.input.addEventListener('input', () => {
    if (digitsIn(code.input.value).length === digits && !verify.disabled) void submit();
  });
  const el = h(
    'form',
    {
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ e) => {
        e.preventDefault();
        if (!verify.disabled) void submit();
      },
    },
    h('h1', null, t('signin.code.title')),
    lead,
    failing,
    code.el,
    verify,
    work.el,
    h(
      'div',
      { class: 'actions between' },
      again,
      h(
        'button',
        { class: 'button quiet', type: 'button', 'data-testid': 'signin-other', onclick: other },
        t('signin.other'),
      ),
    ),
  );
  return { el, timer: window.setInterval(count, 1000) };
}
