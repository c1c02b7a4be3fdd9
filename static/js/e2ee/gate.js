// Whether one may send now, told to the media worker with the keys of each epoch (docs/e2ee2.md, sections 9 to 11).
/** @import {Epoch} from './epoch.js' */
/** @import {Session} from './session.js' */
import { NONE } from './encoding.js';

const BASE_KEY = 'SFrame 1.0 Base Key';

/** The gate of one seat. */
export class Gate {
  #s;
  #told = '';

  /** @param {Session} session */
  constructor(session) {
    this.#s = session;
  }

  /** @param {number} now @returns {boolean} whether what one says and shows may go out */
  open(now) {
    const s = this.#s;
    const { epoch } = s;
    if (!epoch || epoch.number === 0n || s.stuck || !s.confirmed) return false;
    return now < s.losses.stopAt && s.beats.state(now) !== 'stopped';
  }

  /** @param {Epoch} epoch @param {Epoch|null} before @param {boolean} removal */
  async entered(epoch, before, removal) {
    if (epoch.number === 0n) return;
    const base = await epoch.group.exportSecret(BASE_KEY, NONE, 16);
    const members = /** @type {[number, string][]} */ ([...epoch.leaves].map(([leaf, m]) => [leaf, m.key]));
    const { leaf } = epoch.group;
    const anew = !before || before.groupId !== epoch.groupId || epoch.number <= before.number;
    const order = {
      order: /** @type {const} */ ('epoch'),
      epoch: epoch.number,
      base,
      leaf,
      members,
      removal: removal || anew,
    };
    this.#s.out.push({ type: 'media', order });
  }

  /** @param {number} now tells what changed */
  settle(now) {
    const s = this.#s;
    const owners = s.roster.news();
    if (owners.length > 0) s.out.push({ type: 'media', order: { order: 'owners', owners } });
    const send = this.open(now);
    const haltIn = send && s.losses.stopAt < Infinity ? s.losses.stopAt - now : null;
    const state = `${send} ${haltIn === null ? '' : s.losses.stopAt}`;
    if (state === this.#told) return;
    this.#told = state;
    s.out.push({ type: 'media', order: { order: 'may', send, haltIn } });
  }
}
