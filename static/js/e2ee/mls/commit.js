// Committing (RFC 9420 §12.4.1): proposals and, if wanted, a path become a commit, the Welcome of those it adds, and
// the state that is the group's once the commit is in its log.
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {Applied} from './proposals.js' */
/** @import {FindPsk, Proposed, State} from './state.js' */
/** @import {FreshPath} from './treekem.js' */
import { hex } from '../bytes.js';
import { encode } from './codec.js';
import { fail, must } from './errors.js';
import { confirmedHash, membershipTag, proposalRef, signContent } from './framing.js';
import { makeGroupInfo } from './groupinfo.js';
import { commitLeaf, keyPackageRef } from './keypackage.js';
import { encryptWithLabel } from './labels.js';
import { MAX_HANDSHAKE, MAX_WELCOME } from './limits.js';
import { COMMIT, PROPOSAL, SENDER, WIRE, encodeMessage, writeGroupInfo, writeGroupSecrets } from './messages.js';
import { SUITE } from './nodes.js';
import { NONE, ZEROS, hash, seal, wipe } from './primitives.js';
import { applyProposals } from './proposals.js';
import { enterEpoch } from './receive.js';
import { welcomeKey, welcomeSecret } from './schedule.js';
import { combinedPsk, encodeContext, nextContext } from './state.js';
import { freshPath, sealPath, stillUsed } from './treekem.js';
import { isBelow } from './treemath.js';
import { checkUnique } from './validate.js';
import { newPair } from './x25519.js';

/**
 * @typedef {object} CommitOptions
 * @property {T.Proposal[]} [proposals] by value, in this order
 * @property {Bytes[]} [references] of kept proposals, committed before those by value
 * @property {boolean} path whether new keys are made for one's own leaf and its path
 * @property {FindPsk} [psk] @property {Bytes} [authenticatedData]
 * @property {T.Extension[]} [leafExtensions] replace those of one's own leaf; needs a path
 * @property {T.Extension[]} [groupInfoExtensions] of the GroupInfo, besides the tree
 */

/**
 * @typedef {object} Committed
 * @property {Bytes} message the commit, an MLSMessage @property {Bytes} hash SHA-256 of it
 * @property {Bytes|null} encryptedGroupInfo one for all whom the commit adds; null when it adds no one
 * @property {T.JoinerSecrets[]} joiners one for each Add, in order
 * @property {number[]} added leaves @property {number[]} removed leaves
 * @property {State} state of the next epoch
 */

/** @param {State} state @param {CommitOptions} options @returns {Proposed[]} */
function gather(state, { proposals = [], references = [] }) {
  const sender = { type: SENDER.member, leaf: state.leaf };
  return [
    ...references.map((r) => state.proposals.get(hex(r)) ?? fail('usage', 'a reference to no known proposal')),
    ...proposals.map((proposal) => ({ proposal, sender, reference: null, authenticatedData: NONE })),
  ];
}

/**
 * makeCommit makes a commit and the state after it. The present state stays as it is.
 * @param {State} state @param {CommitOptions} options @returns {Promise<Committed>} throws MlsError
 */
export async function makeCommit(state, options) {
  const { authenticatedData = NONE } = options;
  const list = gather(state, options);
  const applied = await applyProposals(state, list, state.leaf, authenticatedData);
  must(options.path || !applied.pathRequired, 'usage', 'these proposals require a path');
  must(options.path || !options.leafExtensions, 'usage', 'a new leaf requires a path');
  const { path, commitSecret, keys, fresh, provisional } = await ownPath(state, applied, options);
  checkUnique(applied.tree);

  const proposals = list.map((p) => (p.reference ? { reference: p.reference } : { proposal: p.proposal }));
  const content = framed(state, authenticatedData, { contentType: COMMIT, commit: { proposals, path } });
  const signature = await signContent(WIRE.public, content, state.encodedContext, state.signatureKey);
  const confirmed = await confirmedHash(state.interim, WIRE.public, content, signature);
  const context = { ...provisional, confirmedTranscriptHash: confirmed };
  const psk = await combinedPsk(applied.psks, options.psk, state);
  const next = await enterEpoch(state, { context, tree: applied.tree, keys, commit: commitSecret, psk });
  const message = await publicMessage(state, content, { signature, confirmationTag: next.state.confirmationTag });
  must(message.length <= MAX_HANDSHAKE, 'usage', 'the commit is too long');
  const welcome = await makeWelcome(next.state, next.joiner, psk, applied, fresh, options.groupInfoExtensions);
  wipe(commitSecret, psk, next.joiner, ...(fresh?.secrets ?? []));
  const added = applied.added.map(({ leaf }) => leaf);
  return { message, hash: await hash(message), ...welcome, added, removed: applied.removed, state: next.state };
}

/**
 * @param {State} state @param {Bytes} authenticatedData
 * @param {Pick<T.FramedContent, 'contentType'|'proposal'|'commit'>} body @returns {T.FramedContent}
 */
