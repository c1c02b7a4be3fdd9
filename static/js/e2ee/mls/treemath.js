// Indices in the array form of a complete binary tree (RFC 9420 appendix C): leaf i is node 2i, parents are odd.

/** @param {number} leaves a power of two @returns {number} */
export const nodeCount = (leaves) => (leaves === 0 ? 0 : 2 * leaves - 1);

/** @param {number} leaves a power of two @returns {number} */
export const rootOf = (leaves) => leaves - 1;

/** @param {number} node @returns {number} how far above the leaves */
function level(node) {
  let k = 0;
  while ((node >> k) & 1) k++;
  return k;
}

/** @param {number} node @returns {boolean} */
export const isLeaf = (node) => (node & 1) === 0;

/** @param {number} node a parent @returns {number} */
export const left = (node) => node ^ (1 << (level(node) - 1));

/** @param {number} node a parent @returns {number} */
export const right = (node) => node ^ (3 << (level(node) - 1));

/** @param {number} node not the root @returns {number} */
export function parent(node) {
  const k = level(node);
  return (node | (1 << k)) & ~(1 << (k + 1));
}

/** @param {number} node not the root @returns {number} */
export function sibling(node) {
  const p = parent(node);
  return node < p ? right(p) : left(p);
}

/** @param {number} node @param {number} leaves @returns {number[]} its ancestors, from its parent to the root */
export function directPath(node, leaves) {
  const path = [];
  for (let at = node; at !== rootOf(leaves); path.push(at)) at = parent(at);
  return path;
}

/** @param {number} node @param {number} ancestor @returns {boolean} whether node is in the subtree of ancestor */
export function isBelow(node, ancestor) {
  const reach = (1 << level(ancestor)) - 1;
  return node >= ancestor - reach && node <= ancestor + reach;
}
