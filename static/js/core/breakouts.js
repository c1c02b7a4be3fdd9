// Breakout rooms as values: what pages tell each other about them, read strictly, and how people are spread.

/** Rooms of a meeting: the protocol's bound. */
export const MAX_BREAKOUTS = 20;
/** Characters of what a host says to all rooms. */
export const MAX_SAY = 500;

/**
 * @typedef {{breakouts: 'go', n: number, meeting: string, key: string}} Go to one: the room they are assigned to.
 *   key: the fragment of its link, empty in a plain meeting
 */
/**
 * @typedef {Go|{breakouts: 'stay'}|{breakouts: 'say', text: string}|{breakouts: 'close'}} Message
 *   stay: to one, who has no room
 */

// eslint-disable-next-line no-control-regex -- control characters are what it finds
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** @type {Record<string, {keys: string, is: (v: any) => boolean}>} */
const KINDS = {
  go: {
    keys: 'breakouts,key,meeting,n',
    is: (v) =>
      Number.isInteger(v.n) &&
      v.n >= 1 &&
      v.n <= MAX_BREAKOUTS &&
      typeof v.meeting === 'string' &&
      /^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/.test(v.meeting) &&
      typeof v.key === 'string' &&
      /^(|#k=[\w-]{43}&c=[\w-]{22}&l=0)$/.test(v.key),
  },
  stay: { keys: 'breakouts', is: () => true },
  say: {
    keys: 'breakouts,text',
    is: (v) =>
      typeof v.text === 'string' && v.text.trim() !== '' && [...v.text].length <= MAX_SAY && !UNSEEN.test(v.text),
  },
  close: { keys: 'breakouts', is: () => true },
};

/**
 * read reads what another page says of rooms. Whatever is not exactly a message is null, and never an exception.
 * @param {string} text @returns {Message|null}
 */
export function read(text) {
  if (text.length > 4000) return null;
  try {
    const v = JSON.parse(text);
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return null;
    const kind = typeof v.breakouts === 'string' && Object.hasOwn(KINDS, v.breakouts) ? KINDS[v.breakouts] : null;
    return kind && Object.keys(v).sort().join() === kind.keys && kind.is(v) ? v : null;
  } catch {
    return null;
  }
}

/**
 * spread gives everybody a room, so that none has two more than another. Who has one already keeps it if it fits.
 * @param {readonly number[]} people @param {number} rooms @param {ReadonlyMap<number, number>} [before]
 * @returns {Map<number, number>} participant → room, from 1
 */
export function spread(people, rooms, before = new Map()) {
  const most = Math.ceil(people.length / rooms);
  /** @type {number[]} */
  const size = Array(rooms).fill(0);
  /** @type {Map<number, number>} */
  const out = new Map();
  for (const p of people) {
    const n = before.get(p) ?? 0;
    if (n < 1 || n > rooms || size[n - 1] >= most) continue;
    out.set(p, n);
    size[n - 1]++;
  }
  for (const p of people) {
    if (out.has(p)) continue;
    const n = size.indexOf(Math.min(...size));
    out.set(p, n + 1);
    size[n]++;
  }
  return out;
}
