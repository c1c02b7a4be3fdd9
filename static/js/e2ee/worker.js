// The worker that holds every key. The page tells it what the server says and what the person does; it tells the page what to send and
// what to show, and opens and seals the media in between (docs/e2ee.md). No key leaves it.
/** @import {Event, Output, View} from './types.js' */
/** @import {Identity} from './announce.js' */
/** @import {Link} from './link.js' */
import { Opener, Sealer, Times, run } from './pipes.js';
import { Session } from './session.js';
import { TRACKS } from './chain.js';

/** @typedef {keyof typeof TRACKS} Source */

/**
 * What the page says.
 * @typedef {{do: 'begin', call: number, meeting: string, link: Link, identity: Identity, name: string,
 *     room: Identity|null}
 *   | {do: 'event', event: Event}
 *   | {do: 'slots', slots: {slot: string, participant: number, source: string}[]}
 *   | {do: 'ready', call: number, sender: string}
 *   | {do: 'issue', call: number, list: {participant: number, role: string}[]}
 *   | {do: 'counts', call: number}
 *   | {do: 'times', call: number}
 *   | {do: 'drop', ids: string[]}} Order
 */

/**
 * What the worker says.
 * @typedef {{say: 'answer', call: number, answer: any} | {say: 'out', out: Output[]} | {say: 'view', view: View}} Word
 */

/** @typedef {{readable: ReadableStream<any>, writable: WritableStream<any>, options: {seal?: Source, id: string}, sendKeyFrameRequest?: () => Promise<void>}} Transformer */

const scope = /** @type {any} */ (globalThis);
/** @param {Word} word */
const say = (word) => scope.postMessage(word);

/** @type {Session|null} */
let session = null;
/** @type {Map<string, {sealer: Sealer, times: Times}>} */
const sealers = new Map();
/** @type {Map<string, {opener: Opener, times: Times}>} */
const openers = new Map();
/** What the server said of slots whose transform is not there yet. @type {Map<string, {participant: number, track: number}>} */
const owners = new Map();
/** @type {{sender: string, call: number}[]} */
let waiting = [];
/** One thing after the other. */
let queue = Promise.resolve();
let timer = 0;
let shown = '';
let lastNow = 0;

/** @returns {number} Unix ms that never go back */
function now() {
  lastNow = Math.max(lastNow, Date.now());
  return lastNow;
}

/** @param {() => Promise<void>} work */
function next(work) {
  queue = queue.then(work).catch(() => {}); // what fails is not sent, not opened, not shown
}

/** @param {Event} event */
async function handle(event) {
  if (!session) return;
  const mine = session;
  const out = await mine.handle(event, now());
  if (session !== mine) return;
  const words = out.filter((o) => o.type !== 'keys');
  if (words.length > 0) say({ say: 'out', out: words });
  for (const o of out) if (o.type === 'keys') for (const { opener } of openers.values()) opener.keyCame(o.participant);
  confirm();
  const view = await mine.view();
  const text = JSON.stringify(view);
  if (text !== shown) say({ say: 'view', view });
  shown = text;
  clearTimeout(timer);
  const wait = mine.deadline(now()) - now();
  if (wait < Infinity) timer = scope.setTimeout(() => next(() => handle({ type: 'tick' })), Math.max(10, wait));
}

/** Answers those who wait to send: their transform is attached, and there is a key. */
function confirm() {
  const able = (/** @type {string} */ id) => session?.sender.usable && sealers.has(id);
  for (const { sender, call } of waiting) if (able(sender)) say({ say: 'answer', call, answer: true });
  waiting = waiting.filter((w) => !able(w.sender));
}

/** @type {import('./pipes.js').Keys} */
const keys = {
  key: async (participant, kid) => session?.keyring.key(participant, kid) ?? null,
  opened: (participant, key, ctr) => session?.keyring.opened(participant, key, ctr, now()),
  now,
};

/** @param {Transformer} transformer */
function attach(transformer) {
  const { seal, id } = transformer.options;
  const took = new Times();
  if (seal) {
    const sealer = new Sealer(() => session?.sender.key(TRACKS[seal]) ?? null);
    sealers.set(id, { sealer, times: took });
    void run(transformer, sealer, took).finally(() => sealers.delete(id));
    return confirm();
  }
  const opener = new Opener(keys);
  opener.askKeyFrame = () => { transformer.sendKeyFrameRequest?.().catch(() => {}); }; // audio has none
  const owner = owners.get(id);
  if (owner) opener.assign(owner);
  openers.set(id, { opener, times: took });
  void run(transformer, opener, took).finally(() => openers.delete(id));
}

/** @param {{slot: string, participant: number, source: string}[]} slots */
function assign(slots) {
  for (const { slot, participant, source } of slots) {
    const owner = { participant, track: TRACKS[/** @type {Source} */ (source)] ?? -1 };
    owners.set(slot, owner);
    openers.get(slot)?.opener.assign(owner);
  }
}

/**
 * @returns {{sealed: Record<string, number>, dropped: Record<string, number>, passed: Record<string, number>, opened: Record<string,
 *   Opener['counts']>}} frames by sender and by slot; passed: all that reached a sender's transform
 */
const counts = () => ({
  passed: Object.fromEntries([...sealers].map(([id, { sealer: { counts: c } }]) => [id, c.sealed + c.dropped + c.empty])),
  sealed: Object.fromEntries([...sealers].map(([id, s]) => [id, s.sealer.counts.sealed])),
  dropped: Object.fromEntries([...sealers].map(([id, s]) => [id, s.sealer.counts.dropped])),
  opened: Object.fromEntries([...openers].map(([id, o]) => [id, o.opener.counts])),
});

/** @param {Map<string, {times: Times}>} pipes @returns {number[]} ms a frame, of the last frames of each */
const times = (pipes) => [...pipes.values()].flatMap((p) => p.times.list());

/** @param {Order} m */
function obey(m) {
  switch (m.do) {
    case 'begin':
      return next(async () => {
        session = await Session.create({ ...m, now: now() });
        shown = '';
        say({ say: 'answer', call: m.call, answer: { announce: session.announce, admit: session.admit } });
      });
    case 'event': return next(() => handle(m.event));
    case 'slots': return assign(m.slots);
    case 'ready':
      waiting.push({ sender: m.sender, call: m.call });
      return confirm();
    case 'issue':
      return next(async () => {
        const list = [];
        for (const { participant, role } of m.list) list.push({ participant, credential: await session?.issue(participant, role, now()) ?? null });
        say({ say: 'answer', call: m.call, answer: list });
      });
    case 'times': return say({ say: 'answer', call: m.call, answer: { seal: times(sealers), open: times(openers) } });
    case 'counts': return say({ say: 'answer', call: m.call, answer: counts() });
    case 'drop':
      for (const id of m.ids) for (const map of [owners, openers, sealers]) map.delete(id);
      waiting = waiting.filter((w) => !m.ids.includes(w.sender));
  }
}

scope.onmessage = (/** @type {MessageEvent<Order>} */ event) => obey(event.data);
scope.onrtctransform = (/** @type {{transformer: Transformer}} */ event) => attach(event.transformer);
