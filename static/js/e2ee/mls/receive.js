// Receiving: a message is opened, which checks who sent it; then a commit is applied, which makes the next epoch.
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {Applied} from './proposals.js' */
/** @import {FindPsk, Proposed, State} from './state.js' */
import { equal, hex } from '../bytes.js';
import { fail, must } from './errors.js';
import { checkMembership, checkSignature, confirmedHash, openPrivate, proposalRef } from './framing.js';
import { MAX_HANDSHAKE, MAX_KEPT_PROPOSALS, MAX_RESUMPTION } from './limits.js';
import { APPLICATION, COMMIT, PROPOSAL, SENDER, WIRE, decodeMessage } from './messages.js';
import { FROM } from './nodes.js';
import { HASH_LENGTH, ZEROS, hash, wipe } from './primitives.js';
import { applyProposals, resolveProposals } from './proposals.js';
import { epochSecrets, joinerSecret } from './schedule.js';
import { combinedPsk, encodeContext, newEpoch, nextContext } from './state.js';
import { applyPath, openPath, stillUsed } from './treekem.js';
import { checkLeaf, checkUnique, externalSenders } from './validate.js';

/**
 * @typedef {object} Received a message whose sender is certain
 * @property {Bytes} hash SHA-256 of the whole MLSMessage
 * @property {'application'|'proposal'|'commit'} kind
 * @property {T.Sender} sender @property {Bytes} authenticatedData
 * @property {Bytes} [data] of an application message
 * @property {Proposed} [proposed] of a proposal
 * @property {Proposed[]} [proposals] of a commit: with those it refers to
 * @property {boolean} [path] whether a commit has one
 * @property {T.AuthenticatedContent} message
 */

/** @param {State} state @param {T.FramedContent} content @returns {Bytes} the key of its sender */
function senderKey(state, { sender, contentType }) {
  if (sender.type === SENDER.member) {
    return state.tree.leaf(sender.leaf)?.signatureKey ?? fail('membership', 'the sender is not a member');
  }
  must(sender.type === SENDER.external, 'policy', 'proposals and commits of new members are refused');
  must(contentType === PROPOSAL, 'decode', 'an external sender sends proposals only');
  return externalSenders(state.context.extensions)[sender.index] ?? fail('signature', 'no such external sender');
}

/**
 * unprotect checks epoch, membership and signature of a handshake or application message.
 * @param {State} state @param {Bytes} bytes @returns {Promise<T.AuthenticatedContent>} throws MlsError
 */
async function unprotect(state, bytes) {
  must(bytes.length <= MAX_HANDSHAKE, 'decode', 'longer than any message of a member');
  const outer = decodeMessage(bytes);
  if (outer.wireFormat !== WIRE.public && outer.wireFormat !== WIRE.private) {
    return fail('decode', 'not a framed message');
  }
  const { groupId, epoch } = outer.wireFormat === WIRE.public ? outer.message.content : outer.message;
  must(equal(groupId, state.context.groupId), 'epoch', 'a message of another group');
  must(epoch === state.context.epoch, 'epoch', `a message of epoch ${epoch}`);
  if (outer.wireFormat === WIRE.public) {
    const { content, auth } = outer.message;
    const key = senderKey(state, content);
    await checkMembership(outer.message, state.encodedContext, state.secrets.membership);
    const message = { wireFormat: WIRE.public, content, auth };
    await checkSignature(message, state.encodedContext, key);
    return message;
  }
  const application = outer.message.contentType === APPLICATION;
  must(application || state.policy.privateHandshakes, 'policy', 'an encrypted handshake');
  const { message, used } = await openPrivate(outer.message, state.secrets, state.ratchets);
  await checkSignature(message, state.encodedContext, senderKey(state, message.content));
  used();
  return message;
}

/**
 * openMessage opens a PublicMessage or PrivateMessage of this epoch. The key of a PrivateMessage is used up.
 * @param {State} state @param {Bytes} bytes an MLSMessage @returns {Promise<Received>} throws MlsError
 */
export async function openMessage(state, bytes) {
  const [message, messageHash] = await Promise.all([unprotect(state, bytes), hash(bytes)]);
  const { content } = message;
  const { sender, authenticatedData } = content;
  const common = { hash: messageHash, sender, authenticatedData, message };
  if (content.contentType === APPLICATION) return { ...common, kind: 'application', data: content.application };
  if (content.proposal) {
    const reference = await proposalRef(message);
    const proposed = { proposal: content.proposal, sender, reference, authenticatedData };
    return { ...common, kind: 'proposal', proposed };
  }
  const commit = content.commit ?? fail('decode', 'neither proposal nor commit');
  const proposals = resolveProposals(state, commit, sender);
  return { ...common, kind: 'commit', proposals, path: commit.path !== null };
}

/** @param {T.Sender} a @param {T.Sender} b @returns {boolean} */
const sameSender = (a, b) => a.type === b.type && whoIs(a) === whoIs(b);

/** @param {T.Sender} sender @returns {number} */
function whoIs(sender) {
  if (sender.type === SENDER.member) return sender.leaf;
  return sender.type === SENDER.external ? sender.index : -1;
}

