// Polls as values: what pages tell each other about them, read strictly because any member may have sent it, and what
// follows. The asker's page counts; it alone receives the votes (docs/client.md, "Polls").
/** @import {Role} from './types.js' */

/** Polls kept; older ones are forgotten. */
const MAX_POLLS = 20;
export const MAX_QUESTION = 300;
export const MAX_CHOICE = 100;
export const MAX_CHOICES = 8;
/** Voters named in a result; of more only the counts are told. */
const MAX_NAMED = 400;
/** What a count may be: no meeting has more people. */
const MAX_COUNT = 10_000;
/** What a page says at most, in characters: the protocol's bound. */
const MAX_TEXT = 8000;

/**
 * @typedef {{poll: 'ask', id: string, q: string, choices: string[], multiple: boolean, named: boolean, live: boolean}}
 *   Ask
 */
/** @typedef {[participant: number, mask: number]} Voter */
/** @typedef {{poll: 'vote', id: string, mask: string}} Vote mask: two hexadecimal digits, so that all are as long */
/**
 * @typedef {{poll: 'results', id: string, counts: number[], voters: number, named: Voter[], closed: boolean}}
 *   Results named: where votes are by name
 */
/** @typedef {Ask|Vote|Results} Message */

/**
 * @typedef {object} Poll
 * @property {number} from who asks @property {string} name theirs, when they asked
 * @property {Ask} ask
 * @property {'open'|'closed'|'gone'} phase gone: the asker has left, and with them the count
 * @property {number} mine mask of one's own vote
 * @property {Results|null} results as the asker last told them
 */

// eslint-disable-next-line no-control-regex -- control characters are what it finds
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** @param {unknown} v @param {number} max @returns {v is string} one line that may be shown */
const line = (v, max) => typeof v === 'string' && v.trim() === v && v !== '' && [...v].length <= max && !UNSEEN.test(v);

/** @param {unknown} v @param {number} max @returns {v is number} */
const whole = (v, max) => Number.isInteger(v) && Number(v) >= 0 && Number(v) <= max;

/** @param {any} v @returns {boolean} */
const isAsk = (v) =>
  line(v.q, MAX_QUESTION) &&
  Array.isArray(v.choices) &&
  v.choices.length >= 2 &&
  v.choices.length <= MAX_CHOICES &&
  v.choices.every((/** @type {unknown} */ c) => line(c, MAX_CHOICE)) &&
  new Set(v.choices).size === v.choices.length &&
  [v.multiple, v.named, v.live].every((b) => typeof b === 'boolean');

/** @param {any} v @returns {boolean} */
const isVote = (v) => typeof v.mask === 'string' && /^[0-9a-f]{2}$/.test(v.mask);

/** @param {any} v @returns {boolean} */
const isResults = (v) =>
  Array.isArray(v.counts) &&
  v.counts.length >= 2 &&
  v.counts.length <= MAX_CHOICES &&
  v.counts.every((/** @type {unknown} */ n) => whole(n, MAX_COUNT)) &&
  whole(v.voters, MAX_COUNT) &&
  Array.isArray(v.named) &&
  v.named.length <= MAX_NAMED &&
  v.named.every(
    (/** @type {unknown} */ e) => Array.isArray(e) && e.length === 2 && whole(e[0], 2 ** 32 - 1) && whole(e[1], 255),
  ) &&
  typeof v.closed === 'boolean';

const KINDS = /** @type {Record<string, {keys: string, is: (v: any) => boolean}>} */ ({
  ask: { keys: 'choices,id,live,multiple,named,poll,q', is: isAsk },
  vote: { keys: 'id,mask,poll', is: isVote },
  results: { keys: 'closed,counts,id,named,poll,voters', is: isResults },
});

/**
 * read reads what another page says. Whatever is not exactly a message is null, and never an exception.
 * @param {string} text @returns {Message|null}
 */
export function read(text) {
  if (text.length > MAX_TEXT) return null;
  try {
    const v = JSON.parse(text);
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return null;
    const kind = typeof v.poll === 'string' && Object.hasOwn(KINDS, v.poll) ? KINDS[v.poll] : null;
    if (!kind || Object.keys(v).sort().join() !== kind.keys) return null;
    return typeof v.id === 'string' && /^[0-9a-f]{16}$/.test(v.id) && kind.is(v) ? v : null;
  } catch {
    return null;
  }
}

/** @param {number} mask @returns {string} */
export const maskText = (mask) => mask.toString(16).padStart(2, '0');

/** @param {number} mask @param {number} choice */
export const chosen = (mask, choice) => (mask & (1 << choice)) !== 0;

/** @param {Ask} ask @param {number} mask @returns {boolean} whether it is a vote on this poll; 0 takes one back */
const fits = (ask, mask) => mask >> ask.choices.length === 0 && (ask.multiple || (mask & (mask - 1)) === 0);

