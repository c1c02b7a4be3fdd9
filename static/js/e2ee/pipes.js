// The two ways media takes through the worker (docs/e2ee.md, section 13). Both fail closed: what has no key, or does not
// open, goes nowhere.
/** @import {Held, Keyring, Kid, SendKey} from './keyring.js' */
import * as frame from './frame.js';
import { OUTSIDE, readKid } from './keyring.js';

/** How long a frame is held for the word that its slot has a new owner. */
const HOLD_MS = 300;
/** How long a frame of an epoch that isn't here yet is held. The browser keeps what comes behind it. */
const EPOCH_MS = 500;
/** Frames of one slot that are held for one epoch. */
const HELD = 64;
/** So often a key frame is asked for. */
const ASK_MS = 1000;

/** @typedef {{participant: number, track: number}} Owner whose track a slot carries; participant 0 for nobody */

/**
 * What the pipes use of RTCEncodedVideoFrame and RTCEncodedAudioFrame.
 * @typedef {object} EncodedFrame
 * @property {ArrayBuffer} data
 * @property {string} [type] "key" or "delta"
 * @property {() => {mimeType?: string, contributingSources?: number[]}} getMetadata
 */

const NOTHING = { until: -Infinity, n: 0 };

/** Seals what one sender sends. */
export class Sealer {
  counts = { sealed: 0, dropped: 0, empty: 0 };
  /** the key id that it sealed under last; below 0: none yet */
  kid = -1n;
  #key;

  /** @param {() => SendKey|null} key the key of now */
  constructor(key) {
    this.#key = key;
  }

  /** @param {EncodedFrame} f @returns {Promise<boolean>} whether it may leave: it was changed in place */
  async pass(f) {
    const key = this.#key();
    const codec = frame.codecOf(f.getMetadata().mimeType);
    const data = new Uint8Array(f.data);
    if (data.length === 0) {
      this.counts.empty++; // silence: there is nothing in it, and nothing to seal
      return false;
    }
    if (!key || !codec || data.length < frame.clearBytes(codec, data)) {
      this.counts.dropped++;
      return false;
    }
    this.kid = key.key.kid;
    const ctr = key.next++; // taken before anything waits: no counter is used twice
    f.data = (await frame.sealFrame(key.key, ctr, codec, f.type === 'key', data)).buffer;
    this.counts.sealed++;
    return true;
  }
}

/** @typedef {{ring: Keyring, now: () => number, unknown: () => void}} Keys unknown: a frame is of an epoch that isn't held */

/**
 * Opens what one slot receives: only what the owner of the slot sealed, and only on the track the slot is said to carry. So
 * somebody's screen never shows as their camera, nor anybody's picture under another's name.
 */
export class Opener {
  /** asks the sender for a key frame, where the browser can */
  askKeyFrame = () => {};
  counts = { opened: 0, noKey: 0, failed: 0, repeated: 0, stranger: 0, late: 0, asked: 0 };
  /** @type {Owner} */
  #owner = { participant: 0, track: 0 };
  #former = 0;
  /** whose frames were dropped last because the slot was not theirs */
  #stranger = 0;
  #askedAt = -ASK_MS;
  /** a slot waits once for each owner, so that a flood of what never opens is not kept */
  #patient = true;
  /** frames were dropped for want of a key */
  #lacked = false;
  /**
   * until when an epoch, or one outside in it, is waited for, and how many frames were held. What did not come is not
   * waited for again at once, whatever the next frame says it is of: else frames that never open would pile up.
   */
  #awaited = NOTHING;
  #wake = () => {};
  #keys;
  #wait;

  /** @param {Keys} keys @param {(ms: number, wake: Promise<void>) => Promise<void>} [wait] */
  constructor(
    keys,
    wait = (ms, wake) =>
      Promise.race([
        wake,
        new Promise((resolve) => {
          setTimeout(resolve, ms);
        }),
      ]),
  ) {
    this.#keys = keys;
    this.#wait = wait;
  }

