// The secret tree (RFC 9420 §9): from encryption_secret to one key and nonce for each message of each sender.
/** @import {Bytes} from '../bytes.js' */
import { utf8 } from '../bytes.js';
import { fail, must } from './errors.js';
import { deriveTreeSecret, expandWithLabel } from './labels.js';
import { MAX_KEPT, MAX_SKIP } from './limits.js';
import { KEY_LENGTH, NONCE_LENGTH, NONE, wipe } from './primitives.js';
import { directPath, isLeaf, left, right, rootOf } from './treemath.js';

const LEFT = utf8('left');
const RIGHT = utf8('right');

/** @typedef {'handshake'|'application'} Kind */
/** @typedef {{key: Bytes, nonce: Bytes}} MessageKey */
/** @typedef {{generation: number, secret: Bytes, kept: Map<number, MessageKey>}} Ratchet generation: the next one */

/** @param {Bytes} secret @param {number} generation @returns {Promise<MessageKey>} */
async function messageKey(secret, generation) {
  const [key, nonce] = await Promise.all([
    deriveTreeSecret(secret, 'key', generation, KEY_LENGTH),
    deriveTreeSecret(secret, 'nonce', generation, NONCE_LENGTH),
  ]);
  return { key, nonce };
}

/**
 * SecretTree derives lazily and overwrites what is used. It keeps at most MAX_KEPT skipped keys for each sender and
 * kind. Calls must not overlap.
 */
export class SecretTree {
  #leaves;
  /** @type {Map<number, Bytes>} secrets of nodes whose children are not derived yet */
  #nodes = new Map();
  /** @type {Map<string, Ratchet>} */
  #ratchets = new Map();

  /** @param {number} leaves a power of two @param {Bytes} encryptionSecret is overwritten once it is used */
  constructor(leaves, encryptionSecret) {
    this.#leaves = leaves;
    this.#nodes.set(rootOf(leaves), encryptionSecret);
  }

  /** @param {number} leaf derives both ratchets of a leaf, if they are not there */
  async #open(leaf) {
    const node = 2 * leaf;
    const path = [node, ...directPath(node, this.#leaves)];
    const from = path.find((n) => this.#nodes.has(n)) ?? fail('generation', 'no secret is left for this leaf');
    let at = from;
    while (!isLeaf(at)) {
      const secret = /** @type {Bytes} */ (this.#nodes.get(at));
      const [l, r] = await Promise.all([expandWithLabel(secret, 'tree', LEFT), expandWithLabel(secret, 'tree', RIGHT)]);
      this.#nodes.delete(at);
      wipe(secret);
      this.#nodes.set(left(at), l).set(right(at), r);
      at = node < at ? left(at) : right(at);
    }
    const secret = /** @type {Bytes} */ (this.#nodes.get(node));
    const [handshake, application] = await Promise.all([
      expandWithLabel(secret, 'handshake', NONE),
      expandWithLabel(secret, 'application', NONE),
    ]);
    this.#nodes.delete(node);
    wipe(secret);
    this.#ratchets.set(`handshake ${leaf}`, { generation: 0, secret: handshake, kept: new Map() });
    this.#ratchets.set(`application ${leaf}`, { generation: 0, secret: application, kept: new Map() });
  }

  /** @param {number} leaf @param {Kind} kind @returns {Promise<Ratchet>} */
  async #ratchet(leaf, kind) {
    must(leaf < this.#leaves, 'generation', 'no such leaf');
    if (!this.#ratchets.has(`${kind} ${leaf}`)) await this.#open(leaf);
    return /** @type {Ratchet} */ (this.#ratchets.get(`${kind} ${leaf}`));
  }

  /** @param {number} leaf one's own @param {Kind} kind @returns {Promise<MessageKey & {generation: number}>} used up */
  async next(leaf, kind) {
    const { generation } = await this.#ratchet(leaf, kind);
    const { key, nonce, used } = await this.find(leaf, kind, generation);
    used();
    return { key, nonce, generation };
  }

  /**
   * find derives a message's key. Nothing changes until `used` is called: a message that turns out not to be genuine
   * must not use up the key of one that is.
   * @param {number} leaf @param {Kind} kind @param {number} generation
   * @returns {Promise<MessageKey & {used: () => void}>} throws MlsError 'generation'
   */
  async find(leaf, kind, generation) {
    const ratchet = await this.#ratchet(leaf, kind);
    if (generation < ratchet.generation) {
      const kept = ratchet.kept.get(generation) ?? fail('generation', 'the key was used, or is no longer kept');
      return { ...kept, used: () => void ratchet.kept.delete(generation) };
    }
    must(generation - ratchet.generation <= MAX_SKIP, 'generation', 'too far ahead');
    must(generation < 0xffffffff, 'generation', 'the last generation');
    return this.#ahead(ratchet, generation);
  }

  /** @param {Ratchet} ratchet @param {number} generation @returns {Promise<MessageKey & {used: () => void}>} */
  async #ahead(ratchet, generation) {
    /** @type {Bytes[]} */
    const spent = [];
    const skipped = /** @type {[number, MessageKey][]} */ ([]);
    let { secret } = ratchet;
    for (let at = ratchet.generation; at < generation; at++) {
      if (at >= generation - MAX_KEPT) skipped.push([at, await messageKey(secret, at)]);
      spent.push(secret);
      secret = await deriveTreeSecret(secret, 'secret', at, secret.length);
    }
    const found = await messageKey(secret, generation);
    const after = await deriveTreeSecret(secret, 'secret', generation, secret.length);
    spent.push(secret);
    const used = () => {
      for (const [at, key] of skipped) ratchet.kept.set(at, key);
      for (const [at, key] of ratchet.kept) {
        if (ratchet.kept.size <= MAX_KEPT) break;
        wipe(key.key, key.nonce);
        ratchet.kept.delete(at);
      }
      ratchet.generation = generation + 1;
      ratchet.secret = after;
      wipe(...spent);
    };
    return { ...found, used };
  }

  /** Overwrites all that is left: the epoch is over. */
  wipe() {
    wipe(...this.#nodes.values());
    for (const { secret, kept } of this.#ratchets.values()) {
      wipe(secret, ...[...kept.values()].flatMap(({ key, nonce }) => [key, nonce]));
    }
    this.#nodes.clear();
    this.#ratchets.clear();
  }
}
