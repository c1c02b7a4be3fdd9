// The worker that media passes through: it seals and opens frames with the keys that the group worker gives it over a port
// of their own (docs/e2ee.md, section 13). No key leaves it.
/** @import {MediaOrder} from './types.js' */
import { Keyring, TRACKS } from './keyring.js';
import { Opener, Sealer, Times, run } from './pipes.js';

/** @typedef {keyof typeof TRACKS} Source */

/**
 * What the page says. 'port' once, at the start.
 * @typedef {{do: 'port', port: MessagePort}
 *   | {do: 'slots', slots: {slot: string, participant: number, source: string}[]}
 *   | {do: 'ready', call: number, sender: string}
 *   | {do: 'counts', call: number}
 *   | {do: 'times', call: number}
 *   | {do: 'drop', ids: string[]}} MediaOrderOfPage
 */

/** @typedef {{say: 'answer', call: number, answer: any}} MediaWord */
/** @typedef {{readable: ReadableStream<any>, writable: WritableStream<any>, options: {seal?: Source, id: string}, sendKeyFrameRequest?: () => Promise<void>}} Transformer */

const scope = /** @type {any} */ (globalThis);
/** @param {MediaWord} word */
const say = (word) => scope.postMessage(word);

const ring = new Keyring();
/** @type {MessagePort|null} */
let group = null;
/** @type {Map<string, {sealer: Sealer, times: Times}>} */
const sealers = new Map();
/** @type {Map<string, {opener: Opener, times: Times}>} */
const openers = new Map();
/** What the server said of slots whose transform is not there yet. @type {Map<string, {participant: number, track: number}>} */
const owners = new Map();
/** @type {{sender: string, call: number}[]} */
let waiting = [];
let queue = Promise.resolve();

const now = () => performance.now();

/** Answers those who wait to send: their transform is attached, and there is a key. */
function confirm() {
  const able = (/** @type {string} */ id) => ring.usable(now()) && sealers.has(id);
  for (const { sender, call } of waiting) if (able(sender)) say({ say: 'answer', call, answer: true });
  waiting = waiting.filter((w) => !able(w.sender));
}

/** @param {MediaOrder} order */
function obeyGroup(order) {
  const came = now();
  queue = queue.then(async () => {
    await ring.take(order, came);
    confirm();
  });
}

const keys = { ring, now, unknown: () => group?.postMessage('unknown') };

/** @param {Transformer} transformer */
function attach(transformer) {
  const { seal, id } = transformer.options;
  const took = new Times();
  if (seal) {
    const sealer = new Sealer(() => ring.sendKey(TRACKS[seal], now()));
    sealers.set(id, { sealer, times: took });
    void run(transformer, sealer, took).finally(() => sealers.delete(id));
    return confirm();
  }
  const opener = new Opener(keys);
  opener.askKeyFrame = () => {
    transformer.sendKeyFrameRequest?.().catch(() => {}); // audio has none
  };
  const owner = owners.get(id);
  if (owner) opener.assign(owner);
  openers.set(id, { opener, times: took });
  void run(transformer, opener, took).finally(() => openers.delete(id));
  return undefined;
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
 * @returns {{sealed: Record<string, number>, dropped: Record<string, number>, kids: Record<string, number>, passed: Record<string, number>, opened: Record<string,
 *   Opener['counts']>}} frames by sender and by slot; passed: all that reached a sender's transform
 */
const counts = () => ({
  passed: Object.fromEntries(
    [...sealers].map(
      ([
        id,
        {
          sealer: { counts: c },
        },
      ]) => [id, c.sealed + c.dropped + c.empty],
    ),
  ),
  sealed: Object.fromEntries([...sealers].map(([id, s]) => [id, s.sealer.counts.sealed])),
  dropped: Object.fromEntries([...sealers].map(([id, s]) => [id, s.sealer.counts.dropped])),
  kids: Object.fromEntries([...sealers].map(([id, s]) => [id, Number(s.sealer.kid)])),
  opened: Object.fromEntries([...openers].map(([id, o]) => [id, o.opener.counts])),
});

/** @param {Map<string, {times: Times}>} pipes @returns {number[]} ms a frame, of the last frames of each */
const times = (pipes) => [...pipes.values()].flatMap((p) => p.times.list());

/** @param {string[]} ids of a connection that is gone */
function drop(ids) {
  for (const id of ids) for (const map of [owners, openers, sealers]) map.delete(id);
  for (const w of waiting) if (ids.includes(w.sender)) say({ say: 'answer', call: w.call, answer: false });
  waiting = waiting.filter((w) => !ids.includes(w.sender));
}

/** @param {MediaOrderOfPage} m */
function obey(m) {
  switch (m.do) {
    case 'port':
      group = m.port;
      group.onmessage = (/** @type {MessageEvent<MediaOrder>} */ { data }) => obeyGroup(data);
      return undefined;
    case 'slots':
      return assign(m.slots);
    case 'ready':
      waiting.push({ sender: m.sender, call: m.call });
      return confirm();
    case 'times':
      return say({ say: 'answer', call: m.call, answer: { seal: times(sealers), open: times(openers) } });
    case 'counts':
      return say({ say: 'answer', call: m.call, answer: counts() });
    case 'drop':
      return drop(m.ids);
  }
}

scope.onmessage = (/** @type {MessageEvent<MediaOrderOfPage>} */ event) => obey(event.data);
scope.onrtctransform = (/** @type {{transformer: Transformer}} */ event) => attach(event.transformer);
