// Your rooms: addresses that last. They are this device's alone; the server hears of one when it is opened.
/** @import {App} from '../main.js' */
/** @import {Room} from '../rooms/store.js' */
/** @import {Wish} from '../net/api.js' */
/** @import {Repeat} from '../core/ics.js' */
import { h, fill, setBusy } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { field, select } from '../ui/field.js';
import { openDialog, ask } from '../ui/dialog.js';
import { openMenu } from '../ui/menu.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import { meetingInfo } from '../net/api.js';
import { invitation } from '../core/ics.js';
import { make, open, path, read, write } from '../rooms/room.js';
import { erase, keep, kept, MAX_ROOMS } from '../rooms/store.js';
import { explain } from './signin.js';

/**
 * @param {App} app @param {(made: (wish: Wish) => Promise<boolean>) => void} askWish shows the options of a new room
 * @returns {HTMLElement}
 */
export function yourRooms(app, askWish) {
  const list = h('ul', { class: 'rooms', 'data-testid': 'rooms' });
  const show = async () => {
    const rooms = await kept();
    fill(
      list,
      rooms.map((room) => row(app, room, show)),
    );
  };
  const made = async (/** @type {Wish} */ wish) => {
    if ((await kept()).length >= MAX_ROOMS) {
      toast(t('rooms.full', { n: MAX_ROOMS }), { urgent: true, icon: 'warn' });
      return false;
    }
    const lasting = await keep(await make(wish, wish.title ?? ''));
    toast(t(lasting ? 'rooms.made' : 'rooms.passing'), { icon: lasting ? 'check' : 'warn' });
    // The browser may otherwise erase it when the disk is full.
    void navigator.storage?.persist?.().catch(() => false);
    await show();
    return true;
  };
  void show();
  return h(
    'section',
    { class: 'rooms-section', 'aria-labelledby': 'rooms-title' },
    h(
      'div',
      { class: 'rooms-head' },
      h('h2', { id: 'rooms-title' }, t('rooms.title')),
      h(
        'button',
        { class: 'button quiet', type: 'button', 'data-testid': 'room-new', onclick: () => askWish(made) },
        icon('plus'),
        t('rooms.new'),
      ),
      fileButton(show),
    ),
    h('p', { class: 'muted small' }, t('rooms.lead')),
    list,
  );
}

/** @param {() => Promise<void>} show @returns {HTMLElement} takes rooms from a file */
function fileButton(show) {
  const input = h('input', {
    type: 'file',
    accept: 'application/json,.json',
    hidden: true,
    'data-testid': 'room-file',
    onchange: async () => {
      const [file] = input.files ?? [];
      input.value = '';
      if (!file) return;
      try {
        if (file.size > 1_000_000) throw new RangeError('too large');
        const n = await read(await file.text());
        toast(t('rooms.imported', { n }), { icon: 'check' });
      } catch {
        toast(t('rooms.import.failed'), { urgent: true, icon: 'warn' });
      }
      await show();
    },
  });
  return h(
    'span',
    null,
    h(
      'button',
      { class: 'button quiet', type: 'button', 'data-testid': 'room-import', onclick: () => input.click() },
      t('rooms.import'),
    ),
    input,
  );
}

/** @param {App} app @param {Room} room @param {() => Promise<void>} show the list anew @returns {HTMLElement} */
function row(app, room, show) {
  const link = async () => location.origin + (await path(room));
  const start = h(
    'button',
    {
      class: 'button',
      type: 'button',
      'data-testid': 'room-open',
      'aria-label': t('rooms.open.named', { name: room.name }),
      onclick: async () => {
        setBusy(start, true);
        try {
          // A meeting that a version of the server still holds while it hands over is not opened again at the next one.
          if (!(await isOpen(room))) await open(room);
          app.go(await path(room));
        } catch (err) {
          toast(explain(err), { urgent: true, icon: 'warn' });
        } finally {
          setBusy(start, false);
        }
      },
    },
    t('rooms.open'),
  );
  const more = h(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-haspopup': 'menu',
      'aria-label': t('rooms.more', { name: room.name }),
      'data-testid': 'room-more',
      onclick: () =>
        openMenu(
          more,
          [
            { label: t('rooms.copy'), icon: 'copy', act: () => void copyLink(link()), testid: 'room-copy' },
            { label: t('rooms.calendar'), icon: 'clock', act: () => calendar(room, link()), testid: 'room-calendar' },
            { label: t('rooms.export'), icon: 'door', act: () => void save(room), testid: 'room-export' },
            {
              label: t('rooms.erase'),
              icon: 'remove',
              danger: true,
              act: () => void gone(room, show),
              testid: 'room-erase',
            },
          ],
          room.name,
        ),
    },
    icon('more'),
  );
  return h('li', { 'data-testid': 'room' }, h('span', { class: 'room-name', dir: 'auto' }, room.name), start, more);
}

