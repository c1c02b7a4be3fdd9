// When a leaf commits although there is nothing to do but new keys (docs/e2ee.md, section 7): to warm a tree that many
// were added to, and so that who was copied recovers. Pure.
/** @import {Epoch, Member} from './epoch.js' */

/** A commit with more seals than this costs too much. */
const WARM = 64;
const WARM_FIRST_MS = 2000;
const WARM_EACH_MS = 300;
const FRESH_MS = 300_000;
/** Members from which on keys are made anew more often. */
const MANY = 60;
const FRESH_MANY_MS = 30_000;
const FRESH_EACH_MS = 3000;

/** @param {number} n @param {number} bits @returns {number} with its bits in reverse order */
function reversed(n, bits) {
  let out = 0;
  for (let i = 0; i < bits; i++) out |= ((n >> i) & 1) << (bits - 1 - i);
  return out;
}

/** @param {Epoch} epoch @param {number} leaf @returns {boolean} whether a node above it has no key, or not for all below */
function isCold(epoch, leaf) {
  const { tree } = epoch.group.state;
  return tree.filteredPath(leaf).some(({ node }) => {
    const value = tree.parent(node);
    return !value || value.unmerged.length > 0;
  });
}

/**
 * Who warms the tree of an epoch is looked for once: it takes milliseconds where many are.
 * @type {WeakMap<Epoch, Member[]>}
 */
const orders = new WeakMap();

/** @param {Epoch} epoch @returns {Member[]} who warms the tree, in order; none where a commit is cheap enough */
function warming(epoch) {
  let order = orders.get(epoch);
  if (!order) {
    const cheap = epoch.group.copathSizes().every(({ sum }) => sum <= WARM);
    const bits = Math.ceil(Math.log2(Math.max(...epoch.leaves.keys()) + 1));
    order = cheap ? [] : [...epoch.members.values()].filter((m) => isCold(epoch, m.leaf));
    order.sort((a, b) => reversed(a.leaf, bits) - reversed(b.leaf, bits));
    orders.set(epoch, order);
  }
  return order;
}

/**
 * @param {Epoch} epoch @param {(m: Member) => boolean} able @param {number} now @returns {number} when one is to warm the
 *   tree, or to look whether it is one's turn; Infinity for not at all
 */
export function warmingDue(epoch, able, now) {
  if (epoch.members.size <= WARM / 2) return Infinity;
  const first = epoch.at + WARM_FIRST_MS;
  if (now < first) return first;
  const place = warming(epoch).filter(able).indexOf(epoch.self);
  return place < 0 ? Infinity : first + place * WARM_EACH_MS;
}

/**
 * @param {Epoch} epoch @param {(m: Member) => boolean} able @param {ReadonlyMap<string, number>} paths the epoch of the last
 *   path of each key @param {number} since when a path was seen last @returns {number}
 */
export function freshnessDue(epoch, able, paths, since) {
  if (epoch.members.size < 2) return Infinity;
  const of = (/** @type {Member} */ m) => paths.get(m.key) ?? 0;
  const earlier = (/** @type {Member} */ m) => of(m) - of(epoch.self) || m.leaf - epoch.self.leaf;
  const place = [...epoch.members.values()].filter((m) => m !== epoch.self && able(m) && earlier(m) < 0).length;
  const every = epoch.members.size > MANY ? FRESH_MANY_MS : FRESH_MS;
  return since + every + place * FRESH_EACH_MS;
}
