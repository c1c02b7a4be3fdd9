// What makes a leaf, a key package and a whole tree valid (RFC 9420 §7.3, §7.9.2, §10.1 and §12.4.3.1). Lifetimes are
// not checked, because clocks differ; Conclave's leaves have none that end.
/** @import {Bytes} from '../bytes.js' */
/** @import {Extension, KeyPackage, LeafNode} from './types.js' */
/** @import {RatchetTree} from './ratchettree.js' */
import { equal } from '../bytes.js';
import { decode } from './codec.js';
import { fail, must } from './errors.js';
import { MAX_EXTERNAL_SENDERS } from './limits.js';
import { keyPackageToSign, mustBeOurSuite } from './messages.js';
import { FROM, MLS10, SUITE, leafToSign, readCredential, readU16s } from './nodes.js';
import { strictKey, verifyWithLabel } from './signing.js';
import { isBelow, isLeaf, left, right } from './treemath.js';
import { usable } from './x25519.js';

/** Types of extensions that RFC 9420 §17.3 defines: each client has to know them. */
export const EXTENSION = /** @type {const} */ ({
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
});
/** What RFC 9420 itself defines is not listed in capabilities. */
const DEFAULTS = { extensions: 5, proposals: 7 };

/** @param {Extension[]} extensions @param {number} type @returns {Bytes|undefined} */
export const extension = (extensions, type) => extensions.find((x) => x.type === type)?.data;

/**
 * @param {Extension[]} extensions of a GroupContext
 * @returns {{extensions: number[], proposals: number[], credentials: number[]}} RFC 9420 §11.1
 */
function requiredCapabilities(extensions) {
  const data = extension(extensions, EXTENSION.requiredCapabilities);
  if (!data) return { extensions: [], proposals: [], credentials: [] };
  return decode(data, (r) => ({ extensions: readU16s(r), proposals: readU16s(r), credentials: readU16s(r) }));
}

/** @param {Extension[]} extensions @returns {Bytes[]} the signature keys of external senders (RFC 9420 §12.1.8.1) */
export function externalSenders(extensions) {
  const data = extension(extensions, EXTENSION.externalSenders);
  if (!data) return [];
  const keys = decode(data, (r) =>
    r.list(MAX_EXTERNAL_SENDERS, (inner) => {
      const key = inner.vec();
      readCredential(inner);
      return key;
    }),
  );
  must(keys.every(strictKey), 'tree', 'an external sender has an unusable key');
  return keys;
}

/** @param {LeafNode} leaf @param {Extension[]} extensions of the group: throws MlsError 'tree' if the leaf lacks one */
export function mustSupport(leaf, extensions) {
  const can = leaf.capabilities;
  const required = requiredCapabilities(extensions);
  const known = (/** @type {number} */ type) =>
    (type >= 1 && type <= DEFAULTS.extensions) || can.extensions.includes(type);
  must(can.versions.includes(MLS10) && can.suites.includes(SUITE), 'tree', 'a leaf of another version or suite');
  must(can.credentials.includes(leaf.credential.type), 'tree', 'a leaf lists no credential of its own type');
  must(
    leaf.extensions.every((x) => known(x.type)),
    'tree',
    'a leaf has an extension that it does not list',
  );
  must(
    extensions.every((x) => known(x.type)),
    'tree',
    'a leaf lacks an extension of the group',
  );
  must(required.extensions.every(known), 'tree', 'a leaf lacks a required extension');
  must(
    required.proposals.every((type) => (type >= 1 && type <= DEFAULTS.proposals) || can.proposals.includes(type)),
    'tree',
    'a leaf lacks a required proposal',
  );
  must(
    required.credentials.every((c) => can.credentials.includes(c)),
    'tree',
    'a leaf lacks a required credential',
  );
}

/** @param {LeafNode} leaf its keys */
function checkKeys(leaf) {
  must(usable(leaf.encryptionKey), 'tree', 'a leaf has an unusable encryption key');
  must(strictKey(leaf.signatureKey), 'tree', 'a leaf has an unusable signature key');
}

/**
 * checkLeaf checks one leaf by itself.
 * @param {LeafNode} leaf @param {number} index @param {Bytes} groupId @param {Extension[]} extensions of the group
 * @returns {Promise<void>} throws MlsError 'tree' or 'signature'
 */
export async function checkLeaf(leaf, index, groupId, extensions) {
  checkKeys(leaf);
  mustSupport(leaf, extensions);
  const content = leafToSign(leaf, groupId, index);
  const good = await verifyWithLabel(leaf.signatureKey, 'LeafNodeTBS', content, leaf.signature);
  must(good, 'signature', `the signature of leaf ${index}`);
}

/**
 * checkKeyPackage checks what an Add brings.
 * @param {KeyPackage} k @param {Bytes} groupId @param {Extension[]} extensions of the group
 * @returns {Promise<void>} throws MlsError
 */
