// The start: make a meeting, or go to one.
/** @import {App, Screen} from '../main.js' */
import { h, setBusy, setHidden } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { field, toggle, select } from '../ui/field.js';
import { openDialog } from '../ui/dialog.js';
import { lazily } from '../ui/lazy.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import * as api from '../net/api.js';
import { parseMeeting, MAX_TITLE, MAX_PASSWORD } from '../core/text.js';
import { shell } from './shell.js';
import { explain } from './signin.js';

/** @param {App} app @returns {Screen} */
export function home(app) {
  const el = shell(
    app,
    h(
      'div',
      { class: 'home', 'data-testid': 'home' },
      h(
        'section',
        { class: 'hero' },
        h('h1', null, t('home.welcome')),
        h('p', { class: 'lead' }, t('home.lead')),
        app.session?.can_host ? hostActions(app) : h('p', { class: 'hint' }, icon('info'), t('home.nohost')),
        joinForm(app),
        app.session?.can_host && rooms(app),
      ),
      h(
        'ul',
        { class: 'facts' },
        fact(
          'clock',
          t('home.fact.gone'),
          t('home.fact.gone.text', { n: Math.round(app.config.max_meeting_s / 360) / 10 }),
        ),
        app.config.audited
          ? fact('eyeOff', t('home.fact.audited'), t('home.fact.audited.text'))
          : fact('eyeOff', t('home.fact.none'), t('home.fact.none.text')),
        fact('shield', t('home.fact.here'), t('home.fact.here.text')),
      ),
    ),
  );
  return { el };
}

/** @param {import('../ui/icons.js').IconName} name @param {string} title @param {string} text @returns {HTMLElement} */
const fact = (name, title, text) =>
  h(
    'li',
    null,
    h('span', { class: 'fact-icon' }, icon(name)),
    h('div', null, h('h2', null, title), h('p', null, text)),
  );

/** @param {App} app @returns {HTMLElement} the rooms of this device, as soon as they are there */
function rooms(app) {
  const el = h('div');
  void lazily(() => import('./rooms.js')).then((m) => {
    if (m) el.replaceWith(m.yourRooms(app, (made) => options(app, made)));
  });
  return el;
}

/** @param {App} app @returns {HTMLElement} */
function hostActions(app) {
  const button = h(
    'button',
    {
      class: 'button primary large',
      type: 'button',
      'data-testid': 'create',
      onclick: () => void create(app, { e2ee: true }, button),
    },
    icon('plus'),
    t('home.new'),
  );
  return h(
    'div',
    { class: 'split' },
    button,
    h(
      'button',
      { class: 'button large', type: 'button', 'data-testid': 'create-options', onclick: () => options(app) },
      icon('settings'),
      t('home.new.options'),
    ),
  );
}

/**
 * @param {App} app @param {api.Wish} wish @param {HTMLElement} button
 * @returns {Promise<boolean>}
 */
async function create(app, wish, button) {
  setBusy(button, true);
  try {
    // The meeting's key goes into its link and never to the server; what opens the address stays on this device.
    const { make, open, path } = await import('../rooms/room.js');
    const room = await make(wish, '').catch((err) => {
      if (wish.e2ee !== false) throw err;
      return null; // a browser without Ed25519: a plain meeting needs none
    });
    if (!room) {
      app.go(`/m/${(await api.createMeeting(wish)).meeting}`);
      return true;
    }
    await open(room);
    app.go(await path(room));
    return true;
  } catch (err) {
    if (err instanceof api.ApiError && err.id === 'unauthenticated') {
      app.signIn(t('signin.again'), { email: app.session?.email });
      return true;
    }
    toast(explain(err), { urgent: true, icon: 'warn' });
    return false;
  } finally {
    setBusy(button, false);
  }
}

/**
 * @param {App} app @param {(wish: api.Wish) => Promise<boolean>} [made] takes what a room is to be opened with; without
 *   it a meeting is opened now
 */
