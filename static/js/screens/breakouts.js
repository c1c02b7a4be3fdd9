// Going to a breakout room and back. The seat in the meeting is kept meanwhile, unseen and unheard: so no one waits to
// be let in again, what the host says reaches everybody, and the way back needs no server.
/** @import {App, Screen} from '../main.js' */
/** @import {Go} from '../core/breakouts.js' */
import { clearToasts, toast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import { parse } from '../e2ee/link.js';
import { Call } from '../call/call.js';
import { LocalMedia } from '../call/localmedia.js';
import { tellOfBreakouts } from '../call/view/announcements.js';
import { callScreen } from './call.js';

/** Who has not come into a room after this is told that it failed. */
const JOIN_MS = 15_000;

/** @typedef {{hear: (m: {what: string, n?: number}) => void, end: () => void}} Visits */

/**
 * @param {App} app @param {Call} main
 * @param {{show: (screen: Screen) => void, main: () => void}} on what the window shows
 * @returns {Visits}
 */
export function visits(app, main, on) {
  /** @type {Call|null} the room that the person is in */
  let inside = null;
  /** @type {Call|null} the room that is being joined; no more once the person has turned back */
  let entering = null;

  const turnBack = () => {
    entering?.leave();
    entering = null;
  };

  /** @param {boolean} own the person's own act: who is brought back is neither seen nor heard there */
  const back = async (own) => {
    turnBack();
    const room = inside;
    if (!room) return;
    inside = null;
    clearToasts(); // their buttons are of the room
    await room.local.moveTo(main.local, own);
    main.sinks.hush(false);
    on.main();
    room.leave();
  };

  const closed = () => {
    void back(false);
    toast(t('breakouts.closed'), { icon: 'door', key: 'rooms', testid: 'breakouts-closed' });
  };

  /** @param {Go} to */
  const go = async (to) => {
    if (entering || inside?.room === to.n) return;
    const { name } = main.store.get().state;
    const guest = Boolean(app.session?.guest);
    const link = to.key ? parse(to.key) : null;
    if (Boolean(link) !== Boolean(main.encryption)) return failed();
    const o = { meeting: to.meeting, name, password: '', pressed: performance.now(), link, guest, room: null };
    const room = new Call(o, new LocalMedia());
    room.room = to.n;
    const leave = () => main.leave();
    room.store.watch(
      (p) => p.state.phase,
      (phase) => {
        if (phase === 'ended' && inside === room) closed();
      },
    );
    entering = room;
    const late = setTimeout(() => room.close(), JOIN_MS);
    try {
      await room.join();
      if (room.store.get().state.phase !== 'joined') throw new Error('a room has no waiting room');
    } catch {
      room.close();
      if (entering === room) failed();
      return;
    } finally {
      clearTimeout(late);
    }
    if (entering !== room) return room.leave(); // the person turned back, or left
    entering = null;
    const from = inside ?? main;
    inside = room;
    clearToasts(); // their buttons are of where the person was
    await from.local.moveTo(room.local);
    if (from !== main) from.leave();
    if (inside !== room) return room.local.moveTo(main.local, false); // it has ended meanwhile
    on.show(callScreen(app, room, { visit: { n: to.n, main, back: () => void back(true), leave } }));
    main.setView([]);
    main.sinks.hush(true);
  };

  const failed = () => {
    entering = null;
    toast(t('breakouts.failed'), { icon: 'warn', urgent: true, key: 'room' });
  };

  return {
    hear(m) {
      if (m.what === 'go') {
        void main.parts.breakouts().then(({ store }) => {
          const { mine, open } = store.get();
          const to = m.n ? open[m.n - 1] : mine;
          if (to) void go(to);
        });
      }
      if (m.what === 'close') turnBack();
      if (m.what === 'close' && inside) closed();
      if (!inside) return;
      if (m.what !== 'told') return tellOfBreakouts(m); // the meeting's own page is not shown
      const act = () => main.tell('room', { what: 'go' });
      const actions = [{ label: t('breakouts.go', { n: m.n ?? 0 }), primary: true, act }];
      toast(t('breakouts.told', { n: m.n ?? 0 }), { icon: 'door', urgent: true, key: 'room', ms: 20_000, actions });
    },
    end() {
      turnBack();
      const room = inside;
      inside = null;
      room?.leave();
    },
  };
}