export async function checkKeyPackage(k, groupId, extensions) {
  must(k.version === MLS10, 'decode', 'a key package of another version');
  mustBeOurSuite(k);
  must(k.leaf.source === FROM.keyPackage, 'tree', 'the leaf is not of a key package');
  must(usable(k.initKey), 'tree', 'an unusable init key');
  must(!equal(k.initKey, k.leaf.encryptionKey), 'tree', 'init key and encryption key are the same');
  const [, good] = await Promise.all([
    checkLeaf(k.leaf, 0, groupId, extensions),
    verifyWithLabel(k.leaf.signatureKey, 'KeyPackageTBS', keyPackageToSign(k), k.signature),
  ]);
  must(good, 'signature', 'the signature of a key package');
}

/** @param {Bytes} bytes @returns {string} for a set; hex is ten times slower, and this is done for each node and commit */
const asKey = (bytes) => String.fromCharCode(...bytes);

/**
 * checkUnique: no two leaves share a signature key, no two nodes an encryption key; each member knows each other's type
 * of credential.
 * @param {RatchetTree} tree
 */
export function checkUnique(tree) {
  const encryption = new Set();
  const signature = new Set();
  let nodes = 0;
  for (let i = 0; i <= 2 * (tree.width - 1); i++) {
    const node = tree.node(i);
    if (!node) continue;
    nodes++;
    encryption.add(asKey(node.encryptionKey));
    if ('signatureKey' in node) signature.add(asKey(node.signatureKey));
  }
  must(encryption.size === nodes, 'tree', 'two nodes have one encryption key');
  must(signature.size === tree.members.length, 'tree', 'two leaves have one signature key');
  const leaves = tree.members.map((leaf) => tree.member(leaf));
  const types = new Set(leaves.map((leaf) => leaf.credential.type));
  for (const { capabilities } of leaves) {
    for (const type of types) must(capabilities.credentials.includes(type), 'tree', 'a credential that a member lacks');
  }
}

/** @param {RatchetTree} tree @param {number} node a parent that is not blank: its list of unmerged leaves */
function checkUnmerged(tree, node) {
  const value = tree.parent(node);
  if (!value) return;
  must(usable(value.encryptionKey), 'tree', 'a parent has an unusable key');
  for (const leaf of value.unmerged) {
    must(isBelow(2 * leaf, node) && tree.leaf(leaf), 'tree', 'an unmerged leaf is not below its parent');
    let at = node;
    while (!isLeaf(at)) {
      must(!tree.parent(at) || tree.parent(at)?.unmerged.includes(leaf), 'tree', 'an unmerged leaf is merged below');
      at = 2 * leaf < at ? left(at) : right(at);
    }
  }
}

/**
 * descends: whether the parent hash of `node` is held by a node in the resolution of `child`, whose other members were
 * added since (RFC 9420 §7.9.2).
 * @param {RatchetTree} tree @param {number} node @param {number} child @param {number} copath @returns {Promise<boolean>}
 */
async function descends(tree, node, child, copath) {
  const added = new Set(
    tree
      .parent(node)
      ?.unmerged.filter((leaf) => isBelow(2 * leaf, child))
      .map((leaf) => 2 * leaf),
  );
  const others = tree.resolution(child).filter((n) => !added.has(n));
  if (others.length !== 1) return false;
  const held = tree.node(others[0])?.parentHash;
  return held !== undefined && equal(held, await tree.parentHash(node, copath));
}

/** @param {RatchetTree} tree checks the parent hash of each parent @returns {Promise<void>} */
async function checkParentHashes(tree) {
  const parents = [];
  for (let i = 1; i < 2 * tree.width - 1; i += 2) if (tree.node(i)) parents.push(i);
  const valid = await Promise.all(
    parents.map(async (i) => (await descends(tree, i, left(i), right(i))) || descends(tree, i, right(i), left(i))),
  );
  must(valid.every(Boolean), 'parent-hash', 'a parent is not linked to the tree below it');
}

/**
 * checkTree checks a tree that a joiner is given.
 * @param {RatchetTree} tree @param {Bytes} groupId @param {Extension[]} extensions of the group
 * @param {Bytes} treeHash that the GroupContext has @returns {Promise<void>}
 */
export async function checkTree(tree, groupId, extensions, treeHash) {
  if (!equal(await tree.hash(), treeHash)) fail('tree', 'the tree hash differs');
  for (let i = 1; i < 2 * tree.width - 1; i += 2) checkUnmerged(tree, i);
  checkUnique(tree);
  await checkParentHashes(tree);
  await Promise.all(tree.members.map((leaf) => checkLeaf(tree.member(leaf), leaf, groupId, extensions)));
}
