// GroupInfo (RFC 9420 §12.4.3): what a member signs about an epoch, for those who are not in it yet.
/** @import {Bytes} from '../bytes.js' */
/** @import {Extension, GroupContext, GroupInfo, LeafNode} from './types.js' */
/** @import {KeyPair} from './x25519.js' */
/** @import {State} from './state.js' */
import { fail, must } from './errors.js';
import { decode, encode } from './codec.js';
import { deriveKeyPair } from './hpke.js';
import { WIRE, decodeMessage, groupInfoToSign } from './messages.js';
import { MLS10, SUITE } from './nodes.js';
import { RatchetTree } from './ratchettree.js';
import { signWithLabel, verifyWithLabel } from './signing.js';
import { EXTENSION, checkTree, extension } from './validate.js';
import { usable } from './x25519.js';

/** @param {State} state @returns {Promise<KeyPair>} the group's HPKE keys of this epoch (RFC 9420 §8.3) */
export const externalKeys = (state) => deriveKeyPair(state.secrets.external);

/** @param {Bytes} key external_pub @returns {Extension} */
export const externalPubExtension = (key) => ({ type: EXTENSION.externalPub, data: encode((w) => w.vec(key)) });

/**
 * makeGroupInfo signs a GroupInfo of this epoch, with the tree in it.
 * @param {State} state @param {Extension[]} [more] other extensions @returns {Promise<GroupInfo>}
 */
export async function makeGroupInfo(state, more = []) {
  const tree = { type: EXTENSION.ratchetTree, data: state.tree.encode() };
  const { context, confirmationTag, leaf: signer } = state;
  const info = { context, extensions: [tree, ...more], confirmationTag, signer };
  return { ...info, signature: await signWithLabel(state.signatureKey, 'GroupInfoTBS', groupInfoToSign(info)) };
}

/** @param {GroupInfo} info @param {Bytes} key the signer's @returns {Promise<void>} throws MlsError 'signature' */
export async function checkGroupInfo(info, key) {
  const good = await verifyWithLabel(key, 'GroupInfoTBS', groupInfoToSign(info), info.signature);
  must(good, 'signature', 'a GroupInfo that its signer did not sign');
}

/**
 * @typedef {object} Outside what a GroupInfo says to one who is outside the group
 * @property {GroupContext} context @property {number} signer the leaf that signed it
 * @property {{leaf: number, node: LeafNode}[]} members
 * @property {Bytes|null} externalPub the key to encrypt to for all members of the epoch, if it is in there
 */

/**
 * readGroupInfoMessage checks a GroupInfo as a joiner would: its tree, and that a member of it signed. Whether these are
 * the right members is for the caller to decide, and the confirmation tag shows only to members.
 * @param {Bytes} message an MLSMessage with the tree @returns {Promise<Outside>} throws MlsError
 */
export async function readGroupInfoMessage(message) {
  const m = decodeMessage(message);
  if (m.wireFormat !== WIRE.groupInfo) return fail('decode', 'not a GroupInfo');
  const { context, extensions, signer } = m.message;
  must(context.version === MLS10 && context.suite === SUITE, 'decode', 'another version or suite');
  const tree = RatchetTree.decode(extension(extensions, EXTENSION.ratchetTree) ?? fail('welcome', 'without a tree'));
  await checkGroupInfo(m.message, tree.leaf(signer)?.signatureKey ?? fail('welcome', 'its signer is not a member'));
  await checkTree(tree, context.groupId, context.extensions, context.treeHash);
  const data = extension(extensions, EXTENSION.externalPub);
  const externalPub = data ? decode(data, (r) => r.vec()) : null;
  must(!externalPub || usable(externalPub), 'tree', 'an unusable external_pub');
  return { context, signer, externalPub, members: tree.members.map((leaf) => ({ leaf, node: tree.member(leaf) })) };
}