/**
 * heard takes an "ask" or "results" from another page. Only those who run the meeting ask. What was asked stays as
 * it is.
 * @param {readonly Poll[]} polls @param {{from: number, name: string, role: Role|undefined}} who @param {Message} m
 * @returns {{polls: readonly Poll[], news: ''|'asked'|'closed'}}
 */
export function heard(polls, who, m) {
  const i = polls.findIndex((p) => p.from === who.from && p.ask.id === m.id);
  if (m.poll === 'ask') {
    if (i >= 0 || (who.role !== 'host' && who.role !== 'cohost')) return { polls, news: '' };
    return { polls: asked(polls, who, m), news: 'asked' };
  }
  const poll = polls[i];
  if (m.poll !== 'results' || !poll || poll.phase !== 'open' || !suits(poll.ask, m)) return { polls, news: '' };
  const next = { ...poll, results: m, phase: m.closed ? /** @type {const} */ ('closed') : poll.phase };
  return { polls: polls.with(i, next), news: m.closed ? 'closed' : '' };
}

/**
 * asked adds a poll; an open one of the same asker is over with it.
 * @param {readonly Poll[]} polls @param {{from: number, name: string}} who @param {Ask} ask @returns {readonly Poll[]}
 */
export function asked(polls, { from, name }, ask) {
  const before = polls.map((p) =>
    p.from === from && p.phase === 'open' ? { ...p, phase: /** @type {const} */ ('gone') } : p,
  );
  return [...before.slice(1 - MAX_POLLS), { from, name, ask, phase: 'open', mine: 0, results: null }];
}

/** @param {Ask} ask @param {Results} r @returns {boolean} whether results are those of a poll like this */
function suits(ask, r) {
  if (r.counts.length !== ask.choices.length || r.counts.some((n) => n > r.voters)) return false;
  if (!ask.named && r.named.length > 0) return false;
  return (
    r.named.every(([, mask]) => mask > 0 && fits(ask, mask)) && new Set(r.named.map(([n]) => n)).size === r.named.length
  );
}

/**
 * @param {readonly Poll[]} polls @param {(participant: number) => boolean} here
 * @returns {readonly Poll[]} those whose asker has left are over
 */
export const withoutGone = (polls, here) =>
  polls.some((p) => p.phase === 'open' && !here(p.from))
    ? polls.map((p) => (p.phase === 'open' && !here(p.from) ? { ...p, phase: 'gone' } : p))
    : polls;

/**
 * voted takes a vote on the asker's page. The last of a participant counts; of who is not here none does, so that
 * no one votes twice by coming again, and no more votes are kept than people are here.
 * @param {ReadonlyMap<number, number>} votes @param {Ask} ask @param {number} from @param {number} mask
 * @param {(participant: number) => boolean} here @returns {ReadonlyMap<number, number>}
 */
export function voted(votes, ask, from, mask, here) {
  if (!here(from) || !fits(ask, mask)) return votes;
  const next = new Map([...votes].filter(([n]) => here(n)));
  next.delete(from);
  if (mask > 0) next.set(from, mask);
  return next;
}

/**
 * @param {ReadonlyMap<number, number>} votes @param {Ask} ask @param {(participant: number) => boolean} here
 * @param {boolean} closed @returns {Results}
 */
export function tally(votes, ask, here, closed) {
  const counted = [...votes].filter(([n]) => here(n));
  return {
    poll: 'results',
    id: ask.id,
    counts: ask.choices.map((_, i) => counted.filter(([, mask]) => chosen(mask, i)).length),
    voters: counted.length,
    named: ask.named && counted.length <= MAX_NAMED ? counted : [],
    closed,
  };
}

/**
 * csv is a poll's result as a table. A cell that a spreadsheet would take for a formula is kept from being one.
 * @param {Poll} poll @param {{choice: string, votes: string, voters: string}} words
 * @param {(participant: number) => string} nameOf @returns {string}
 */
export function csv(poll, words, nameOf) {
  const cell = (/** @type {string|number} */ v) => {
    const text = typeof v === 'string' && /^[=+\-@\t\r]/.test(v) ? `'${v}` : String(v);
    return /[",\n\r;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const { ask, results } = poll;
  const rows = [[ask.q], [words.choice, words.votes, ...(ask.named ? [words.voters] : [])]];
  for (const [i, choice] of ask.choices.entries()) {
    const names = (results?.named ?? []).filter(([, mask]) => chosen(mask, i)).map(([n]) => nameOf(n));
    rows.push([choice, String(results?.counts[i] ?? 0), ...(ask.named ? [names.join(', ')] : [])]);
  }
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
