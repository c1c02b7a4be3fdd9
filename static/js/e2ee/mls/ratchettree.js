// The ratchet tree (RFC 9420 §4 and §7): who is in the group, and the public keys over them. Nodes are never changed
// in place, so that a clone costs one copy of the array; tree hashes are kept and computed anew along changed paths.
/** @import {Bytes} from '../bytes.js' */
/** @import {LeafNode, ParentNode} from './types.js' */
import { encode, decode } from './codec.js';
import { fail, must } from './errors.js';
import { MAX_LEAVES, MAX_WELCOME } from './limits.js';
import { parentNode, readLeaf, readParent } from './nodes.js';
import { hash } from './primitives.js';
import { directPath, isBelow, isLeaf, left, nodeCount, right, rootOf } from './treemath.js';

/** @typedef {LeafNode|ParentNode|null} Node null is a blank one */

/** @param {number} leaf @param {LeafNode|null} node @returns {Promise<Bytes>} */
const leafHash = (leaf, node) =>
  hash(
    encode((w) =>
      w
        .u8(1)
        .u32(leaf)
        .optional(node, (x, n) => x.raw(n.encoded)),
    ),
  );

/** @param {ParentNode|null} node @param {Bytes} l @param {Bytes} r @returns {Promise<Bytes>} */
const parentTreeHash = (node, l, r) =>
  hash(
    encode((w) =>
      w
        .u8(2)
        .optional(node, (x, n) => x.raw(n.encoded))
        .vec(l)
        .vec(r),
    ),
  );

export class RatchetTree {
  /** @type {Node[]} */
  #nodes;
  /** @type {(Bytes|undefined)[]} */
  #hashes;

  /** @param {Node[]} nodes a full tree: as many as a power of two of leaves has @param {(Bytes|undefined)[]} [hashes] */
  constructor(nodes, hashes = []) {
    this.#nodes = nodes;
    this.#hashes = hashes;
  }

  /** @param {LeafNode} leaf @returns {RatchetTree} of one member */
  static of(leaf) {
    return new RatchetTree([leaf]);
  }

