// TreeKEM (RFC 9420 §7.4 to §7.6): a commit's path gives each part of the tree new keys, and everyone in the group one
// new secret.
/** @import {Bytes} from '../bytes.js' */
/** @import {KeyPair} from './x25519.js' */
/** @import {LeafNode, UpdatePath, UpdatePathNode} from './types.js' */
/** @import {RatchetTree} from './ratchettree.js' */
import { equal, random } from '../bytes.js';
import { fail, must } from './errors.js';
import { deriveKeyPair } from './hpke.js';
import { decryptWithLabel, deriveSecret, encryptWithLabel } from './labels.js';
import { parentNode } from './nodes.js';
import { HASH_LENGTH, NONE, wipe } from './primitives.js';
import { directPath, isBelow } from './treemath.js';
import { usable } from './x25519.js';

/** @typedef {Map<number, KeyPair>} PrivateKeys of the nodes that this member has, its leaf included */
/** @typedef {{node: number, copath: number}} Step of a filtered direct path */

/** @param {Bytes} pathSecret @returns {Promise<KeyPair>} of the node it belongs to */
async function nodeKeys(pathSecret) {
  const secret = await deriveSecret(pathSecret, 'node');
  const pair = await deriveKeyPair(secret);
  wipe(secret);
  return pair;
}

/**
 * climb derives the path secrets of a node and of those above it.
 * @param {Bytes} first path secret of the lowest @param {number} count how many nodes
 * @returns {Promise<{secrets: Bytes[], pairs: KeyPair[], commit: Bytes}>} commit: commit_secret
 */
async function climb(first, count) {
  const secrets = [];
  let commit = first;
  for (let i = 0; i < count; i++) {
    secrets.push(commit);
    commit = await deriveSecret(commit, 'path');
  }
  return { secrets, pairs: await Promise.all(secrets.map(nodeKeys)), commit };
}

/**
 * plant puts new public keys on a leaf's path, with the parent hashes that follow from them.
 * @param {RatchetTree} tree is changed @param {number} leaf @param {Step[]} steps @param {Bytes[]} keys one for each
 * @returns {Promise<Bytes>} the parent hash for the leaf
 */
async function plant(tree, leaf, steps, keys) {
  tree.blankPath(leaf);
  /** @type {Bytes} */
  let above = NONE;
  for (let i = steps.length - 1; i >= 0; i--) {
    tree.set(steps[i].node, parentNode(keys[i], above, []));
    above = await tree.parentHash(steps[i].node, steps[i].copath);
  }
  return above;
}

/**
 * @typedef {object} FreshPath a path that its author made
 * @property {Step[]} steps @property {Bytes[]} secrets @property {KeyPair[]} pairs @property {Bytes} commit commit_secret
 * @property {LeafNode} leaf
 */

/**
 * freshPath makes new keys for a leaf and its path.
 * @param {RatchetTree} tree is changed, but for the leaf's signature: it has the new leaf
 * @param {number} leaf @param {(parentHash: Bytes) => Promise<LeafNode>} makeLeaf @returns {Promise<FreshPath>}
 */
export async function freshPath(tree, leaf, makeLeaf) {
  const steps = tree.filteredPath(leaf);
  const climbed = await climb(random(HASH_LENGTH), steps.length);
  const parentHash = await plant(
    tree,
    leaf,
    steps,
    climbed.pairs.map((pair) => pair.publicKey),
  );
  const made = await makeLeaf(parentHash);
  tree.set(2 * leaf, made);
  return { ...climbed, steps, leaf: made };
}

/**
 * @param {RatchetTree} tree @param {Step} step @param {Set<number>} added leaves that the same commit adds: a Welcome
 *   gives them the secret
 * @returns {number[]} the nodes that a path secret is encrypted to
 */
const recipients = (tree, { copath }, added) => tree.resolution(copath).filter((n) => n & 1 || !added.has(n / 2));

/**
 * sealPath encrypts each path secret to the members below its node.
 * @param {RatchetTree} tree with the path @param {FreshPath} path @param {Set<number>} added
 * @param {Bytes} context the GroupContext of the new epoch, before the commit is in its transcript
 * @returns {Promise<UpdatePath>}
 */
export async function sealPath(tree, { steps, secrets, pairs, leaf }, added, context) {
  const nodes = steps.map(async (step, i) => ({
    encryptionKey: pairs[i].publicKey,
    encrypted: await Promise.all(
      recipients(tree, step, added).map((n) =>
        encryptWithLabel(tree.node(n)?.encryptionKey ?? NONE, 'UpdatePathNode', context, secrets[i]),
      ),
    ),
  }));
  return { leaf, nodes: await Promise.all(nodes) };
}

