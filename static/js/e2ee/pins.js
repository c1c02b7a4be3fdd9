// Whose key is whose: what a device remembers of those it met, and what that makes of those who are here (docs/e2ee.md, section 15).
// What is remembered is stored by `identity`.
import { base64url } from './bytes.js';
import { hash, label } from './encoding.js';
import { fold } from './fold.js';

/** People remembered; of more, those met longest ago are forgotten. */
export const MAX_PINS = 1000;

/** @typedef {{ik: string, name: string, verified: boolean, met: number}} Pin name is a hash: the device keeps no list of names; met in Unix ms */
/** @typedef {'verified'|'known'|'new'|'changed'} Trust */
/** @typedef {{put: Pin[], drop: string[]}} PinChange pins to store anew, and keys to forget */

/** @typedef {{key: string, name: string}} Met somebody who is here */

/** @param {string} name @returns {Promise<string>} the same for names that look the same */
const nameMark = async (name) => base64url((await hash(label('pin'), fold(name))).subarray(0, 16));

/** Who this device met, by key. */
export class Pins {
  /** as it was when the meeting began @type {Map<string, Pin>} */
  #before;
  /** @type {Map<string, Pin>} */
  #now;

  /** @param {readonly Pin[]} [kept] from earlier meetings; none for guests */
  constructor(kept = []) {
    this.#before = new Map(kept.map((p) => [p.ik, p]));
    this.#now = new Map(this.#before);
  }

  /** @param {Met} p @returns {Promise<Trust>} */
  async trust({ key: ik, name }) {
    const mark = await nameMark(name);
    const now = this.#now.get(ik);
    if (now?.verified && now.name === mark) return 'verified';
    if (this.#before.get(ik)?.name === mark) return 'known';
    // Whoever takes the name of somebody else is told of, however well their own key is known.
    for (const pin of this.#before.values()) if (pin.name === mark && pin.ik !== ik) return 'changed';
    return now?.verified ? 'verified' : 'new';
  }

  /**
   * meet remembers who is here. A key that is not the one known for its name is not remembered before the numbers were
   * compared: else it would be known from the next meeting on, whosever it is.
   * @param {readonly Met[]} people @param {boolean} verified the person compared numbers with each of these
   * @param {number} now Unix ms @returns {Promise<PinChange>} what is to be stored
   */
  async meet(people, verified, now) {
    /** @type {Pin[]} */
    const put = [];
    for (const p of people) {
      if (!p.key || !p.name) continue;
      if (!verified && (await this.trust(p)) === 'changed') continue;
      const before = this.#now.get(p.key);
      const pin = {
        ik: p.key,
        name: await nameMark(p.name),
        verified: verified || Boolean(before?.verified),
        met: now,
      };
      if (
        before &&
        before.name === pin.name &&
        before.verified === pin.verified &&
        this.#before.get(p.key) !== before
      ) {
        continue;
      }
      this.#now.set(p.key, pin);
      put.push(pin);
    }
    return { put, drop: this.#forget() };
  }

  /** @returns {string[]} the keys forgotten, because there are too many */
  #forget() {
    const drop = [...this.#now.values()]
      .sort((a, b) => a.met - b.met)
      .slice(0, Math.max(0, this.#now.size - MAX_PINS))
      .map((p) => p.ik);
    for (const ik of drop) this.#now.delete(ik);
    return drop;
  }
}