  /** @returns {RatchetTree} that can be changed alone */
  clone() {
    return new RatchetTree([...this.#nodes], [...this.#hashes]);
  }

  /** @returns {number} leaves, blank ones included */
  get width() {
    return (this.#nodes.length + 1) / 2;
  }

  /** @returns {number[]} the leaves that are not blank */
  get members() {
    return this.#nodes.flatMap((node, i) => (isLeaf(i) && node ? [i / 2] : []));
  }

  /** @param {number} leaf @returns {LeafNode|null} null too where there is none */
  leaf(leaf) {
    return /** @type {LeafNode|null} */ (leaf < this.width ? this.#nodes[2 * leaf] : null);
  }

  /** @param {number} leaf @returns {LeafNode} throws MlsError 'proposals' where there is no member */
  member(leaf) {
    return this.leaf(leaf) ?? fail('proposals', `leaf ${leaf} is not a member`);
  }

  /** @param {number} node @returns {Node} */
  node(node) {
    return this.#nodes[node];
  }

  /** @param {number} node odd @returns {ParentNode|null} */
  parent(node) {
    return /** @type {ParentNode|null} */ (this.#nodes[node]);
  }

  /** @returns {number} */
  get root() {
    return rootOf(this.width);
  }

  /** @param {number} node @param {Node} value */
  set(node, value) {
    this.#nodes[node] = value;
    this.#hashes[node] = undefined;
    for (const p of directPath(node, this.width)) this.#hashes[p] = undefined;
  }

  /** @param {number} leaf blanks its parents up to the root */
  blankPath(leaf) {
    for (const p of directPath(2 * leaf, this.width)) this.set(p, null);
  }

  /** @param {LeafNode} leaf @returns {number} where it is now: the leftmost blank leaf (RFC 9420 §7.7) */
  add(leaf) {
    let at = 0;
    while (at < this.width && this.#nodes[2 * at]) at++;
    if (at === this.width) {
      must(2 * this.width <= MAX_LEAVES, 'tree', `more than ${MAX_LEAVES} leaves`);
      const longer = nodeCount(2 * this.width);
      while (this.#nodes.length < longer) this.#nodes.push(null);
    }
    this.set(2 * at, leaf);
    for (const p of directPath(2 * at, this.width)) {
      const node = this.parent(p);
      if (!node) continue;
      const unmerged = [...node.unmerged, at].sort((a, b) => a - b);
      this.set(p, parentNode(node.encryptionKey, node.parentHash, unmerged));
    }
    return at;
  }

  /** @param {number} leaf @param {LeafNode} node replaces a member's leaf and blanks its path (an Update) */
  update(leaf, node) {
    this.set(2 * leaf, node);
    this.blankPath(leaf);
  }

  /** @param {number} leaf blanks it and its path; the tree becomes as small as it can be (RFC 9420 §7.8) */
  remove(leaf) {
    this.set(2 * leaf, null);
    this.blankPath(leaf);
    const last = this.members.at(-1) ?? 0;
    while (this.width > 1 && last < this.width / 2) {
      this.#nodes.length = nodeCount(this.width / 2);
      this.#hashes.length = this.#nodes.length;
    }
  }

  /** @param {number} node @returns {number[]} nodes that cover all members below it (RFC 9420 §4.1.1) */
  resolution(node) {
    const value = this.#nodes[node];
    if (value) return isLeaf(node) ? [node] : [node, ...this.#unmerged(node).map((leaf) => 2 * leaf)];
    return isLeaf(node) ? [] : [...this.resolution(left(node)), ...this.resolution(right(node))];
  }

  /** @param {number} node @returns {number[]} */
  #unmerged(node) {
    return this.parent(node)?.unmerged ?? [];
  }

  /**
   * filteredPath lists the parents that a path of this leaf has keys for: those whose child on the other side covers
   * somebody (RFC 9420 §4.1.2).
   * @param {number} leaf @returns {{node: number, copath: number}[]} from below
   */
  filteredPath(leaf) {
    let at = 2 * leaf;
    const path = [];
    for (const node of directPath(at, this.width)) {
      const copath = node < at ? left(node) : right(node);
      if (this.#covers(copath)) path.push({ node, copath });
      at = node;
    }
    return path;
  }

  /** @param {number} node @returns {boolean} whether its resolution has any node */
  #covers(node) {
    if (this.#nodes[node]) return true;
    return !isLeaf(node) && (this.#covers(left(node)) || this.#covers(right(node)));
  }

  /** @param {number} [node] @returns {Promise<Bytes>} the tree hash (RFC 9420 §7.8) */
  async hash(node = this.root) {
    const known = this.#hashes[node];
    if (known) return known;
    const computed = isLeaf(node)
      ? await leafHash(node / 2, this.leaf(node / 2))
      : await parentTreeHash(
          this.parent(node),
          ...(await Promise.all([this.hash(left(node)), this.hash(right(node))])),
        );
    this.#hashes[node] = computed;
    return computed;
  }

  /**
   * hashWithout is the tree hash of a subtree as it was before leaves were added: they are blank in it, and in no list
   * of unmerged leaves.
   * @param {number} node @param {number[]} without leaf indices @returns {Promise<Bytes>}
   */
  async hashWithout(node, without) {
    const inside = without.filter((leaf) => isBelow(2 * leaf, node));
    if (inside.length === 0) return this.hash(node);
    if (isLeaf(node)) return leafHash(node / 2, null);
    const [l, r] = await Promise.all([this.hashWithout(left(node), inside), this.hashWithout(right(node), inside)]);
    const value = this.parent(node);
    const before =
      value &&
      parentNode(
        value.encryptionKey,
        value.parentHash,
        value.unmerged.filter((x) => !inside.includes(x)),
      );
    return parentTreeHash(before, l, r);
  }

  /**
   * The parent hash of RFC 9420 §7.9.
   * @param {number} node a parent that is not blank @param {number} copath its child on the other side
   * @returns {Promise<Bytes>}
   */
  async parentHash(node, copath) {
    const value = this.parent(node) ?? fail('parent-hash', 'a blank parent has none');
    const sibling = await this.hashWithout(copath, value.unmerged);
    return hash(encode((w) => w.vec(value.encryptionKey).vec(value.parentHash).vec(sibling)));
  }

  /**
   * copathSizes says what a commit with a path costs each member.
   * @returns {{leaf: number, sum: number, longest: number}[]} for each member, of the resolutions along its copath: how
   *   many nodes in all (one HPKE seal each), and in the longest
   */
  copathSizes() {
    const sizes = this.#resolutionSizes();
    return this.members.map((leaf) => {
      let at = 2 * leaf;
      let [sum, longest] = [0, 0];
      for (const node of directPath(at, this.width)) {
        const size = sizes[node < at ? left(node) : right(node)];
        sum += size;
        longest = Math.max(longest, size);
        at = node;
      }
      return { leaf, sum, longest };
    });
  }

  /** @returns {number[]} for each node how many its resolution has */
  #resolutionSizes() {
    /** @type {number[]} */
    const sizes = new Array(this.#nodes.length).fill(0);
    const measure = (/** @type {number} */ node) => {
      if (!isLeaf(node)) sizes[node] = measure(left(node)) + measure(right(node));
      if (this.#nodes[node]) sizes[node] = 1 + (isLeaf(node) ? 0 : this.#unmerged(node).length);
      return sizes[node];
    };
    measure(this.root);
    return sizes;
  }

  /** @returns {Bytes} the ratchet_tree extension's data (RFC 9420 §12.4.3.3) */
  encode() {
    const last = this.#nodes.findLastIndex((node) => node !== null);
    return encode((w) =>
      w.list(this.#nodes.slice(0, last + 1).entries(), (inner, [i, node]) =>
        inner.optional(node, (x, value) => x.u8(isLeaf(i) ? 1 : 2).raw(value.encoded)),
      ),
    );
  }

  /** @param {Bytes} bytes @returns {RatchetTree} of the right shape; whether it is valid is another question */
  static decode(bytes) {
    must(bytes.length <= MAX_WELCOME, 'decode', 'a longer tree than its bound');
    let at = 0;
    const nodes = decode(bytes, (r) =>
      r.list(nodeCount(MAX_LEAVES), (inner) => {
        const i = at++;
        return inner.optional((x) => {
          must(x.u8() === (isLeaf(i) ? 1 : 2), 'decode', 'a leaf where a parent should be, or the reverse');
          return /** @type {Node} */ (isLeaf(i) ? readLeaf(x) : readParent(x));
        });
      }),
    );
    must(nodes.at(-1), 'decode', 'a ratchet tree ends with a node that is not blank');
    let width = 1;
    while (nodeCount(width) < nodes.length) width *= 2;
    while (nodes.length < nodeCount(width)) nodes.push(null);
    return new RatchetTree(nodes);
  }
}