/** @param {Room} room @returns {Promise<boolean>} whether its meeting is open; what fails is told when it is opened */
const isOpen = (room) =>
  meetingInfo(room.id).then(
    () => true,
    () => false,
  );

/** @param {Promise<string>} link */
async function copyLink(link) {
  const text = await link;
  try {
    await navigator.clipboard.writeText(text);
    toast(t('rooms.copied'), { icon: 'check' });
  } catch {
    toast(text, { icon: 'copy', ms: 20_000 }); // no clipboard: show it, so that it can be marked
  }
}

/** @param {string} text @param {string} type @param {string} name */
function download(text, type, name) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const a = h('a', { href: url, download: name, hidden: true });
  document.body.append(a); // some browsers follow only links that are on the page
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {Room} room */
async function save(room) {
  if (!(await ask(t('rooms.export'), t('rooms.export.text'), t('rooms.export'), { testid: 'room-export-ask' }))) return;
  download(await write([room]), 'application/json', 'conclave-room.json');
}

/** @param {Room} room @param {() => Promise<void>} show */
async function gone(room, show) {
  const o = { danger: true, testid: 'room-erase-ask' };
  if (!(await ask(t('rooms.erase.title', { name: room.name }), t('rooms.erase.text'), t('rooms.erase'), o))) return;
  await erase(room.id);
  await show();
}

/** @param {Room} room @param {Promise<string>} link shows when it is to be, and makes the calendar's file */
function calendar(room, link) {
  const soon = new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
  const local = new Date(soon.getTime() - soon.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const when = field(t('rooms.when'), {
    type: 'datetime-local',
    value: local,
    required: true,
    'data-testid': 'room-when',
  });
  let minutes = '60';
  /** @type {Repeat} */
  let repeat = '';
  const form = h(
    'form',
    {
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const start = new Date(when.input.value);
        if (Number.isNaN(start.getTime())) return when.fail(t('rooms.when.empty'));
        const end = new Date(start.getTime() + Number(minutes) * 60_000);
        const title = t('rooms.invitation', { title: room.name });
        download(invitation({ link: await link, title, start, end, repeat }), 'text/calendar', 'meeting.ics');
        dialog.close();
      },
    },
    when.el,
    select(
      t('rooms.length'),
      ['30', '60', '90', '120'].map((value) => ({ value, label: t('rooms.minutes', { n: Number(value) }) })),
      minutes,
      (value) => {
        minutes = value;
      },
    ),
    select(
      t('rooms.repeat'),
      [
        { value: '', label: t('rooms.repeat.none') },
        { value: 'DAILY', label: t('rooms.repeat.daily') },
        { value: 'WEEKLY', label: t('rooms.repeat.weekly') },
        { value: 'MONTHLY', label: t('rooms.repeat.monthly') },
      ],
      repeat,
      (value) => {
        repeat = /** @type {Repeat} */ (value);
      },
      { testid: 'room-repeat' },
    ),
    h('p', { class: 'hint' }, icon('info'), h('span', null, t('rooms.calendar.text'))),
    h(
      'div',
      { class: 'dialog-actions' },
      h(
        'button',
        { class: 'button primary', type: 'submit', 'data-testid': 'room-calendar-save' },
        t('rooms.calendar'),
      ),
    ),
  );
  const dialog = openDialog(t('rooms.calendar'), [form], { testid: 'room-calendar-dialog' });
}
