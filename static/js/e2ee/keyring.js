// The keys of media: those of each epoch, for whom they open, and until when (docs/e2ee.md, section 13). The group tells
// what there is; time is an argument. It lives in the media worker, and no key leaves it.
/** @import {Bytes} from './bytes.js' */
/** @import {FrameKey} from './sframe.js' */
/** @import {MediaOrder} from './types.js' */
import { ReplayWindow } from './replay.js';
import { deriveKey } from './sframe.js';

/** Track numbers: the context of a key id. */
export const TRACKS = Object.freeze({ mic: 0, camera: 1, screen_audio: 2, screen: 3 });
const OWN_TRACKS = Object.values(TRACKS);

/** Epochs held. */
const EPOCHS = 8;
/** After a commit that only adds, one goes on under the old epoch for so long. */
const SWITCH_MS = 200;
/** And opens it for so long. */
const OPEN_MS = 5000;
/** After a removal: so long after a sender's first frame of the new epoch, and after the commit at most. */
const REMOVED_EACH_MS = 1000;
const REMOVED_MS = 2000;
/** Frames of one owner and epoch that may fail to open within a second. */
const FAILURES = 30;
/** So long after the first frame of an unknown epoch the log is asked for: its commit may be on the way. */
const ASK_AFTER_MS = 300;
/** And no more often. */
const ASK_MS = 1000;
/** Owners that the server names. */
const MAX_OWNERS = 8192;
const BITS = 1024;
/** What the context of a sender outside the group has more than the track. */
export const OUTSIDE = 8;
/** Senders outside, of one epoch. */
const MAX_OUTSIDE = 64;

/** @typedef {{key: FrameKey, next: bigint}} SendKey next is the counter of the next frame: one count for all encodings */
/** @typedef {{context: number, sender: number, bits: number}} Kid */

/** @param {Kid} k @returns {bigint} */
export const writeKid = ({ context, sender, bits }) => BigInt((context << 20) | (sender << 10) | bits);

/** @param {bigint} kid @returns {Kid|null} null when it is none of ours */
export function readKid(kid) {
  if (kid >> 24n) return null;
  const n = Number(kid);
  return { context: n >> 20, sender: (n >> 10) & 0x3ff, bits: n & 0x3ff };
}

/**
 * @typedef {object} Held one epoch
 * @property {bigint} epoch @property {Bytes} base @property {Map<string, number>} leaves by key
 * @property {Map<bigint, Promise<FrameKey>>} keys @property {Map<bigint, ReplayWindow>} windows made by frames that opened
 * @property {number} closesAt @property {boolean} removal somebody was removed after it
 * @property {Map<string, number>} moved when each sender's first frame of a later epoch opened, after a removal
 * @property {Map<string, {at: number, n: number}>} failures
 * @property {Map<number, {owner: string, base: Bytes}>} outside senders outside the group
 */

/** @param {Held} e overwrites what its keys came from */
function forget(e) {
  for (const { base } of [e, ...e.outside.values()]) base.fill(0);
}

/** The keys of one seat. */
export class Keyring {
  /** newest last @type {Held[]} */
  #epochs = [];
  /** @type {Map<number, string>} */
  #owners = new Map();
  /** @type {{keys: Map<number, SendKey>, at: number}|null} */
  #sending = null;
  /** @type {{keys: Map<number, SendKey>, at: number}|null} */
  #next = null;
  #send = false;
  #haltAt = Infinity;
  #askedAt = -ASK_MS;
  /** when the first frame of an unknown epoch came, since the last new epoch @type {number|null} */
  #missingSince = null;
  /** @type {Promise<void>|null} */
  #another = null;
  #wake = () => {};

