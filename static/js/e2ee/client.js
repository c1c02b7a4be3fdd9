// The page's side of the encryption worker: orders and words over postMessage, and the transforms of each PeerConnection.
/** @import {Event, Output, View} from './types.js' */
/** @import {Order, Word} from './worker.js' */
/** @import {Seal} from '../media/seal.js' */
/** @import {Source} from '../core/types.js' */
import { LeakWatch } from './leaks.js';

const WORKER = new URL('./worker.js', import.meta.url).href;

/** What the page's policy lets become a worker: this one file. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('conclave', {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== WORKER) throw new TypeError('no other worker');
    return url;
  },
});

/** A sender that is not protected by then never will be. */
const READY_MS = 10_000;
const LOOK_MS = 50;

/** @template T @typedef {T extends {call: number} ? Omit<T, 'call'> : never} Uncalled */

/** The worker, as the page sees it. */
export class Worklet {
  #worker;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (err: Error) => void}>} */
  #calls = new Map();
  #next = 1;

  /** @param {{out: (out: Output[]) => void, view: (view: View) => void, broken: () => void}} o broken: the worker could not start, or failed */
  constructor({ out, view, broken }) {
    this.broken = broken;
    this.#worker = new Worker(policy?.createScriptURL(WORKER) ?? WORKER, { type: 'module', name: 'e2ee' });
    this.#worker.onmessage = (/** @type {MessageEvent<Word>} */ { data }) => {
      if (data.say === 'out') return out(data.out);
      if (data.say === 'view') return view(data.view);
      this.#calls.get(data.call)?.resolve(data.answer);
      this.#calls.delete(data.call);
    };
    this.#worker.onerror = () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the worker failed'));
      this.#calls.clear();
      broken();
    };
  }

  /** @returns {Worker} */
  get worker() { return this.#worker; }

  /** @param {Order} order */
  tell(order) { this.#worker.postMessage(order); }

  /** @param {Uncalled<Order>} order @returns {Promise<any>} */
  ask(order) {
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.tell(/** @type {Order} */ ({ ...order, call }));
    });
  }

  /** @param {Event} event */
  event(event) { this.tell({ do: 'event', event }); }

  close() { this.#worker.terminate(); }
}

/** @param {number} ms @returns {Promise<false>} */
const after = (ms) => new Promise((resolve) => { setTimeout(() => resolve(false), ms); });

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
    const transform = new RTCRtpScriptTransform(this.#worklet.worker, { seal: source, id });
    sender.transform = transform;
    this.#senders.set(source, { id, attached: () => sender.transform === transform });
  }

  /** @param {RTCRtpReceiver} receiver @param {() => string|null} mid */
  receiving(receiver, mid) {
    const id = `r${++ids}`;
    receiver.transform = new RTCRtpScriptTransform(this.#worklet.worker, { id });
    this.#slots.push({ id, mid });
  }

  /**
   * ready resolves when the worker has a key for the sender, and the sender has its transform: the worker hears of a transform when it is
   * made, not when it is attached.
   * @param {Source} source @returns {Promise<void>} rejects when that does not come about
   */
  async ready(source) {
    const sender = this.#senders.get(source);
    if (!sender) throw new Error('no such sender');
    this.#worklet.event({ type: 'sources', live: true });
    const since = performance.now();
    const confirmed = await Promise.race([this.#worklet.ask({ do: 'ready', sender: sender.id }), after(READY_MS)]);
    while (!sender.attached() && performance.now() - since < READY_MS && !this.#closed) await after(LOOK_MS);
    if (this.#closed) throw new Error('the connection is gone');
    if (confirmed && sender.attached()) return;
    this.#worklet.broken();
    throw new Error('the sender cannot be protected');
  }

  /** @param {readonly {mid: string}[]} slots that the server named: what they carry begins anew, even where it is the same */
  renew(slots) {
    for (const { mid } of slots) this.#told.delete(this.#slots.find((s) => s.mid() === mid)?.id ?? '');
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
    if (changed.length > 0) this.#worklet.tell({ do: 'slots', slots: changed });
  }

  /**
   * leaks names the sources of which media left that did not pass through the worker.
   * @param {readonly {source: Source|'', kind: 'audio'|'video', bytes: number, again: number, frames: number}[]} sent again: bytes of
   *   retransmissions among them
   * @returns {Promise<Source[]>}
   */
  async leaks(sent) {
    const { passed } = await this.#worklet.ask({ do: 'counts' });
    const now = performance.now();
    return [...this.#senders].flatMap(([source, { id }]) => {
      const streams = sent.filter((s) => s.source === source);
      const sum = (/** @type {(s: typeof sent[number]) => number} */ of) => streams.reduce((n, s) => n + of(s), 0);
      const frames = streams.some((s) => s.kind === 'audio') ? null : sum((s) => s.frames);
      return this.#leaks.look(source, { bytes: sum((s) => s.bytes - s.again), frames }, passed[id] ?? 0, now) ? [source] : [];
    });
  }

  close() {
    this.#closed = true;
    this.#worklet.tell({ do: 'drop', ids: [...[...this.#senders.values()].map((s) => s.id), ...this.#slots.map((s) => s.id)] });
  }
}