function options(app, made) {
  /** @type {api.Wish} */
  const wish = { lobby: true, when_host_leaves: 'promote', e2ee: true };
  const exposed = h('p', { class: 'hint warning', role: 'status', hidden: true }, icon('warn'), t('options.e2ee.off'));
  let quietly = false;
  let { confidential } = app.config;
  const open = h('div', { class: 'stack', hidden: confidential });
  const quiet = h(
    'div',
    null,
    toggle(
      t('options.private'),
      false,
      (on) => {
        quietly = on;
      },
      { help: t('options.private.help'), testid: 'options-private-audio' },
    ),
  );
  const guests = h(
    'div',
    { hidden: !app.config.guests },
    toggle(
      t('options.guests'),
      true,
      (on) => {
        wish.guests = on;
      },
      { help: t('options.guests.help'), testid: 'options-guests' },
    ),
  );
  const title = field(
    t(made ? 'rooms.name' : 'options.title'),
    {
      type: 'text',
      dir: 'auto',
      maxlength: MAX_TITLE,
      placeholder: t('options.title.placeholder'),
      'data-testid': 'options-title',
      autocomplete: 'off',
    },
    made ? {} : { optional: t('optional') },
  );
  const password = field(
    t('options.password'),
    {
      type: 'text',
      maxlength: MAX_PASSWORD,
      autocomplete: 'off',
      spellcheck: 'false',
      'data-testid': 'options-password',
    },
    { optional: t('optional'), help: t(made ? 'rooms.password.help' : 'options.password.help') },
  );
  const button = h(
    'button',
    { class: 'button primary', type: 'submit', 'data-testid': 'options-create' },
    t(made ? 'rooms.make' : 'options.create'),
  );
  open.append(
    toggle(
      t('options.lobby'),
      true,
      (on) => {
        wish.lobby = on;
        setHidden(guests, !on || !app.config.guests);
      },
      { help: t('options.lobby.help'), testid: 'options-lobby' },
    ),
    guests,
    toggle(
      t('options.e2ee'),
      true,
      (on) => {
        wish.e2ee = on;
        setHidden(exposed, on);
        setHidden(quiet, !on);
      },
      { help: t('options.e2ee.help'), testid: 'options-e2ee' },
    ),
    exposed,
  );
  const form = h(
    'form',
    {
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        if (made && !title.input.value.trim()) return title.fail(t('rooms.name.empty'));
        const wanted = {
          ...wish,
          ...(wish.e2ee && quietly && { private_audio: true }),
          ...(confidential && { confidential, e2ee: true, lobby: true }),
          // Without a waiting room there are none, whatever was chosen before.
          ...((confidential || !wish.lobby) && { guests: undefined }),
          ...(title.input.value.trim() && { title: title.input.value.trim() }),
          ...(password.input.value && { password: password.input.value }),
        };
        if (await (made ? made(wanted) : create(app, wanted, button))) dialog.close();
      },
    },
    title.el,
    password.el,
    app.config.confidential
      ? h('p', { class: 'hint' }, icon('lock'), t('options.confidential.all'))
      : toggle(
          t('options.confidential'),
          false,
          (on) => {
            confidential = on;
            setHidden(open, on);
          },
          { help: t('options.confidential.help'), testid: 'options-confidential' },
        ),
    open,
    quiet,
    select(
      t('options.leaves'),
      ['promote', 'keep', 'end'].map((value) => ({ value, label: t(/** @type {any} */ (`options.leaves.${value}`)) })),
      'promote',
      (value) => {
        wish.when_host_leaves = value;
      },
      { testid: 'options-leaves' },
    ),
    h('div', { class: 'dialog-actions' }, button),
  );
  const dialog = openDialog(t(made ? 'rooms.new' : 'home.new.options'), [form], { testid: 'options' });
}

/** @param {App} app @returns {HTMLElement} */
function joinForm(app) {
  const address = field(t('home.join.label'), {
    type: 'text',
    dir: 'ltr',
    placeholder: t('home.join.placeholder'),
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
    maxlength: 2000,
    'data-testid': 'join-code',
  });
  return h(
    'form',
    {
      class: 'join-form',
      novalidate: true,
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const parsed = parseMeeting(address.input.value);
        if (!parsed) return address.fail(t('home.join.invalid'));
        app.go(`/m/${parsed.id}${parsed.fragment}`);
      },
    },
    address.el,
    h('button', { class: 'button', type: 'submit', 'data-testid': 'join-go' }, t('home.join')),
  );
}