/**
 * applyPath takes over another member's path: all that everyone can check of it, but for the leaf itself.
 * @param {RatchetTree} tree is changed @param {number} sender @param {UpdatePath} path @param {Set<number>} added
 * @returns {Promise<Step[]>} throws MlsError 'tree' or 'parent-hash'
 */
export async function applyPath(tree, sender, path, added) {
  const steps = tree.filteredPath(sender);
  must(path.nodes.length === steps.length, 'tree', 'a path of another length');
  // None of its keys may be in the tree (§12.4.2). checkUnique looks at the nodes that stay.
  const replaced = [2 * sender, ...directPath(2 * sender, tree.width)].map((node) => tree.node(node)?.encryptionKey);
  const fresh = [path.leaf, ...path.nodes].map((node) => node.encryptionKey);
  must(
    !replaced.some((old) => old && fresh.some((key) => equal(key, old))),
    'tree',
    'a path with a key that was there',
  );
  path.nodes.forEach((node, i) => {
    must(usable(node.encryptionKey), 'tree', 'a path has an unusable key');
    const expected = recipients(tree, steps[i], added).length;
    must(node.encrypted.length === expected, 'tree', 'a path secret is encrypted to another number of nodes');
  });
  const parentHash = await plant(
    tree,
    sender,
    steps,
    path.nodes.map((node) => node.encryptionKey),
  );
  must(path.leaf.parentHash && equal(path.leaf.parentHash, parentHash), 'parent-hash', 'the leaf has another one');
  tree.set(2 * sender, path.leaf);
  return steps;
}

/** @param {PrivateKeys} own @param {RatchetTree} tree @param {number} node @returns {KeyPair|null} if it is the node's */
function keyFor(own, tree, node) {
  const pair = own.get(node);
  const value = tree.node(node);
  return pair && value && equal(pair.publicKey, value.encryptionKey) ? pair : null;
}

/**
 * openPath decrypts this member's path secret.
 * @param {RatchetTree} tree with the path @param {number} leaf one's own @param {PrivateKeys} own
 * @param {Step[]} steps @param {UpdatePathNode[]} nodes @param {Set<number>} added @param {Bytes} context
 * @returns {Promise<{commit: Bytes, own: PrivateKeys, secret: Bytes}>} commit_secret, the private keys as they are now,
 *   and the secret that was decrypted; throws MlsError 'path'
 */
export async function openPath(tree, leaf, own, steps, nodes, added, context) {
  const at = steps.findIndex((step) => isBelow(2 * leaf, step.copath));
  if (at < 0) return fail('path', 'the path passes this member by');
  const to = recipients(tree, steps[at], added);
  const i = to.findIndex((node) => keyFor(own, tree, node));
  const pair = i < 0 ? null : keyFor(own, tree, to[i]);
  if (!pair) return fail('path', 'the path secret is encrypted to no key of this member');
  const secret = await decryptWithLabel(pair, 'UpdatePathNode', context, nodes[at].encrypted[i]).catch(() =>
    fail('path', 'the path secret does not open'),
  );
  return { secret, ...(await keysAbove(tree, own, steps.slice(at), secret)) };
}

/**
 * keysAbove derives the keys of a path's nodes from a path secret, and compares them with the tree.
 * @param {RatchetTree} tree @param {PrivateKeys} own @param {Step[]} steps those the secret leads to
 * @param {Bytes} secret path secret of the first @returns {Promise<{commit: Bytes, own: PrivateKeys}>}
 */
export async function keysAbove(tree, own, steps, secret) {
  must(secret.length === HASH_LENGTH, 'path', 'a path secret of another length');
  const { pairs, commit } = await climb(secret, steps.length);
  const now = new Map(own);
  steps.forEach(({ node }, i) => {
    const announced = tree.node(node)?.encryptionKey;
    must(announced && equal(announced, pairs[i].publicKey), 'path', 'the path secret does not give the announced key');
    now.set(node, pairs[i]);
  });
  return { commit, own: stillUsed(tree, now) };
}

/** @param {RatchetTree} tree @param {PrivateKeys} own @returns {PrivateKeys} without keys that no node has any more */
export const stillUsed = (tree, own) => new Map([...own].filter(([node]) => keyFor(own, tree, node)));
