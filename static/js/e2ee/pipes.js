// The two ways media takes through the worker. Both fail closed: what has no key, or does not open, goes nowhere.
/** @import {FrameKey} from './sframe.js' */
/** @import {ReplayWindow} from './replay.js' */
import * as frame from './frame.js';

/** How long a frame waits for a key, or for the word that its slot has a new owner, before it is given up. */
const PATIENCE_MS = 500;

/** @typedef {{key: FrameKey, next: bigint}} SendKey next is the counter of the next frame: one count for all layers of a track */
/** @typedef {{key: FrameKey, seen: ReplayWindow}} OpenKey */
/** @typedef {{participant: number, track: number}} Owner whose track a slot carries; participant 0 for nobody */

/**
 * What the pipes see of an encoded frame: the part of RTCEncodedVideoFrame and RTCEncodedAudioFrame they use.
 * @typedef {object} EncodedFrame
 * @property {ArrayBuffer} data
 * @property {string} [type] "key" or "delta"
 * @property {() => {mimeType?: string, contributingSources?: number[]}} getMetadata
 */

/** Seals what one sender sends. */
export class Sealer {
  /** frames sealed, and frames dropped because there was no key or an unknown codec */
  counts = { sealed: 0, dropped: 0 };
  #key;

  /** @param {() => SendKey|null} key the key of now */
  constructor(key) {
    this.#key = key;
  }

  /** @param {EncodedFrame} f @returns {Promise<boolean>} whether it may leave: it was changed in place */
  async seal(f) {
    if (f.data.byteLength === 0) return true; // silence (DTX): there is nothing in it
    const key = this.#key();
    const codec = frame.codecOf(f.getMetadata().mimeType);
    if (!key || !codec) {
      this.counts.dropped++;
      return false;
    }
    const ctr = key.next++; // taken before anything waits: no counter is used twice
    const sealed = await frame.sealFrame(key.key, ctr, codec, f.type === 'key', new Uint8Array(f.data));
    f.data = sealed.buffer;
    this.counts.sealed++;
    return true;
  }
}

/**
 * Opens what one slot receives: only what the owner of the slot sealed, and only on the track the slot is said to carry. So
 * somebody's screen never shows as their camera, nor anybody's picture under another's name.
 */
export class Opener {
  counts = { opened: 0, noKey: 0, failed: 0, repeated: 0, stranger: 0 };
  /** @type {Owner} */
  #owner = { participant: 0, track: 0 };
  #former = 0;
  #key;
  #wake = () => {};
  /** Frames wait once for each owner, so that a flood of what never opens is not kept. */
  #patient = true;
  #wait;

  /**
   * @param {(participant: number, kid: bigint) => Promise<OpenKey|null>} key
   * @param {(ms: number, wake: Promise<void>) => Promise<void>} [wait]
   */
  constructor(key, wait = (ms, wake) => Promise.race([wake, new Promise((resolve) => { setTimeout(resolve, ms); })])) {
    this.#key = key;
    this.#wait = wait;
  }

  /** @param {Owner} owner as the server says it */
  assign(owner) {
    if (owner.participant !== this.#owner.participant) this.#former = this.#owner.participant;
    this.#owner = owner;
    this.#patient = true;
    this.#wake();
  }

  /** keysChanged lets a waiting frame look again. */
  keysChanged() { this.#wake(); }

  /** @returns {Promise<void>} resolves when something changed, or patience is over */
  async #change() {
    this.#patient = false;
    await this.#wait(PATIENCE_MS, new Promise((resolve) => { this.#wake = () => resolve(); }));
  }

  /** @param {EncodedFrame} f @returns {Promise<boolean>} whether it may go to the decoder: it was changed in place */
  async open(f) {
    if (f.data.byteLength === 0) return true;
    const meta = f.getMetadata();
    const codec = frame.codecOf(meta.mimeType);
    const parsed = codec && frame.parseFrame(codec, new Uint8Array(f.data));
    if (!parsed) return this.#refuse('failed');
    const from = meta.contributingSources?.[0];
    if (from !== undefined && from !== this.#owner.participant) {
      // The picture may be here before the word that the slot is theirs.
      if (from !== this.#former && this.#patient) await this.#change();
      if (from !== this.#owner.participant) return this.#refuse('stranger');
    }
    const { kid, ctr } = parsed.header;
    const { participant, track } = this.#owner;
    if (participant === 0 || Number(kid & 7n) !== track) return this.#refuse('stranger');
    let key = await this.#key(participant, kid);
    if (!key && this.#patient) {
      await this.#change();
      key = await this.#key(participant, kid);
    }
    if (!key) return this.#refuse('noKey');
    if (!key.seen.fresh(ctr)) return this.#refuse('repeated');
    try {
      const plain = await frame.openFrame(key.key, parsed);
      if (!key.seen.take(ctr)) return this.#refuse('repeated');
      f.data = plain.buffer;
    } catch {
      return this.#refuse('failed');
    }
    this.counts.opened++;
    return true;
  }

  /** @param {'noKey'|'failed'|'repeated'|'stranger'} why @returns {false} */
  #refuse(why) {
    this.counts[why]++;
    return false;
  }
}

/**
 * run passes every frame of a transform through work, in order, until the stream ends.
 * @param {{readable: ReadableStream<any>, writable: WritableStream<any>}} transformer
 * @param {(f: EncodedFrame) => Promise<boolean>} work
 */
export async function run({ readable, writable }, work) {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    // A mistake of ours must not end the stream, and must let nothing through.
    if (await work(value).catch(() => false)) writer.write(value).catch(() => {});
  }
}
