// The breakout rooms of one call. The host's page makes the rooms, their keys, and tells each person theirs alone; the
// others keep the one they were told (docs/client.md, "Breakout rooms").
/** @import {Call} from './call.js' */
/** @import {AppEvent} from '../protocol-types.js' */
/** @import {Go} from '../core/breakouts.js' */
import { createStore } from '../ui/store.js';
import { read } from '../core/breakouts.js';
import { identity } from '../e2ee/identity.js';
import { format, make, parse } from '../e2ee/link.js';

/** Pages leave the rooms when they are told to; the server ends them after this. */
const GRACE_MS = 4000;
const LOOK_MS = 500;
/** So many people are told at once, and one more after each pause: the server takes 10 requests a second. */
const AT_ONCE = 20;
const PAUSE_MS = 150;

/**
 * @typedef {object} Shown
 * @property {readonly Go[]} open on the host's page: the rooms
 * @property {ReadonlyMap<number, number>} assigned on the host's page: participant → room
 * @property {(Go & {from: number})|null} mine the room that this page was told
 */

export class Breakouts {
  store = createStore(/** @type {Shown} */ ({ open: [], assigned: new Map(), mine: null }));
  #call;
  #timer = 0;
  #closing = false;
  #stop;

  /** @param {Call} call of the meeting whose rooms they are */
  constructor(call) {
    this.#call = call;
    this.#stop = call.store.watch(
      (p) => p.state.people,
      (people, before) => {
        const { assigned, mine } = this.store.get();
        const here = new Map([...assigned].filter(([n]) => people.has(n)));
        if (here.size < assigned.size) this.store.set((s) => ({ ...s, assigned: here }));
        if (mine && before?.has(mine.from) && !people.has(mine.from)) {
          call.tell('room', { what: 'orphan', name: before.get(mine.from)?.name ?? '' });
        }
      },
    );
  }

  /** @param {AppEvent} m only the host is heard */
  hear(m) {
    const said = read(m.text);
    const host = this.#call.store.get().state.people.get(m.from);
    if (!said || host?.role !== 'host' || this.#call.store.get().state.meeting?.confidential) return;
    if (said.breakouts === 'say') return this.#call.tell('room', { what: 'say', name: host.name, text: said.text });
    if (said.breakouts === 'close') return this.#mine(null);
    if (!m.to) return; // a room is told to one
    // The key of an encrypted room is there, and a plain one has none: no room is less encrypted.
    if (said.breakouts === 'go' && Boolean(said.key && parse(said.key)) !== Boolean(this.#call.encryption)) return;
    this.#mine(said.breakouts === 'go' ? { ...said, from: m.from } : null);
  }

  /** @param {Shown['mine']} mine */
  #mine(mine) {
    const before = this.store.get().mine;
    if (mine?.meeting === before?.meeting) return;
    this.store.set((s) => ({ ...s, mine }));
    this.#call.assigned(mine?.n ?? 0);
    this.#call.tell('room', mine ? { what: 'told', n: mine.n } : { what: 'close' });
  }

  /**
   * open makes rooms and tells people theirs. With minutes a countdown runs for all, and the rooms close at its end.
   * @param {number} n @param {ReadonlyMap<number, number>} assigned @param {number} minutes 0 for none
   * @returns {Promise<boolean>} false: it failed, and the person was told
   */
  async open(n, assigned, minutes) {
    const ids = await this.#call.openBreakouts(n);
    if (!ids) return false;
    const open = await Promise.all(
      ids.map(async (meeting, i) => /** @type {Go} */ ({ breakouts: 'go', n: i + 1, meeting, key: await this.#key() })),
    );
    this.store.set((s) => ({ ...s, open, assigned: new Map() }));
    let told = 0;
    for (const [participant, room] of assigned) {
      if (++told > AT_ONCE) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await this.assign(participant, room);
    }
    if (minutes > 0 && (await this.#call.request('timer', { in_s: minutes * 60 }))) this.#closeWithTimer();
    return true;
  }

  /** @returns {Promise<string>} the fragment of a new room's link: those who have it get keys there */
  async #key() {
    if (!this.#call.encryption) return '';
    const { ikPublic } = await identity(false); // no guest opens rooms
    return format(await make(ikPublic, false));
  }

  #closeWithTimer() {
    clearInterval(this.#timer);
    let seen = false;
    this.#timer = window.setInterval(() => {
      const { timer } = this.#call.store.get();
      seen ||= timer !== null;
      if (seen && !timer) return clearInterval(this.#timer); // stopped: the host closes by hand
      if (timer && performance.now() >= timer.endsAt) void this.close(); // again, until it could be told
    }, LOOK_MS);
  }

  /** @param {number} participant @param {number} n their room, 0 for none */
  async assign(participant, n) {
    const before = this.store.get().assigned;
    if ((before.get(participant) ?? 0) === n) return;
    const room = this.store.get().open[n - 1];
    const text = JSON.stringify(room ?? { breakouts: 'stay' });
    if (!(await this.#call.request('app', { to: participant, text }))) return;
    const assigned = new Map(this.store.get().assigned);
    if (room) assigned.set(participant, n);
    else assigned.delete(participant);
    this.store.set((s) => ({ ...s, assigned }));
  }

  /** @param {string} text to everybody, in the rooms and out of them */
  say(text) {
    return this.#call.request('app', { text: JSON.stringify({ breakouts: 'say', text }) });
  }

  /** close brings everybody back. Where that can't be told, the rooms stay open, and it can be tried again. */
  async close() {
    if (this.#closing || this.store.get().open.length === 0) return;
    this.#closing = true;
    const told = await this.#call.request('app', { text: JSON.stringify({ breakouts: 'close' }) });
    this.#closing = false;
    if (!told) return;
    clearInterval(this.#timer);
    this.store.set((s) => ({ ...s, open: [], assigned: new Map() }));
    this.#call.tell('room', { what: 'close' });
    setTimeout(() => {
      if (this.store.get().open.length === 0) void this.#call.request('close_breakouts', {});
    }, GRACE_MS);
  }

  stop() {
    this.#stop();
    clearInterval(this.#timer);
  }
}
