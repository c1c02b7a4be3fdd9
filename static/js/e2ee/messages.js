// What is said over a pairwise channel, as bytes and back (docs/e2ee.md, section 6). A message has one spelling.
/** @import {Bytes} from './bytes.js' */
import { concat, utf8 } from './bytes.js';
import { NONE, Reader, readApp, readChat, readLine, readName, u32, u8 } from './encoding.js';
import { LAST_GENERATION, LAST_STEP } from './chain.js';

/** Private texts, in bytes: a relay takes 2 KiB. */
export const MAX_PRIVATE = 1500;

/**
 * @typedef {{type: 'key', gen: number, step: number, chain: Bytes, hash: Bytes}
 *   | {type: 'ack', gen: number, step: number}
 *   | {type: 'name', name: string}
 *   | {type: 'credential', credential: Bytes}
 *   | {type: 'consent', state: number, what: string}
 *   | {type: 'chat', text: string}
 *   | {type: 'app', text: string}
 *   | {type: 'roster', hash: Bytes, ask: boolean}} Message consent: state 0 refused, 1 given, 2 asked
 */

/** @param {Message} m @returns {Bytes} */
export function encode(m) {
  switch (m.type) {
    case 'key': return concat(u8(1), u32(m.gen), u8(m.step), m.chain, m.hash);
    case 'ack': return concat(u8(2), u32(m.gen), u8(m.step));
    case 'name': return concat(u8(3), utf8(m.name));
    case 'credential': return concat(u8(4), m.credential);
    case 'consent': return concat(u8(5), u8(m.state), utf8(m.what));
    case 'chat': return concat(u8(6), utf8(m.text));
    case 'app': return concat(u8(8), utf8(m.text));
    default: return concat(u8(7), m.hash, u8(m.ask ? 1 : 0));
  }
}

/** @param {Bytes} plain @returns {Message|null} null for a type we do not know; throws for what is none */
export function parse(plain) {
  const r = new Reader(plain);
  const read = READERS[r.u8()];
  const message = read ? read(r) : null;
  if (read) r.end();
  return message;
}

/** @param {boolean} ok */
function must(ok) {
  if (!ok) throw new RangeError('out of bounds');
}

/** @param {Reader} r @returns {{gen: number, step: number}} */
function position(r) {
  const [gen, step] = [r.u32(), r.u8()];
  must(gen <= LAST_GENERATION && step <= LAST_STEP);
  return { gen, step };
}

/** @type {Record<number, ((r: Reader) => Message)|undefined>} */
const READERS = {
  1: (r) => ({ type: 'key', ...position(r), chain: r.take(32).slice(), hash: r.take(16).slice() }),
  2: (r) => ({ type: 'ack', ...position(r) }),
  3: (r) => ({ type: 'name', name: readName(r.rest()) }),
  4: (r) => {
    const credential = r.rest().slice();
    must(credential.length > 34 && credential.length === 34 + 145 * credential[33] && credential[33] <= 4);
    return { type: 'credential', credential };
  },
  5: (r) => {
    const state = r.u8();
    const what = state === 2 ? readLine(r.rest()) : readLine(NONE);
    must(state <= 2);
    return { type: 'consent', state, what };
  },
  6: (r) => {
    const said = r.rest();
    must(said.length <= MAX_PRIVATE);
    return { type: 'chat', text: readChat(said) };
  },
  7: (r) => {
    const hash = r.take(16).slice();
    const ask = r.u8();
    must(ask <= 1);
    return { type: 'roster', hash, ask: ask === 1 };
  },
  8: (r) => {
    const said = r.rest();
    must(said.length <= MAX_PRIVATE);
    return { type: 'app', text: readApp(said) };
  },
};