const framed = ({ context, leaf }, authenticatedData, body) => ({
  groupId: context.groupId,
  epoch: context.epoch,
  sender: { type: SENDER.member, leaf },
  authenticatedData,
  ...body,
});

/** @param {State} state @param {T.FramedContent} content @param {T.ContentAuth} auth @returns {Promise<Bytes>} */
async function publicMessage(state, content, auth) {
  const tag = await membershipTag(content, auth, state.encodedContext, state.secrets.membership);
  return encodeMessage({ wireFormat: WIRE.public, message: { content, auth, membershipTag: tag } });
}

/**
 * @param {State} state @param {Applied} applied its tree is changed @param {CommitOptions} options
 * @returns {Promise<{path: T.UpdatePath|null, commitSecret: Bytes, keys: State['keys'], fresh: FreshPath|null,
 *   provisional: T.GroupContext}>}
 */
async function ownPath(state, { tree, extensions, added }, options) {
  if (!options.path) {
    const provisional = nextContext(state.context, await tree.hash(), extensions);
    return {
      path: null,
      commitSecret: new Uint8Array(ZEROS),
      keys: stillUsed(tree, state.keys),
      fresh: null,
      provisional,
    };
  }
  const { leaf, signatureKey, context } = state;
  const old = tree.member(leaf);
  const pair = await newPair();
  const fresh = await freshPath(tree, leaf, (parentHash) => {
    const change = { encryptionKey: pair.publicKey, parentHash, extensions: options.leafExtensions };
    return commitLeaf(old, change, context.groupId, leaf, signatureKey);
  });
  const provisional = nextContext(context, await tree.hash(), extensions);
  const path = await sealPath(tree, fresh, new Set(added.map((a) => a.leaf)), encodeContext(provisional));
  const keys = new Map([
    [2 * leaf, pair],
    ...fresh.steps.map(({ node }, i) => /** @type {const} */ ([node, fresh.pairs[i]])),
  ]);
  return { path, commitSecret: fresh.commit, keys, fresh, provisional };
}

/**
 * @param {State} next @param {Bytes} joiner joiner_secret @param {Bytes} psk psk_secret @param {Applied} applied
 * @param {FreshPath|null} fresh @param {T.Extension[]} [more]
 * @returns {Promise<{encryptedGroupInfo: Bytes|null, joiners: T.JoinerSecrets[]}>}
 */
async function makeWelcome(next, joiner, psk, { added, psks }, fresh, more) {
  if (added.length === 0) return { encryptedGroupInfo: null, joiners: [] };
  const info = await makeGroupInfo(next, more);
  const welcome = await welcomeSecret(joiner, psk);
  const [key, nonce] = await welcomeKey(welcome);
  const encryptedGroupInfo = await seal(
    key,
    nonce,
    NONE,
    encode((w) => writeGroupInfo(w, info)),
  );
  must(encryptedGroupInfo.length <= MAX_WELCOME - 4096, 'usage', 'the Welcome is too long');
  wipe(welcome, key, nonce);
  const joiners = added.map(async ({ leaf, keyPackage }) => {
    const at = fresh?.steps.findIndex(({ copath }) => isBelow(2 * leaf, copath)) ?? -1;
    const secrets = { joinerSecret: joiner, pathSecret: fresh?.secrets[at] ?? null, psks };
    const plaintext = encode((w) => writeGroupSecrets(w, secrets));
    const encrypted = await encryptWithLabel(keyPackage.initKey, 'Welcome', encryptedGroupInfo, plaintext);
    wipe(plaintext);
    return { keyPackageRef: await keyPackageRef(keyPackage), encrypted };
  });
  return { encryptedGroupInfo, joiners: await Promise.all(joiners) };
}

/**
 * assembleWelcome puts a standard Welcome together.
 * @param {Bytes} encryptedGroupInfo @param {T.JoinerSecrets[]} secrets of one joiner or more
 * @returns {Bytes} an MLSMessage
 */
export const assembleWelcome = (encryptedGroupInfo, secrets) =>
  encodeMessage({ wireFormat: WIRE.welcome, message: { suite: SUITE, secrets, encryptedGroupInfo } });

/**
 * makeProposal signs a proposal of this member.
 * @param {State} state @param {T.Proposal} proposal @param {Bytes} authenticatedData
 * @returns {Promise<{message: Bytes, proposed: Proposed}>} message: an MLSMessage
 */
export async function makeProposal(state, proposal, authenticatedData) {
  const content = framed(state, authenticatedData, { contentType: PROPOSAL, proposal });
  const signature = await signContent(WIRE.public, content, state.encodedContext, state.signatureKey);
  const auth = { signature, confirmationTag: null };
  const reference = await proposalRef({ wireFormat: WIRE.public, content, auth });
  const message = await publicMessage(state, content, auth);
  return { message, proposed: { proposal, sender: content.sender, reference, authenticatedData } };
}
