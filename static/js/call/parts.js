// Parts of a call that are fetched when they are first needed: by what another page tells, or by a panel.
/** @import {Call} from './call.js' */
/** @import {AppEvent} from '../protocol-types.js' */
/** @import {Polls} from './polls.js' */
/** @import {Breakouts} from './breakouts.js' */

const loadPolls = () => import('./polls.js');
const loadBreakouts = () => import('./breakouts.js');
/** What fetches each part, for when there is time. */
export const loads = [loadPolls, loadBreakouts];

export class Parts {
  #call;
  /** @type {Promise<Polls>|null} */
  #polls = null;
  /** @type {Promise<Breakouts>|null} */
  #breakouts = null;

  /** @param {Call} call */
  constructor(call) {
    this.#call = call;
  }

  /** @param {AppEvent} m from another page */
  hear(m) {
    if (m.from === this.#call.store.get().state.self) return;
    const rooms = m.text.startsWith('{"breakouts"');
    if (rooms && this.#call.room) return; // a room has no rooms
    const part = rooms ? this.breakouts() : this.polls();
    part.then((p) => p.hear(m)).catch(() => {});
  }

  /** @returns {Promise<Polls>} */
  polls() {
    this.#polls ??= loadPolls().then((m) => new m.Polls(this.#call));
    this.#polls.catch(() => (this.#polls = null)); // it is tried again
    return this.#polls;
  }

  /** @returns {Promise<Breakouts>} */
  breakouts() {
    this.#breakouts ??= loadBreakouts().then((m) => new m.Breakouts(this.#call));
    this.#breakouts.catch(() => (this.#breakouts = null));
    return this.#breakouts;
  }

  close() {
    void this.#polls?.then((p) => p.close()).catch(() => {});
    void this.#breakouts?.then((r) => r.stop()).catch(() => {});
  }
}
