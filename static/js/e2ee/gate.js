// Whether one may send now, told to the media worker with the keys of each epoch (docs/e2ee.md, sections 9 to 11).
/** @import {Epoch} from './epoch.js' */
/** @import {Session} from './session.js' */
import { NONE } from './encoding.js';

/** The exporter's label of base_key. */
export const BASE_KEY = 'SFrame 1.0 Base Key';

/** The gate of one seat. */
export class Gate {
  #s;
  #told = '';

  /** @param {Session} session */
  constructor(session) {
    this.#s = session;
  }

  /** @param {number} now @returns {boolean} whether anything may be said in the group, but for who is lost */
  ready(now) {
    const s = this.#s;
    const { epoch } = s;
    if (!epoch || epoch.number === 0n || s.stuck || !s.confirmed) return false;
    return s.beats.state(now) !== 'stopped';
  }

  /** @param {number} now @returns {boolean} whether what one says may go out */
  open(now) {
    return this.ready(now) && now < this.#s.losses.stopAt;
  }

  /** @param {number} now @returns {boolean} whether what one shows may go out */
  media(now) {
    return this.ready(now) && now < this.#stopAt;
  }

  /** @returns {number} when media ends: somebody hears it who should not */
  get #stopAt() {
    return Math.min(this.#s.losses.stopAt, this.#s.outsiders.stopAt);
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
      atOnce: before !== null && this.#s.outsiders.overheard(before),
    };
    this.#s.out.push({ type: 'media', order });
  }

  /** @param {number} now tells what changed */
  settle(now) {
    const s = this.#s;
    const owners = s.roster.news();
    if (owners.length > 0) s.out.push({ type: 'media', order: { order: 'owners', owners } });
    const send = this.media(now);
    const stopAt = this.#stopAt;
    const haltIn = send && stopAt < Infinity ? stopAt - now : null;
    const state = `${send} ${haltIn === null ? '' : stopAt}`;
    if (state === this.#told) return;
    this.#told = state;
    s.out.push({ type: 'media', order: { order: 'may', send, haltIn } });
  }
}
