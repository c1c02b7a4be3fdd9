// The two ways media takes through the worker (docs/e2ee.md, section 8). Both fail closed: what has no key, or does not open, goes
// nowhere.
/** @import {OpenKey} from './keyring.js' */
/** @import {SendKey} from './sender.js' */
import * as frame from './frame.js';
import { ReplayWindow, WINDOW } from './replay.js';

/** How long a frame is held for the word that its slot has a new owner. */
const HOLD_MS = 300;
/** Frames of one slot that may fail to open within a second; the rest of that second nothing is tried. */
const FAILURES = 30;
/** A slot may begin anew at a key frame (a layer switch) this often; so often, too, a key frame is asked for. */
const RESTART_MS = 1000;
/** Windows of one slot: a stream moves on to a new key, and late frames come under the old. */
const WINDOWS = 8;

/** @typedef {{participant: number, track: number}} Owner whose track a slot carries; participant 0 for nobody */

/**
 * What the pipes use of RTCEncodedVideoFrame and RTCEncodedAudioFrame.
 * @typedef {object} EncodedFrame
 * @property {ArrayBuffer} data
 * @property {string} [type] "key" or "delta"
 * @property {() => {mimeType?: string, contributingSources?: number[]}} getMetadata
 */

/** Seals what one sender sends. */
export class Sealer {
  counts = { sealed: 0, dropped: 0, empty: 0 };
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
    const ctr = key.next++; // taken before anything waits: no counter is used twice
    f.data = (await frame.sealFrame(key.key, ctr, codec, f.type === 'key', data)).buffer;
    this.counts.sealed++;
    return true;
  }
}

/** @typedef {{key: (participant: number, kid: bigint) => Promise<OpenKey|null>, opened: (participant: number, key: OpenKey, ctr: bigint) => void, now: () => number}} Keys */

/**
 * Opens what one slot receives: only what the owner of the slot sealed, and only on the track the slot is said to carry. So
 * somebody's screen never shows as their camera, nor anybody's picture under another's name.
 */
export class Opener {
  /** asks the sender for a key frame, where the browser can */
  askKeyFrame = () => {};
  counts = { opened: 0, noKey: 0, failed: 0, repeated: 0, stranger: 0, restarts: 0, asked: 0 };
  /** @type {Owner} */
  #owner = { participant: 0, track: 0 };
  #former = 0;
  /** whose frames were dropped last because the slot was not theirs */
  #stranger = 0;
  /** @type {Map<bigint, ReplayWindow>} */
  #windows = new Map();
  #second = { at: 0, failures: 0 };
  #restartedAt = 0;
  #askedAt = 0;
  /** frames were dropped for want of a key */
  #lacked = false;
  /** a slot waits once for each owner, so that a flood of what never opens is not kept */
  #patient = true;
  #wake = () => {};
  #keys;
  #wait;

  /** @param {Keys} keys @param {(ms: number, wake: Promise<void>) => Promise<void>} [wait] */
  constructor(keys, wait = (ms, wake) => Promise.race([wake, new Promise((resolve) => { setTimeout(resolve, ms); })])) {
    this.#keys = keys;
    this.#wait = wait;
  }

