// GroupInfo (RFC 9420 §12.4.3): what a member signs about an epoch, for those who are not in it yet.
/** @import {Bytes} from '../bytes.js' */
/** @import {Extension, GroupInfo} from './types.js' */
/** @import {State} from './state.js' */
import { must } from './errors.js';
import { deriveKeyPair } from './hpke.js';
import { encode } from './codec.js';
import { groupInfoToSign } from './messages.js';
import { signWithLabel, verifyWithLabel } from './signing.js';
import { EXTENSION } from './validate.js';

/** @param {State} state @returns {Promise<Bytes>} the group's public HPKE key of this epoch (RFC 9420 §8.3) */
export const externalPub = async (state) => (await deriveKeyPair(state.secrets.external)).publicKey;

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
