// The page's side of the two encryption workers: orders and words over postMessage, and the transforms of each
// PeerConnection. The group worker holds the group, the media worker opens and seals frames.
/** @import {Event, Output, View} from './types.js' */
/** @import {GroupOrder, GroupWord} from './groupworker.js' */
/** @import {MediaOrderOfPage, MediaWord} from './mediaworker.js' */
/** @import {Seal} from '../media/seal.js' */
/** @import {Source} from '../core/types.js' */
import { LeakWatch } from './leaks.js';

const GROUP = new URL('./groupworker.js', import.meta.url).href;
const MEDIA = new URL('./mediaworker.js', import.meta.url).href;

/** What the page's policy lets become a worker: these two files. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('conclave', {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== GROUP && url !== MEDIA) throw new TypeError('no other worker');
    return url;
  },
});

/** A sender whose transform isn't attached by then never will be protected. */
const READY_MS = 10_000;
const LOOK_MS = 50;

/** @template T @typedef {T extends {call: number} ? Omit<T, 'call'> : never} Uncalled */

/** A worker that answers. @template Order, Word */
class Answering {
  worker;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (err: Error) => void}>} */
  #calls = new Map();
  #next = 1;

  /** @param {string} url @param {string} name @param {(word: Word) => void} heard what is no answer @param {() => void} broken */
  constructor(url, name, heard, broken) {
    this.worker = new Worker(policy?.createScriptURL(url) ?? url, { type: 'module', name });
    this.worker.onmessage = ({ data }) => {
      if (data.say !== 'answer') return heard(data);
      this.#calls.get(data.call)?.resolve(data.answer);
      this.#calls.delete(data.call);
      return undefined;
    };
    this.worker.onerror = () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the worker failed'));
      this.#calls.clear();
      broken();
    };
  }

  /** @param {Order} order @param {Transferable[]} [given] */
  tell(order, given = []) {
    this.worker.postMessage(order, given);
  }

  /** @param {Uncalled<Order>} order @returns {Promise<any>} */
  ask(order) {
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.tell(/** @type {Order} */ ({ ...order, call }));
    });
  }
}

/** The workers, as the page sees them. */
export class Worklet {
  /** @type {Answering<GroupOrder, Exclude<GroupWord, {say: 'answer'}>>} */
  group;
  /** @type {Answering<MediaOrderOfPage, MediaWord>} */
  media;

  /** @param {{out: (out: Output[]) => void, view: (view: View) => void, broken: () => void}} o broken: a worker failed */
  constructor({ out, view, broken }) {
    this.broken = broken;
    this.group = new Answering(GROUP, 'group', (m) => (m.say === 'out' ? out(m.out) : view(m.view)), broken);
    this.media = new Answering(MEDIA, 'media', () => {}, broken);
    // Keys pass from one worker to the other over this; the page gives both ends away and reads nothing of it.
    const { port1, port2 } = new MessageChannel();
    this.group.tell({ do: 'port', port: port1 }, [port1]);
    this.media.tell({ do: 'port', port: port2 }, [port2]);
  }

  /** @param {Event} event */
  event(event) {
    this.group.tell({ do: 'event', event });
  }

  close() {
    this.group.worker.terminate();
    this.media.worker.terminate();
  }
}

/** @param {number} ms @returns {Promise<void>} */
const after = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

let ids = 0;

/** Transforms of one PeerConnection. @implements {Seal} */
export class WorkerSeal {
  /** Chromium then sends nothing before a transform is there; others ignore it. @type {RTCConfiguration} */
  configuration = /** @type {any} */ ({ encodedInsertableStreams: true });
  #worklet;
  /** @type {Map<Source, {id: string, attached: () => boolean}>} */
  #senders = new Map();
  #closed = false;
  /** @type {{id: string, mid: () => string|null}[]} */
  #slots = [];
  /** @type {Map<string, string>} what the worker was told of a slot */
  #told = new Map();
  #leaks = new LeakWatch();

  /** @param {Worklet} worklet */
  constructor(worklet) {
    this.#worklet = worklet;
  }

  /** @param {RTCRtpSender} sender @param {Source} source */
  sending(sender, source) {
    const id = `s${++ids}`;
    const transform = new RTCRtpScriptTransform(this.#worklet.media.worker, { seal: source, id });
    sender.transform = transform;
    this.#senders.set(source, { id, attached: () => sender.transform === transform });
  }

  /** @param {RTCRtpReceiver} receiver @param {() => string|null} mid */
  receiving(receiver, mid) {
    const id = `r${++ids}`;
    receiver.transform = new RTCRtpScriptTransform(this.#worklet.media.worker, { id });
    this.#slots.push({ id, mid });
  }

  /**
   * ready resolves when there is a key for the sender, and the sender has its transform: the worker hears of a transform
   * when it is made, not when it is attached. A key may take a while: a newcomer waits for a host's word.
   * @param {Source} source @returns {Promise<void>} rejects when that does not come about
   */
  async ready(source) {
    const sender = this.#senders.get(source);
    if (!sender) throw new Error('no such sender');
    const confirmed = await this.#worklet.media.ask({ do: 'ready', sender: sender.id });
    const since = performance.now();
    while (!sender.attached() && performance.now() - since < READY_MS && !this.#closed) await after(LOOK_MS);
    if (this.#closed || !confirmed) throw new Error('the connection is gone');
    if (sender.attached()) return;
    this.#worklet.broken();
    throw new Error('the sender cannot be protected');
  }

  /** @param {Iterable<{mid: string, participant: number, source?: string}>} slots whose track each carries, as the server says it */
  assign(slots) {
    const changed = [];
    for (const { mid, participant, source = '' } of slots) {
      const slot = this.#slots.find((s) => s.mid() === mid)?.id;
      const what = `${participant}/${source}`;
      if (!slot || this.#told.get(slot) === what) continue;
      this.#told.set(slot, what);
      changed.push({ slot, participant, source });
    }
    if (changed.length > 0) this.#worklet.media.tell({ do: 'slots', slots: changed });
  }

  /**
   * leaks names the sources of which media left that did not pass through the worker.
   * @param {readonly {source: Source|'', kind: 'audio'|'video', bytes: number, again: number, frames: number}[]} sent again: bytes of
   *   retransmissions among them
   * @returns {Promise<Source[]>}
   */
  async leaks(sent) {
    const { passed } = await this.#worklet.media.ask({ do: 'counts' });
    const now = performance.now();
    return [...this.#senders].flatMap(([source, { id }]) => {
      const streams = sent.filter((s) => s.source === source);
      const sum = (/** @type {(s: typeof sent[number]) => number} */ of) => streams.reduce((n, s) => n + of(s), 0);
      const frames = streams.some((s) => s.kind === 'audio') ? null : sum((s) => s.frames);
      return this.#leaks.look(source, { bytes: sum((s) => s.bytes - s.again), frames }, passed[id] ?? 0, now)
        ? [source]
        : [];
    });
  }

  close() {
    this.#closed = true;
    this.#worklet.media.tell({
      do: 'drop',
      ids: [...[...this.#senders.values()].map((s) => s.id), ...this.#slots.map((s) => s.id)],
    });
  }
}
