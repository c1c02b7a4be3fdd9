// One epoch of a group as a member holds it. A commit makes a new state beside the old one; neither is changed by it.
/** @import {Bytes} from '../bytes.js' */
/** @import {Extension, GroupContext, PskId, Sender, Proposal} from './types.js' */
/** @import {EpochSecrets} from './schedule.js' */
/** @import {RatchetTree} from './ratchettree.js' */
/** @import {SecretTree} from './secrettree.js' */
/** @import {SignatureKey} from './signing.js' */
/** @import {PrivateKeys} from './treekem.js' */
import { encode } from './codec.js';
import { fail } from './errors.js';
import { interimHash } from './framing.js';
import { writeContext, writePskId } from './messages.js';
import { mac } from './primitives.js';
import { pskSecret } from './schedule.js';
import { SecretTree as Tree } from './secrettree.js';

/**
 * @typedef {object} Proposed a proposal and who made it
 * @property {Proposal} proposal @property {Sender} sender the committer when it is by value
 * @property {Bytes|null} reference null when it is by value
 * @property {Bytes} authenticatedData of its own message; empty when it is by value
 */

/**
 * @typedef {(id: PskId) => Bytes|null|undefined|Promise<Bytes|null|undefined>} FindPsk gives an external pre-shared key
 */

/**
 * Policy is what a group refuses although RFC 9420 allows it. A member keeps its signature key. ReInit, proposals of
 * new members and external commits are refused. So are Update, resumption PSKs and encrypted handshakes, unless the
 * policy says otherwise.
 * @typedef {object} Policy
 * @property {boolean} [updates] accepts Update proposals of others
 * @property {boolean} [privateHandshakes] accepts proposals and commits that are PrivateMessages
 * @property {boolean} [resumption] accepts resumption PSKs of this group's past epochs
 * @property {(proposed: Proposed, state: State) => string|null|undefined|Promise<string|null|undefined>} [proposal]
 *   a reason to refuse a proposal that is committed
 * @property {(list: Proposed[], committer: number, authenticatedData: Bytes, state: State) =>
 *   string|null|undefined|Promise<string|null|undefined>} [commit] a reason to refuse a commit
 */

/**
 * @typedef {object} State
 * @property {GroupContext} context @property {Bytes} encodedContext
 * @property {RatchetTree} tree @property {EpochSecrets} secrets @property {SecretTree} ratchets
 * @property {number} leaf one's own @property {PrivateKeys} keys @property {SignatureKey} signatureKey
 * @property {Bytes} confirmationTag @property {Bytes} interim interim_transcript_hash
 * @property {Map<string, Proposed>} proposals by reference, in hex
 * @property {Map<bigint, Bytes>} resumption resumption secrets of past epochs
 * @property {Policy} policy
 */

/** @param {GroupContext} context @returns {Bytes} */
export const encodeContext = (context) => encode((w) => writeContext(w, context));

/**
 * newEpoch puts a state together from the secrets of an epoch.
 * @param {Pick<State, 'context'|'tree'|'leaf'|'keys'|'signatureKey'|'policy'|'resumption'|'secrets'>} parts
 * @returns {Promise<State>}
 */
export async function newEpoch(parts) {
  const { context, tree, secrets } = parts;
  const confirmationTag = await mac(secrets.confirmation, context.confirmedTranscriptHash);
  return {
    ...parts,
    encodedContext: encodeContext(context),
    ratchets: new Tree(tree.width, secrets.encryption),
    confirmationTag,
    interim: await interimHash(context.confirmedTranscriptHash, confirmationTag),
    proposals: new Map(),
  };
}

/**
 * @param {PskId[]} ids @param {FindPsk|undefined} find @param {State|null} state null for a joiner
 * @returns {Promise<Bytes>} psk_secret; throws MlsError 'psk' when one is not known
 */
export async function combinedPsk(ids, find, state) {
  const psks = [];
  for (const id of ids) {
    const psk = id.type === 1 ? await find?.(id) : (state?.resumption.get(id.epoch) ?? (await find?.(id)));
    psks.push({ id, psk: psk ?? fail('psk', 'a pre-shared key is not known') });
  }
  return pskSecret(psks);
}

/** @param {PskId} id @returns {Bytes} */
export const encodePskId = (id) => encode((w) => writePskId(w, id));

/** @param {GroupContext} old @param {Bytes} treeHash @param {Extension[]} extensions @returns {GroupContext} */
export const nextContext = (old, treeHash, extensions) => ({ ...old, epoch: old.epoch + 1n, treeHash, extensions });
