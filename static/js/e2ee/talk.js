// What members say to all, as bytes and back (docs/e2ee.md, section 12), and how much of it is read.
/** @import {Bytes} from './bytes.js' */
import { concat, utf8 } from './bytes.js';
import { NONE, Reader, readApp, readChat, readReaction, u64, u8 } from './encoding.js';

/** Classes of length that messages are padded to. */
const CLASSES = [64, 256, 1024, 4096, 8192];

/** @param {number} n bytes @returns {number} the class they are padded to */
export function classOf(n) {
  const fits = CLASSES.find((c) => n <= c);
  if (fits === undefined) throw new RangeError('too long');
  return fits;
}

/**
 * @typedef {{type: 'here'}
 *   | {type: 'beat', epoch: bigint, position: bigint}
 *   | {type: 'chat'|'reaction'|'app', text: string}
 *   | {type: 'compare', epoch: bigint}
 *   | {type: 'consent', given: boolean, bot: Bytes}} Message
 */

const CODES = /** @type {const} */ ({ here: 1, beat: 2, chat: 3, reaction: 4, app: 5, compare: 6, consent: 7 });

/** @param {Message} m @returns {Bytes} without padding */
export function encodeTalk(m) {
  const code = u8(CODES[m.type]);
  switch (m.type) {
    case 'here':
      return code;
    case 'beat':
      return concat(code, u64(m.epoch), u64(m.position));
    case 'compare':
      return concat(code, u64(m.epoch));
    case 'consent':
      return concat(code, u8(m.given ? 1 : 0), m.bot);
    default:
      return concat(code, utf8(m.text));
  }
}

/** @type {Record<number, ((r: Reader) => Message)|undefined>} */
const READERS = {
  1: () => ({ type: 'here' }),
  2: (r) => ({ type: 'beat', epoch: r.u64(), position: r.u64() }),
  3: (r) => ({ type: 'chat', text: readChat(r.rest()) }),
  4: (r) => ({ type: 'reaction', text: readReaction(r.rest()) }),
  5: (r) => ({ type: 'app', text: readApp(r.rest()) }),
  6: (r) => ({ type: 'compare', epoch: r.u64() }),
  7: (r) => {
    const given = r.u8();
    if (given > 1) throw new TypeError('neither 0 nor 1');
    return { type: 'consent', given: given === 1, bot: r.take(32).slice() };
  },
};

/** @param {Bytes} plain @returns {Message|null} null for a type that isn't known; throws for what is no message */
export function parseTalk(plain) {
  const r = new Reader(plain.length > 0 ? plain : NONE);
  const read = READERS[r.u8()];
  const m = read ? read(r) : null;
  if (read) r.end();
  return m;
}

const RATE = 10;
const BURST = 40;
/** How much of each sender is read: 10 messages a second, after a burst of 40. What is more is dropped unopened. */
export class Rates {
  /** @type {Map<string, {tokens: number, at: number}>} */
  #senders = new Map();

  /** @param {string} who @param {number} now ms @returns {boolean} whether one more is read now */
  take(who, now) {
    const s = this.#senders.get(who) ?? { tokens: BURST, at: now };
    this.#senders.set(who, s);
    s.tokens = Math.min(BURST, s.tokens + ((now - s.at) * RATE) / 1000);
    s.at = now;
    if (s.tokens < 1) return false;
    s.tokens--;
    return true;
  }

  /** @param {(who: string) => boolean} here forgets the others */
  keep(here) {
    for (const who of this.#senders.keys()) if (!here(who)) this.#senders.delete(who);
  }
}