  /** @param {Owner} owner as the server says it */
  assign(owner) {
    if (owner.participant !== this.#owner.participant) this.#former = this.#owner.participant;
    this.#owner = owner;
    this.#windows.clear();
    this.#patient = true;
    this.#lacked = false;
    if (this.#stranger === owner.participant && owner.participant > 0) this.#wantKeyFrame(this.#keys.now());
    this.#stranger = 0;
    this.#wake();
  }

  /** @param {number} participant who gave us a key */
  keyCame(participant) {
    if (!this.#lacked || this.#owner.participant !== participant) return;
    this.#lacked = false;
    this.#ask();
  }

  #ask() {
    this.counts.asked++;
    this.askKeyFrame();
  }

  /** @param {EncodedFrame} f @returns {Promise<boolean>} whether it may go to the decoder: it was changed in place */
  async pass(f) {
    const meta = f.getMetadata();
    const codec = frame.codecOf(meta.mimeType);
    const parsed = codec && frame.parseFrame(codec, new Uint8Array(f.data));
    if (!parsed) return this.#refuse('failed');
    if (!await this.#isOwners(meta.contributingSources?.[0], f.type === 'key')) return this.#refuse('stranger');
    const { kid, ctr } = parsed.header;
    const { participant, track } = this.#owner;
    if (participant === 0 || Number(kid & 7n) !== track) return this.#refuse('stranger');
    const now = this.#keys.now();
    if (this.#spent(now)) return this.#refuse('failed');
    const key = await this.#keys.key(participant, kid);
    if (!key) {
      this.#lacked = true;
      return this.#refuse('noKey');
    }
    let window = this.#window(kid, key);
    const again = !window.fresh(ctr);
    if (again) {
      // A server that switches layers may begin with the newest key frame it has, and what followed it.
      window = new ReplayWindow(floorOf(key));
      const isKey = f.type === 'key';
      if (!isKey || !window.fresh(ctr) || now - this.#restartedAt < RESTART_MS) {
        if (isKey) this.#wantKeyFrame(now);
        return this.#refuse('repeated');
      }
    }
    try {
      const plain = await frame.openFrame(key.key, parsed);
      if (this.#owner.participant !== participant || !window.take(ctr)) return this.#refuse('repeated');
      f.data = plain.buffer;
      if (again) this.#restart(kid, window, now);
    } catch {
      this.#second.failures++;
      return this.#refuse('failed');
    }
    this.#keys.opened(participant, key, ctr);
    this.counts.opened++;
    return true;
  }

  /** @param {number|undefined} from whom the server says the frame is of @param {boolean} isKey @returns {Promise<boolean>} */
  async #isOwners(from, isKey) {
    if (from === undefined || from === this.#owner.participant) return true;
    // The picture may be here before the word that the slot is theirs. It begins with a key frame.
    if ((isKey || from !== this.#former) && this.#patient) {
      this.#patient = false;
      await this.#wait(HOLD_MS, new Promise((resolve) => { this.#wake = () => resolve(); }));
    }
    if (from === this.#owner.participant) return true;
    this.#stranger = from;
    return false;
  }

  /** @param {number} now @returns {boolean} whether too much failed in this second */
  #spent(now) {
    if (now - this.#second.at >= 1000) this.#second = { at: now, failures: 0 };
    return this.#second.failures >= FAILURES;
  }

  /** @param {bigint} kid @param {OpenKey} key @returns {ReplayWindow} a server may play its newest key frame again in a slot given anew, and nothing older */
  #window(kid, key) {
    let window = this.#windows.get(kid);
    if (!window) {
      window = new ReplayWindow(floorOf(key));
      this.#windows.set(kid, window);
      if (this.#windows.size > WINDOWS) this.#windows.delete(/** @type {bigint} */ (this.#windows.keys().next().value));
    }
    return window;
  }

  /** @param {bigint} kid @param {ReplayWindow} window @param {number} now */
  #restart(kid, window, now) {
    this.counts.restarts++;
    this.#restartedAt = now;
    this.#windows.set(kid, window);
  }

  /** @param {number} now a key frame came that may not be shown again: another is needed */
  #wantKeyFrame(now) {
    if (now - this.#askedAt < RESTART_MS) return;
    this.#askedAt = now;
    this.#ask();
  }

  /** @param {'noKey'|'failed'|'repeated'|'stranger'} why @returns {false} */
  #refuse(why) {
    this.counts[why]++;
    return false;
  }
}

/** @param {OpenKey} key @returns {bigint} nothing of it that is older is opened, whatever the server plays again */
function floorOf(key) {
  const floor = key.highest - BigInt(WINDOW);
  return floor > 0n ? floor : 0n;
}

/** How long the last frames took, in ms, from being read to being written. */
export class Times {
  #ms = new Float32Array(512);
  #n = 0;

  /** @param {number} ms */
  add(ms) { this.#ms[this.#n++ % this.#ms.length] = ms; }

  /** @returns {number[]} */
  list() { return [...this.#ms.subarray(0, this.#n)]; }
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
