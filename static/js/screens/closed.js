// A meeting that is not open: planned, over, or never there, which can’t be told apart. The page goes on by itself
// once the host opens it; the host opens it here.
/** @import {App, Screen} from '../main.js' */
/** @import {Room} from '../rooms/store.js' */
import { h, setBusy } from '../ui/dom.js';
import { announce } from '../ui/live.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import { whenOpen } from '../rooms/wait.js';
import { open } from '../rooms/room.js';
import { find } from '../rooms/store.js';
import { explain } from './signin.js';
import { notice } from './notice.js';

/**
 * @param {App} app @param {string} id
 * @param {{back: boolean, open: boolean, go: () => void, signIn: () => void}} o back: the person was in this meeting a
 *   moment ago. open: then this device's room is opened without a click. go: it is open
 * @returns {Promise<Screen|null>} null when it is open now: it is this device's, and was to go on
 */
export async function notOpen(app, id, o) {
  const room = app.session?.can_host ? await find(id) : null;
  const opens = room && o.back && o.open;
  const problem = opens ? await start(room) : '';
  if (opens && !problem) return null;
  if (problem) toast(problem, { urgent: true, icon: 'warn' });
  const stop = new AbortController();
  const screen = notice(app, {
    icon: 'clock',
    testid: 'not-open',
    title: t('notopen.title'),
    text: t(room ? 'notopen.mine' : o.back ? 'notopen.back' : 'notopen.text'),
    actions: [{ label: t('home'), act: () => app.go('/'), testid: 'go-home', primary: !room }],
  });
  if (room) screen.el.querySelector('.actions')?.prepend(button(room));
  void whenOpen(id, stop.signal).then((how) => {
    if (how === 'open') {
      announce(t('notopen.now'));
      o.go();
    } else if (how === 'unauthenticated') o.signIn();
  });
  return { ...screen, destroy: () => stop.abort() };
}

/** @param {Room} room @returns {Promise<string>} what went wrong, in words */
const start = (room) =>
  open(room).then(
    () => '',
    (err) => explain(err),
  );

/** @param {Room} room @returns {HTMLElement} opens it; who waits goes on then */
function button(room) {
  const el = h(
    'button',
    {
      class: 'button primary',
      type: 'button',
      'data-testid': 'open-room',
      onclick: async () => {
        setBusy(el, true);
        const problem = await start(room);
        setBusy(el, false);
        if (problem) toast(problem, { urgent: true, icon: 'warn' });
      },
    },
    t('notopen.open'),
  );
  return el;
}
