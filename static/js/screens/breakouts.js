// Going to a breakout room and back. The seat in the meeting is kept meanwhile, unseen and unheard: so no one waits to
// be let in again, what the host says reaches everybody, and the way back needs no server.
/** @import {App, Screen} from '../main.js' */
/** @import {Go} from '../core/breakouts.js' */
import { closeToast, toast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import { parse } from '../e2ee/link.js';
import { Call } from '../call/call.js';
import { LocalMedia } from '../call/localmedia.js';
import { tellOfBreakouts } from '../call/view/announcements.js';
import { callScreen } from './call.js';

/** @typedef {{hear: (m: {what: string, n?: number}) => void, end: () => void}} Visits */

/**
 * @param {App} app @param {Call} main
 * @param {{show: (screen: Screen) => void, main: () => void}} on what the window shows
 * @returns {Visits}
 */
export function visits(app, main, on) {
  /** @type {Call|null} the room that the person is in */
  let inside = null;
  let going = false;

  const back = async () => {
    const room = inside;
    if (!room) return;
    inside = null;
    await room.local.moveTo(main.local);
    main.sinks.hush(false);
    on.main();
    room.leave();
  };

  /** @param {Go} to */
  const go = async (to) => {
    if (going || inside?.room === to.n) return;
    going = true;
    closeToast('room');
    const from = inside ?? main;
    const { name } = main.store.get().state;
    const guest = Boolean(app.session?.guest);
    const link = to.key ? parse(to.key) : null;
    const o = { meeting: to.meeting, name, password: '', pressed: performance.now(), link, guest, room: null };
    const room = new Call(o, new LocalMedia());
    room.room = to.n;
    const leave = () => main.leave();
    room.store.watch(
      (p) => p.state.phase,
      (phase) => {
        if (phase !== 'ended' || inside !== room) return;
        toast(t('breakouts.closed'), { icon: 'door', key: 'rooms', testid: 'breakouts-closed' });
        void back();
      },
    );
    try {
      await room.join();
      inside = room;
      await from.local.moveTo(room.local);
      on.show(callScreen(app, room, { visit: { n: to.n, main, back: () => void back(), leave } }));
      main.setView([]);
      main.sinks.hush(true);
      if (from !== main) from.leave();
    } catch {
      room.close();
      toast(t('breakouts.failed'), { icon: 'warn', urgent: true, key: 'room' });
    }
    going = false;
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
      if (m.what === 'close' && inside) {
        void back();
        toast(t('breakouts.closed'), { icon: 'door', key: 'rooms', testid: 'breakouts-closed' });
      }
      if (!inside) return;
      if (m.what !== 'told') return tellOfBreakouts(m); // the meeting's own page is not shown
      const act = () => main.tell('room', { what: 'go' });
      const actions = [{ label: t('breakouts.go', { n: m.n ?? 0 }), primary: true, act }];
      toast(t('breakouts.told', { n: m.n ?? 0 }), { icon: 'door', urgent: true, key: 'room', ms: 20_000, actions });
    },
    end() {
      const room = inside;
      inside = null;
      room?.leave();
    },
  };
}