/**
 * keepProposal keeps an opened proposal, so that a commit of this epoch can refer to it.
 * @param {State} state @param {Proposed} proposed @returns {Bytes} its reference
 */
export function keepProposal(state, proposed) {
  const reference = proposed.reference ?? fail('usage', 'a proposal by value has no reference');
  const most = proposed.sender.type === SENDER.member ? MAX_KEPT_PROPOSALS.member : MAX_KEPT_PROPOSALS.external;
  const same = [...state.proposals.values()].filter(({ sender }) => sameSender(sender, proposed.sender)).length;
  const room = same < most && state.proposals.size < MAX_KEPT_PROPOSALS.all;
  must(room || state.proposals.has(hex(reference)), 'usage', 'too many proposals in one epoch');
  state.proposals.set(hex(reference), proposed);
  return reference;
}

/**
 * @typedef {object} Outcome of a commit
 * @property {State|null} state of the next epoch; null when the commit removed this member
 * @property {Applied} applied
 */

/**
 * applyCommit makes the next epoch of a commit. First come all checks that each member does alike, then this member's
 * own part of the path, then the confirmation tag.
 * @param {State} state stays as it is @param {Received} received a commit of another member
 * @param {FindPsk} [find] @returns {Promise<Outcome>} throws MlsError
 */
export async function applyCommit(state, received, find) {
  const { wireFormat, content, auth } = received.message;
  const { sender } = content;
  if (content.contentType !== COMMIT || !content.commit || !received.proposals) return fail('usage', 'not a commit');
  if (sender.type !== SENDER.member) return fail('policy', 'external commits are refused');
  must(sender.leaf !== state.leaf, 'usage', "one's own commit: its state was made with it");

  const applied = await applyProposals(state, received.proposals, sender.leaf, content.authenticatedData);
  const { tree, extensions } = applied;
  const { path } = content.commit;
  must(path || !applied.pathRequired, 'proposals', 'a commit lacks the path that its proposals require');
  const added = new Set(applied.added.map(({ leaf }) => leaf));
  const steps = path ? await takePath(state, applied, sender.leaf, path, added) : [];
  checkUnique(tree);
  if (applied.removed.includes(state.leaf)) return { state: null, applied };

  const provisional = nextContext(state.context, await tree.hash(), extensions);
  const opened = path
    ? await openPath(tree, state.leaf, state.keys, steps, path.nodes, added, encodeContext(provisional))
    : { commit: new Uint8Array(ZEROS), own: stillUsed(tree, state.keys), secret: null };
  const confirmed = await confirmedHash(state.interim, wireFormat, content, auth.signature);
  const context = { ...provisional, confirmedTranscriptHash: confirmed };
  const psk = await combinedPsk(applied.psks, find, state);
  const next = await enterEpoch(state, { context, tree, keys: opened.own, commit: opened.commit, psk });
  wipe(opened.secret, opened.commit, psk, next.joiner);
  const tag = auth.confirmationTag;
  must(tag && tag.length === HASH_LENGTH && equal(tag, next.state.confirmationTag), 'confirmation', 'the tag differs');
  return { state: next.state, applied };
}

/**
 * @param {State} state @param {Applied} applied @param {number} sender @param {T.UpdatePath} path
 * @param {Set<number>} added @returns {Promise<import('./treekem.js').Step[]>}
 */
async function takePath(state, { tree, extensions }, sender, path, added) {
  must(path.leaf.source === FROM.commit, 'tree', 'the leaf is not of a commit');
  const sameKey = equal(path.leaf.signatureKey, tree.member(sender).signatureKey);
  must(sameKey, 'policy', 'a path changes the signature key');
  await checkLeaf(path.leaf, sender, state.context.groupId, extensions);
  return applyPath(tree, sender, path, added);
}

/**
 * enterEpoch derives the next epoch's secrets from the present ones.
 * @param {State} state @param {{context: T.GroupContext, tree: State['tree'], keys: State['keys'], commit: Bytes,
 *   psk: Bytes}} next commit: commit_secret; psk: psk_secret
 * @returns {Promise<{state: State, joiner: Bytes}>}
 */
export async function enterEpoch(state, { context, tree, keys, commit, psk }) {
  const encoded = encodeContext(context);
  const joiner = await joinerSecret(state.secrets.init, commit, encoded);
  const secrets = await epochSecrets(joiner, psk, encoded);
  const { leaf, signatureKey, policy } = state;
  const resumption = resumptionAfter(state);
  return { state: await newEpoch({ context, tree, leaf, keys, signatureKey, policy, resumption, secrets }), joiner };
}

/** @param {State} state @returns {State['resumption']} what the next epoch knows of past ones: the latest */
function resumptionAfter({ policy, resumption, context, secrets }) {
  if (!policy.resumption) return new Map();
  return new Map(
    [...resumption, /** @type {const} */ ([context.epoch, secrets.resumption.slice()])].slice(-MAX_RESUMPTION),
  );
}
