// One's own chain: when it steps, when it is replaced, who was given it, who has it (docs/e2ee.md, section 7). Time is an argument.
/** @import {Bytes} from './bytes.js' */
/** @import {Chain} from './chain.js' */
/** @import {FrameKey} from './sframe.js' */
/** @import {Member} from './member.js' */
import { random } from './bytes.js';
import { LAST_GENERATION, LAST_STEP, TRACKS, frameKey, ratchet } from './chain.js';

/** A fresh generation waits this long for somebody's last loss to be followed by others. */
const DEBOUNCE_MS = 500;
/** And this long for acknowledgements. */
const ACK_MS = 1000;
/** Under one KID; a track that sends more in one meeting stops. */
const MAX_FRAMES = 1n << 32n;
const RESEND_MS = [2000, 4000, 8000, 16_000];
const RESEND_LATER_MS = 30_000;

/** @typedef {{key: FrameKey, next: bigint}} SendKey next is the counter of the next frame: one count for all layers of a track */
/** @typedef {(member: Member, chain: Chain) => void} SealKey puts a `key` message for a member into the next relay; R is added there */

/** The chain of oneself. */
export class Sender {
  /** @type {Chain|null} */
  #chain = null;
  /** @type {Map<number, SendKey>} */
  #keys = new Map();
  /** sealed, not yet used @type {{chain: Chain, at: number, waiting: Set<Member>}|null} */
  #fresh = null;
  #generation = -1;
  #stale = false;
  #lossAt = 0;
  #hash;
  #seal;

  /** @param {Bytes} hash one's own announce hash @param {SealKey} seal */
  constructor(hash, seal) {
    this.#hash = hash;
    this.#seal = seal;
  }

  /** @returns {boolean} whether what is sent now reaches all who should have it, and nobody else */
  get usable() { return this.#chain !== null && !this.#stale; }

  /** @param {number} track @returns {SendKey|null} null: nothing may be sent */
  key(track) {
    const key = this.usable ? this.#keys.get(track) : undefined;
    return key && key.next < MAX_FRAMES ? key : null;
  }

  /** @param {Iterable<Member>} recipients @param {number} now makes a fresh generation, if what there is may not be used */
  async want(recipients, now) {
    if (!this.usable && !this.#fresh) await this.renew(recipients, now);
  }

  /** @param {Iterable<Member>} recipients @param {number} now */
  async renew(recipients, now) {
    if (this.#generation === LAST_GENERATION) throw new RangeError('no generation is left');
    this.#lossAt = 0;
    this.#fresh = { chain: { gen: ++this.#generation, step: 0, chain: random(32) }, at: now, waiting: new Set(recipients) };
    for (const m of this.#fresh.waiting) this.#give(m, this.#fresh.chain, now);
    await this.#maybeSwitch(now);
  }

  /** @param {Member[]} newcomers @param {Iterable<Member>} recipients all, they included @param {boolean} active @param {number} now */
  async joined(newcomers, recipients, active, now) {
    if (this.#fresh) {
      for (const m of newcomers) {
        this.#fresh.waiting.add(m);
        this.#give(m, this.#fresh.chain, now);
      }
    } else if (!active) {
      this.#stale = true;
    } else if (!this.usable || this.#chain?.step === LAST_STEP) {
      await this.renew(recipients, now);
    } else if (this.#chain) {
      await this.#use(await ratchet(this.#chain, this.#chain.step + 1));
      for (const m of newcomers) this.#give(m, this.#chain, now);
    }
  }

  /** @param {Member} member @param {number} now they may no longer hear us */
  async lost(member, now) {
    member.owed = null;
    this.#fresh?.waiting.delete(member);
    if (!this.#lossAt) this.#lossAt = now + DEBOUNCE_MS;
  }

  /** @param {Member} member @param {number} gen @param {number} step @param {number} now */
  async acked(member, gen, step, now) {
    const owed = member.owed;
    if (owed && (gen > owed.gen || (gen === owed.gen && step >= owed.step))) member.owed = null;
    if (this.#fresh?.chain.gen === gen) this.#fresh.waiting.delete(member);
    await this.#maybeSwitch(now);
  }

  /** @param {Iterable<Member>} recipients @param {boolean} active @param {number} now */
  async tick(recipients, active, now) {
    if (this.#lossAt && now >= this.#lossAt) {
      this.#lossAt = 0;
      if (active) await this.renew(recipients, now);
      else this.#stale = true;
    }
    await this.#maybeSwitch(now);
    for (const m of recipients) if (m.owed && now >= m.owed.at) this.again(m, now);
  }

  /** @param {Member} member @param {number} now seals the present key once more */
  again(member, now) {
    const chain = this.#fresh?.chain ?? this.#chain;
    if (chain && member.owed) this.#give(member, chain, now, member.owed.tries + 1);
  }

  /** @param {number} now @param {Iterable<Member>} recipients @returns {number} when tick has something to do next */
  deadline(now, recipients) {
    let at = Infinity;
    if (this.#lossAt) at = this.#lossAt;
    if (this.#fresh) at = Math.min(at, this.#fresh.at + ACK_MS);
    for (const m of recipients) if (m.owed) at = Math.min(at, m.owed.at);
    return Math.max(at, now);
  }

  /** @param {Member} member @param {Chain} chain @param {number} now @param {number} [tries] */
  #give(member, chain, now, tries = 0) {
    member.owed = { gen: chain.gen, step: chain.step, at: now + (RESEND_MS[tries] ?? RESEND_LATER_MS), tries };
    this.#seal(member, chain);
  }

  /** @param {number} now */
  async #maybeSwitch(now) {
    if (!this.#fresh || (this.#fresh.waiting.size > 0 && now < this.#fresh.at + ACK_MS)) return;
    const { chain } = this.#fresh;
    this.#fresh = null;
    this.#stale = false;
    await this.#use(chain);
  }

  /** @param {Chain} chain the keys are all made before the first is used, so that no frame waits */
  async #use(chain) {
    const keys = await Promise.all(Object.values(TRACKS).map(async (track) => /** @type {const} */ ([track, await frameKey(chain, track, this.#hash)])));
    this.#chain = chain;
    this.#keys = new Map(keys.map(([track, key]) => [track, { key, next: 0n }]));
  }
}
