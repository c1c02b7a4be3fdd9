// When a leaf commits although there is nothing to do but new keys (docs/e2ee.md, section 7): to warm a tree that many
// were added to, and so that who was copied recovers. Pure.
/** @import {Epoch, Member} from './epoch.js' */

/** A commit with more seals than this costs too much. */
const WARM = 64;
const WARM_FIRST_MS = 1000;
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
 * @param {Epoch} epoch @param {(m: Member) => boolean} able @returns {number} when one is to warm the tree; Infinity for
 *   not at all
 */
export function warmingDue(epoch, able) {
  const { group } = epoch;
  if (epoch.members.size <= WARM / 2 || group.copathSizes().every(({ sum }) => sum <= WARM)) return Infinity;
  if (!isCold(epoch, group.leaf)) return Infinity;
  const bits = Math.ceil(Math.log2(Math.max(...epoch.leaves.keys()) + 1));
  const order = [...epoch.members.values()]
    .filter((m) => able(m) && isCold(epoch, m.leaf))
    .sort((a, b) => reversed(a.leaf, bits) - reversed(b.leaf, bits));
  return epoch.at + WARM_FIRST_MS + order.indexOf(epoch.self) * WARM_EACH_MS;
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
