// Entering a group: as its founder (RFC 9420 §11), or by a Welcome (§12.4.3.1).
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {LeafData, OwnKeyPackage} from './keypackage.js' */
/** @import {FindPsk, Policy, State} from './state.js' */
/** @import {SignatureKey} from './signing.js' */
import { equal, random } from '../bytes.js';
import { decode } from './codec.js';
import { fail, must } from './errors.js';
import { checkGroupInfo } from './groupinfo.js';
import { keyPackageRef, makeLeaf, mustOwn } from './keypackage.js';
import { decryptWithLabel } from './labels.js';
import { WIRE, decodeMessage, mustBeOurSuite, readGroupInfo, readGroupSecrets } from './messages.js';
import { MLS10, SUITE } from './nodes.js';
import { HASH_LENGTH, NONE, open, wipe } from './primitives.js';
import { RatchetTree } from './ratchettree.js';
import { epochSecrets, secretsFrom, welcomeKey, welcomeSecret } from './schedule.js';
import { combinedPsk, encodeContext, newEpoch } from './state.js';
import { keysAbove } from './treekem.js';
import { isBelow } from './treemath.js';
import { EXTENSION, checkTree, extension, externalSenders, mustSupport } from './validate.js';
import { newPair } from './x25519.js';

/**
 * @typedef {object} Founding
 * @property {Bytes} groupId random, at least 16 bytes @property {T.Extension[]} extensions of the GroupContext
 * @property {LeafData} data of the founder's leaf @property {SignatureKey} signatureKey @property {Policy} policy
 */

/** @param {Founding} founding @returns {Promise<State>} epoch 0, of one member */
export async function found({ groupId, extensions, data, signatureKey, policy }) {
  const pair = await newPair();
  const leaf = await makeLeaf(data, pair.publicKey, signatureKey);
  mustSupport(leaf, extensions);
  externalSenders(extensions);
  const tree = RatchetTree.of(leaf);
  const secret = random(HASH_LENGTH);
  const secrets = await secretsFrom(secret);
  wipe(secret);
  const fixed = { version: MLS10, suite: SUITE, groupId, epoch: 0n, extensions };
  const context = { ...fixed, treeHash: await tree.hash(), confirmedTranscriptHash: NONE };
  const keys = new Map([[0, pair]]);
  return newEpoch({ context, tree, leaf: 0, keys, signatureKey, policy, resumption: new Map(), secrets });
}

/**
 * @typedef {object} Joining
 * @property {Bytes} welcome an MLSMessage @property {OwnKeyPackage} own @property {SignatureKey} signatureKey
 * @property {FindPsk} [psk] @property {Bytes} [ratchetTree] when the Welcome has none @property {Policy} policy
 */

/** @param {Joining} joining @returns {Promise<{secrets: T.GroupSecrets, encryptedGroupInfo: Bytes}>} */
async function openWelcome({ welcome, own }) {
  const m = decodeMessage(welcome);
  if (m.wireFormat !== WIRE.welcome) return fail('decode', 'not a Welcome');
  mustBeOurSuite(m.message);
  mustOwn(own);
  const { secrets: joiners, encryptedGroupInfo } = m.message;
  const reference = await keyPackageRef(own.keyPackage);
  const mine = joiners.find((s) => equal(s.keyPackageRef, reference)) ?? fail('welcome', 'not for this key package');
  const bytes = await decryptWithLabel(own.initKey, 'Welcome', encryptedGroupInfo, mine.encrypted);
  const secrets = decode(bytes, readGroupSecrets);
  must(secrets.joinerSecret.length === HASH_LENGTH, 'welcome', 'a joiner secret of another length');
  return { secrets, encryptedGroupInfo };
}

/**
 * @param {T.GroupSecrets} secrets @param {Bytes} psk psk_secret @param {Bytes} encrypted
 * @returns {Promise<T.GroupInfo>}
 */
async function openGroupInfo(secrets, psk, encrypted) {
  const welcome = await welcomeSecret(secrets.joinerSecret, psk);
  const [key, nonce] = await welcomeKey(welcome);
  const bytes = await open(key, nonce, NONE, encrypted);
  wipe(welcome, key, nonce);
  const info = decode(bytes, readGroupInfo);
  must(info.context.version === MLS10 && info.context.suite === SUITE, 'decode', 'another version or suite');
  return info;
}

/** @param {RatchetTree} tree @param {OwnKeyPackage} own @returns {number} the leaf that is this member's */
function findOwnLeaf(tree, { keyPackage }) {
  const mine = tree.members.filter((leaf) => equal(tree.member(leaf).encoded, keyPackage.leaf.encoded));
  must(mine.length === 1, 'welcome', 'the tree lacks the leaf of this key package');
  return mine[0];
}

/**
 * join enters the group that a Welcome is for. The key package must not be used again, whether or not it succeeds.
 * @param {Joining} joining @returns {Promise<State>} throws MlsError
 */
export async function join(joining) {
  const { own, signatureKey, policy } = joining;
  const { secrets: groupSecrets, encryptedGroupInfo } = await openWelcome(joining);
  checkWelcomePsks(groupSecrets.psks, policy);
  const psk = await combinedPsk(groupSecrets.psks, joining.psk, null);
  const info = await openGroupInfo(groupSecrets, psk, encryptedGroupInfo);
  const { context } = info;
  const data = extension(info.extensions, EXTENSION.ratchetTree) ?? joining.ratchetTree;
  const tree = RatchetTree.decode(data ?? fail('welcome', 'without a tree'));
  await checkGroupInfo(info, tree.leaf(info.signer)?.signatureKey ?? fail('welcome', 'its signer is not a member'));
  await checkTree(tree, context.groupId, context.extensions, context.treeHash);
  externalSenders(context.extensions);
  const leaf = findOwnLeaf(tree, own);
  must(equal(tree.member(leaf).signatureKey, signatureKey.publicKey), 'welcome', 'another signature key');

  const keys = await firstKeys(tree, leaf, own, info.signer, groupSecrets.pathSecret);
  const secrets = await epochSecrets(groupSecrets.joinerSecret, psk, encodeContext(context));
  wipe(groupSecrets.joinerSecret, groupSecrets.pathSecret, psk);
  const state = await newEpoch({ context, tree, leaf, keys, signatureKey, policy, resumption: new Map(), secrets });
  must(equal(state.confirmationTag, info.confirmationTag), 'confirmation', 'the tag differs');
  return state;
}

/** @param {T.PskId[]} psks @param {Policy} policy */
function checkWelcomePsks(psks, policy) {
  for (const id of psks) {
    must(id.nonce.length === HASH_LENGTH, 'welcome', 'a PSK nonce of another length');
    must(id.type === 1 || (policy.resumption && id.usage === 1), 'policy', 'a resumption PSK');
  }
}

/**
 * @param {RatchetTree} tree @param {number} leaf @param {OwnKeyPackage} own @param {number} signer
 * @param {Bytes|null} pathSecret of the lowest node that signer and joiner share @returns {Promise<State['keys']>}
 */
async function firstKeys(tree, leaf, own, signer, pathSecret) {
  const keys = new Map([[2 * leaf, own.leafKey]]);
  if (!pathSecret) return keys;
  const steps = tree.filteredPath(signer);
  const at = steps.findIndex(({ copath }) => isBelow(2 * leaf, copath));
  must(at >= 0, 'welcome', 'a path secret of no node');
  return (await keysAbove(tree, keys, steps.slice(at), pathSecret)).own;
}