  /** @param {MediaOrder} o what the group says @param {number} now */
  async take(o, now) {
    switch (o.order) {
      case 'owners':
        for (const [participant, key] of o.owners) {
          if (key === null) this.#owners.delete(participant);
          else if (this.#owners.size < MAX_OWNERS) this.#owners.set(participant, key);
        }
        return undefined;
      case 'may':
        this.#send = o.send;
        this.#haltAt = o.haltIn === null ? Infinity : now + o.haltIn;
        return undefined;
      case 'outside': {
        const e = this.#epochs.find((x) => x.epoch === o.epoch);
        // A second secret of a number is refused.
        if (e && !e.outside.has(o.number) && e.outside.size < MAX_OUTSIDE) e.outside.set(o.number, o);
        this.#come();
        return undefined;
      }
      case 'over':
        this.#sending = this.#next = null;
        this.#epochs = [];
        return undefined;
      default:
        return this.#enter(o, now);
    }
  }

  /** @param {Extract<MediaOrder, {order: 'epoch'}>} o @param {number} now */
  async #enter({ epoch, base, leaf, members, removal, atOnce }, now) {
    this.#missingSince = null;
    // A group that was joined anew may be at the same epoch as one that led nowhere.
    this.#epochs = this.#epochs.filter((e) => e.epoch < epoch);
    for (const e of this.#epochs) {
      e.closesAt = Math.min(e.closesAt, now + (removal ? REMOVED_MS : OPEN_MS));
      e.removal ||= removal;
    }
    const leaves = new Map(members.map(([l, key]) => [key, l]));
    this.#epochs.push({
      epoch,
      base,
      leaves,
      keys: new Map(),
      windows: new Map(),
      closesAt: Infinity,
      removal: false,
      moved: new Map(),
      failures: new Map(),
      outside: new Map(),
    });
    for (const gone of this.#epochs.splice(0, this.#epochs.length - EPOCHS)) forget(gone);
    const keys = new Map();
    const bits = Number(epoch % BigInt(BITS));
    for (const track of OWN_TRACKS) {
      const key = await deriveKey(writeKid({ context: track, sender: leaf, bits }), base);
      keys.set(track, { key, next: 0n });
    }
    this.#switch(now);
    const next = { keys, at: now };
    if (removal || atOnce || !this.#sending) {
      this.#sending = next;
      this.#next = null;
    } else {
      // Adds that follow each other do not put off the first switch.
      this.#next = { keys, at: this.#next && now < this.#next.at ? this.#next.at : now + SWITCH_MS };
    }
    this.#come();
  }

  /** @param {number} now sends under the next epoch, if it is time */
  #switch(now) {
    if (!this.#next || now < this.#next.at) return;
    this.#sending = this.#next;
    this.#next = null;
  }

  /** @param {number} now deletes what is over */
  sweep(now) {
    for (const e of this.#epochs) if (e.closesAt <= now) forget(e);
    this.#epochs = this.#epochs.filter((e) => e.closesAt > now);
  }

  /** @param {number} now @returns {boolean} whether frames may be sent */
  usable(now) {
    return this.#send && now < this.#haltAt && this.#sending !== null;
  }

  /** @param {number} track @param {number} now @returns {SendKey|null} null: nothing may be sent */
  sendKey(track, now) {
    this.#switch(now);
    return this.usable(now) ? (this.#sending?.keys.get(track) ?? null) : null;
  }

  /** @param {number} participant @returns {string} whose key the server's number stands for; empty for nobody's */
  owner(participant) {
    return this.#owners.get(participant) ?? '';
  }

  /** @param {number} bits @param {number} now @returns {Held|null} null for an epoch that isn't held */
  find(bits, now) {
    this.sweep(now);
    return this.#epochs.findLast((e) => Number(e.epoch % BigInt(BITS)) === bits) ?? null;
  }

  /** @param {number} bits of an epoch that isn't held @returns {boolean} whether it is one from before those that are held */
  isPast(bits) {
    const newest = this.#epochs.at(-1);
    if (!newest) return false;
    const behind = (Number(newest.epoch % BigInt(BITS)) - bits + BITS) % BITS;
    return behind > 0 && behind < BITS / 2;
  }

  /** @param {Held} e @param {string} owner @param {number} now @returns {boolean} whether frames of theirs still open */
  isOpen(e, owner, now) {
    return now < e.closesAt && (!e.removal || now < (e.moved.get(owner) ?? Infinity) + REMOVED_EACH_MS);
  }

  /** @param {Held} e @param {Kid} kid @returns {boolean} whether it is known who the sender is */
  knows(e, { context, sender }) {
    return context < OUTSIDE || e.outside.has(sender);
  }

  /** @param {Held} e @param {Kid} kid @param {string} owner @returns {boolean} whether the sender is theirs */
  owns(e, { context, sender }, owner) {
    return (
      owner !== '' && (context < OUTSIDE ? e.leaves.get(owner) === sender : e.outside.get(sender)?.owner === owner)
    );
  }

  /** @param {Held} e @param {bigint} kid whose sender is known @returns {Promise<FrameKey>} */
  key(e, kid) {
    const { context, sender } = /** @type {Kid} */ (readKid(kid));
    const base = (context < OUTSIDE ? e : e.outside.get(sender))?.base;
    const made = e.keys.get(kid) ?? deriveKey(kid, base?.slice() ?? new Uint8Array(0));
    e.keys.set(kid, made);
    return made;
  }

  /** @param {Held} e @param {bigint} kid @param {bigint} ctr @returns {boolean} whether it was not accepted before */
  fresh(e, kid, ctr) {
    return e.windows.get(kid)?.fresh(ctr) ?? true;
  }

  /**
   * opened accepts a frame that was genuine.
   * @param {Held} e @param {string} owner @param {bigint} kid @param {bigint} ctr @param {number} now
   * @returns {boolean} false when it was accepted before after all
   */
  opened(e, owner, kid, ctr, now) {
    const window = e.windows.get(kid) ?? new ReplayWindow();
    e.windows.set(kid, window);
    if (!window.take(ctr)) return false;
    for (const old of this.#epochs) {
      if (old.epoch < e.epoch && old.removal && !old.moved.has(owner)) old.moved.set(owner, now);
    }
    return true;
  }

  /** @param {Held} e @param {string} owner @param {number} now @returns {boolean} whether too much failed in this second */
  spent(e, owner, now) {
    const f = e.failures.get(owner);
    return f !== undefined && now - f.at < 1000 && f.n >= FAILURES;
  }

  /** @param {Held} e @param {string} owner @param {number} now a frame did not open */
  failed(e, owner, now) {
    const f = e.failures.get(owner);
    if (!f || now - f.at >= 1000) e.failures.set(owner, { at: now, n: 1 });
    else f.n++;
  }

  /** @param {number} now @returns {boolean} whether the log is to be asked for because of an unknown epoch */
  asks(now) {
    this.#missingSince ??= now;
    if (now < Math.max(this.#missingSince + ASK_AFTER_MS, this.#askedAt + ASK_MS)) return false;
    this.#askedAt = now;
    return true;
  }

  /** something that frames may wait for is here */
  #come() {
    this.#another = null;
    this.#wake();
  }

  /** @returns {Promise<void>} when there is another epoch, or the word of one outside */
  another() {
    this.#another ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#another;
  }
}