  /** @param {Owner} owner as the server says it */
  assign(owner) {
    if (owner.participant !== this.#owner.participant) this.#former = this.#owner.participant;
    this.#owner = owner;
    this.#patient = true;
    if (this.#stranger === owner.participant && owner.participant > 0) this.#wantKeyFrame();
    this.#stranger = 0;
    this.#wake();
  }

  /** @param {EncodedFrame} f @returns {Promise<boolean>} whether it may go to the decoder: it was changed in place */
  async pass(f) {
    const meta = f.getMetadata();
    const codec = frame.codecOf(meta.mimeType);
    const isKey = f.type === 'key';
    const parsed = codec && frame.parseFrame(codec, new Uint8Array(f.data), isKey);
    const kid = parsed && readKid(parsed.header.kid);
    if (!parsed || !kid) return this.#refuse('failed');
    if (!(await this.#isOwners(meta.contributingSources?.[0], isKey))) return this.#refuse('stranger');
    const { participant, track } = this.#owner;
    if (participant === 0 || kid.context % OUTSIDE !== track) return this.#refuse('stranger');
    const held = await this.#epoch(kid);
    if (!held) {
      this.#lacked = true;
      return this.#refuse('noKey');
    }
    if (this.#owner.participant !== participant) return this.#refuse('stranger');
    return this.#open(f, parsed, held, kid);
  }

  /** @param {EncodedFrame} f @param {frame.Parsed} parsed @param {Held} held @param {Kid} id @returns {Promise<boolean>} */
  async #open(f, parsed, held, id) {
    const { ring, now } = this.#keys;
    const { participant } = this.#owner;
    const owner = ring.owner(participant);
    if (!ring.owns(held, id, owner)) return this.#refuse('stranger');
    if (!ring.isOpen(held, owner, now())) return this.#refuse('late');
    if (ring.spent(held, owner, now())) return this.#refuse('failed');
    const { kid, ctr } = parsed.header;
    if (!ring.fresh(held, kid, ctr)) {
      if (f.type === 'key') this.#wantKeyFrame(); // a server may start a slot with what it has: another one is needed
      return this.#refuse('repeated');
    }
    let plain;
    try {
      plain = await frame.openFrame(await ring.key(held, kid), parsed);
    } catch {
      ring.failed(held, owner, now());
      return this.#refuse('failed');
    }
    if (this.#owner.participant !== participant || !ring.opened(held, owner, kid, ctr, now())) {
      return this.#refuse('repeated');
    }
    f.data = plain.buffer;
    if (this.#lacked && f.type === 'delta') this.#wantKeyFrame(); // what it stands on was dropped
    this.#lacked = false;
    this.counts.opened++;
    return true;
  }

  /**
   * @param {Kid} id @returns {Promise<Held|null>} the epoch in which the sender is known, after a moment if it, or the word
   *   of one outside, isn't here yet
   */
  async #epoch(id) {
    const { ring, now, unknown } = this.#keys;
    const { bits } = id;
    const found = ring.find(bits, now());
    if (found && ring.knows(found, id)) return found;
    if (!found && ring.isPast(bits)) return null; // it is over, or from before one came in
    if (!found && ring.asks(now())) unknown();
    if (now() >= this.#awaited.until + EPOCH_MS) this.#awaited = { until: now() + EPOCH_MS, n: 0 };
    for (;;) {
      const left = this.#awaited.until - now();
      if (left <= 0 || this.#awaited.n++ >= HELD) return null;
      await this.#wait(left, ring.another());
      const come = ring.find(bits, now());
      if (come && ring.knows(come, id)) {
        this.#awaited = NOTHING;
        return come;
      }
    }
  }

  /** @param {number|undefined} from whom the server says the frame is of @param {boolean} isKey @returns {Promise<boolean>} */
  async #isOwners(from, isKey) {
    if (from === undefined || from === this.#owner.participant) return true;
    // The picture may be here before the word that the slot is theirs. It begins with a key frame.
    if ((isKey || from !== this.#former) && this.#patient) {
      this.#patient = false;
      await this.#wait(
        HOLD_MS,
        new Promise((resolve) => {
          this.#wake = () => resolve();
        }),
      );
    }
    if (from === this.#owner.participant) return true;
    this.#stranger = from;
    return false;
  }

  /** A key frame is needed. */
  #wantKeyFrame() {
    const now = this.#keys.now();
    if (now - this.#askedAt < ASK_MS) return;
    this.#askedAt = now;
    this.counts.asked++;
    this.askKeyFrame();
  }

  /** @param {'noKey'|'failed'|'repeated'|'stranger'|'late'} why @returns {false} */
  #refuse(why) {
    this.counts[why]++;
    return false;
  }
}

/** How long the last frames took, in ms, from being read to being written. */
export class Times {
  #ms = new Float32Array(512);
  #n = 0;

  /** @param {number} ms */
  add(ms) {
    this.#ms[this.#n++ % this.#ms.length] = ms;
  }

  /** @returns {number[]} */
  list() {
    return [...this.#ms.subarray(0, this.#n)];
  }
}

/**
 * run passes every frame of a transform through a pipe, in order, until the stream ends.
 * @param {{readable: ReadableStream<any>, writable: WritableStream<any>}} transformer
 * @param {{pass: (f: EncodedFrame) => Promise<boolean>}} pipe @param {Times} times
 */
export async function run({ readable, writable }, pipe, times) {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const begun = performance.now();
    // A mistake of ours must not end the stream, and must let nothing through.
    if (await pipe.pass(value).catch(() => false)) writer.write(value).catch(() => {});
    times.add(performance.now() - begun);
  }
}
