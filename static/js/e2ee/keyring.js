// The keys others gave us: chains by sender, stepped forward as their frames ask for it (docs/e2ee.md, section 7, Receiving).
/** @import {Bytes} from './bytes.js' */
/** @import {Chain} from './chain.js' */
/** @import {FrameKey} from './sframe.js' */
import { frameKey, ratchet, readKid } from './chain.js';

/** Generations kept of one sender, and steps kept of one generation. */
const GENERATIONS = 3;
const STEPS = 2;
/** Keys made for one generation: those of two steps, and some that frames asked for and that may not be genuine. */
const KEYS = 32;
/** How long what is older than the newest that opened stays. */
const LINGER_MS = 10_000;

/** @typedef {{key: FrameKey, chain: Chain, highest: bigint}} OpenKey highest is the highest counter opened, -1n for none */
/** @typedef {{gen: number, chains: Chain[], keys: Map<bigint, Promise<OpenKey>>}} Generation chains: what frames have opened with, oldest first */
/** @typedef {{hash: Bytes, generations: Generation[], newest: {gen: number, step: number}, due: {at: number, gen: number, step: number}[]}} Sender */

/** Everything that can be opened. */
export class Keyring {
  /** @type {Map<number, Sender>} */
  #senders = new Map();

  /**
   * @param {number} participant @param {Bytes} hash their announce hash @param {Chain} chain
   * @returns {boolean} whether it is news
   */
  install(participant, hash, chain) {
    const sender = this.#senders.get(participant) ?? { hash, generations: [], newest: { gen: -1, step: 0 }, due: [] };
    this.#senders.set(participant, sender);
    const { generations } = sender;
    if (generations.some((g) => g.gen === chain.gen) || chain.gen < sender.newest.gen) return false;
    if (generations.length === GENERATIONS && chain.gen < generations[0].gen) return false;
    generations.push({ gen: chain.gen, chains: [chain], keys: new Map() });
    generations.sort((a, b) => a.gen - b.gen);
    if (generations.length > GENERATIONS) generations.shift();
    return true;
  }

  /** @param {number} participant */
  forget(participant) { this.#senders.delete(participant); }

  /** @param {number} participant @param {bigint} kid @returns {Promise<OpenKey|null>} null when they gave us none */
  async key(participant, kid) {
    const asked = readKid(kid);
    const sender = this.#senders.get(participant);
    const generation = asked && sender?.generations.find((g) => g.gen === asked.gen);
    if (!asked || !sender || !generation) return null;
    const made = generation.keys.get(kid);
    if (made) return made;
    const from = generation.chains.findLast((c) => c.step <= asked.step);
    if (!from) return null;
    for (const old of generation.keys.keys()) {
      if (generation.keys.size < KEYS) break;
      generation.keys.delete(old);
    }
    const making = (async () => {
      const chain = await ratchet(from, asked.step);
      return { key: await frameKey(chain, asked.track, sender.hash), chain, highest: -1n };
    })();
    generation.keys.set(kid, making);
    return making;
  }

  /**
   * opened says that a frame was genuine: only now does a later step count.
   * @param {number} participant @param {OpenKey} key @param {bigint} ctr @param {number} now ms
   */
  opened(participant, key, ctr, now) {
    if (ctr > key.highest) key.highest = ctr;
    const sender = this.#senders.get(participant);
    const { gen, step } = key.chain;
    if (!sender || gen < sender.newest.gen || (gen === sender.newest.gen && step <= sender.newest.step)) return;
    const generation = sender.generations.find((g) => g.gen === gen);
    if (!generation) return;
    sender.newest = { gen, step };
    sender.due.push({ at: now + LINGER_MS, gen, step });
    if (sender.due.length > GENERATIONS * STEPS) sender.due.shift();
    if (generation.chains.every((c) => c.step < step)) generation.chains.push(key.chain);
    if (generation.chains.length > STEPS) generation.chains.shift();
  }

  /** @param {number} now ms deletes what is over */
  sweep(now) {
    for (const sender of this.#senders.values()) {
      while (sender.due.length > 0 && sender.due[0].at <= now) {
        const { gen, step } = /** @type {{gen: number, step: number}} */ (sender.due.shift());
        sender.generations = sender.generations.filter((g) => g.gen >= gen);
        const current = sender.generations.find((g) => g.gen === gen);
        if (!current) continue;
        current.chains = current.chains.filter((c) => c.step >= step);
        for (const kid of current.keys.keys()) if ((readKid(kid)?.step ?? 0) < step) current.keys.delete(kid);
      }
    }
  }
}
