// A commit's proposals: which lists are valid (RFC 9420 §12.2), and what they make of tree and extensions (§12.3).
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {RatchetTree} from './ratchettree.js' */
/** @import {Proposed, State} from './state.js' */
import { equal, hex } from '../bytes.js';
import { fail, must } from './errors.js';
import { KIND, SENDER } from './messages.js';
import { FROM } from './nodes.js';
import { MAX_PSKS } from './limits.js';
import { HASH_LENGTH, NONE } from './primitives.js';
import { encodePskId } from './state.js';
import { checkKeyPackage, checkLeaf, externalSenders, mustSupport } from './validate.js';

/** Proposals that a commit without a path may have (RFC 9420 §12.4). */
const WITHOUT_PATH = [KIND.add, KIND.psk, KIND.reinit].map(Number);

/**
 * @typedef {object} Applied what proposals make of a state
 * @property {RatchetTree} tree a new one @property {T.Extension[]} extensions of the GroupContext
 * @property {{leaf: number, keyPackage: T.KeyPackage}[]} added @property {number[]} removed leaves
 * @property {T.PskId[]} psks @property {boolean} pathRequired
 */

/**
 * @param {State} state @param {T.Commit} commit @param {T.Sender} sender
 * @returns {Proposed[]} in order; throws MlsError 'proposals' for an unknown reference
 */
export const resolveProposals = (state, commit, sender) =>
  commit.proposals.map((item) => {
    if ('proposal' in item) return { proposal: item.proposal, sender, reference: null, authenticatedData: NONE };
    return state.proposals.get(hex(item.reference)) ?? fail('proposals', 'a reference to no known proposal');
  });

/** @param {T.Proposal} p @param {Proposed[]} list @returns {number} how many of p's type */
const countOf = (p, list) => list.filter((x) => x.proposal.type === p.type).length;

/** @param {State} state @param {Proposed} proposed what the subset and the policy refuse */
async function checkPolicy(state, proposed) {
  const { proposal, sender } = proposed;
  const { policy } = state;
  must(proposal.type !== KIND.update || policy.updates, 'policy', 'Update is refused');
  must(
    proposal.type !== KIND.reinit && proposal.type !== KIND.externalInit,
    'policy',
    'ReInit and ExternalInit are refused',
  );
  must(sender.type === SENDER.member || sender.type === SENDER.external, 'policy', 'a proposal of a new member');
  if (proposal.type === KIND.psk && proposal.psk.type === 2) {
    must(policy.resumption && proposal.psk.usage === 1, 'policy', 'a resumption PSK');
  }
  const reason = await policy.proposal?.(proposed, state);
  must(!reason, 'policy', String(reason));
}

/** @param {State} state @param {Proposed[]} list @param {number} committer the list as a whole */
function checkList(state, list, committer) {
  const changed = list.flatMap(({ proposal: p, sender }) => {
    if (p.type === KIND.remove) return [p.removed];
    return p.type === KIND.update && sender.type === SENDER.member ? [sender.leaf] : [];
  });
  must(!changed.includes(committer), 'proposals', 'a commit removes or updates its own author by a proposal');
  must(new Set(changed).size === changed.length, 'proposals', 'two proposals change one leaf');
  for (const leaf of changed) state.tree.member(leaf);
  const psks = list.flatMap(({ proposal: p }) => (p.type === KIND.psk ? [hex(encodePskId(p.psk))] : []));
  must(psks.length <= MAX_PSKS, 'proposals', 'too many pre-shared keys');
  must(new Set(psks).size === psks.length, 'proposals', 'a pre-shared key is there twice');
  for (const { proposal: p } of list) {
    if (p.type === KIND.psk) must(p.psk.nonce.length === HASH_LENGTH, 'proposals', 'a PSK nonce of another length');
    if (p.type === KIND.extensions) must(countOf(p, list) === 1, 'proposals', 'the extensions are replaced twice');
  }
}

/** @param {RatchetTree} tree @param {T.Extension[]} extensions each member has to know them */
function checkExtensions(tree, extensions) {
  externalSenders(extensions);
  for (const leaf of tree.members) mustSupport(tree.member(leaf), extensions);
}

/** @param {State} state @param {Proposed} proposed an Update @param {T.Extension[]} extensions */
async function checkUpdate(state, { proposal, sender }, extensions) {
  if (proposal.type !== KIND.update || sender.type !== SENDER.member) return fail('proposals', 'no Update of a member');
  must(proposal.leaf.source === FROM.update, 'tree', 'the leaf is not of an Update');
  const old = state.tree.member(sender.leaf);
  must(!equal(old.encryptionKey, proposal.leaf.encryptionKey), 'tree', 'an Update does not change the leaf key');
  return checkLeaf(proposal.leaf, sender.leaf, state.context.groupId, extensions);
}

/**
 * applyProposals checks a commit's proposals and applies them to a copy of the tree. The new tree's keys are checked for
 * being different when the commit's path is in it, too.
 * @param {State} state @param {Proposed[]} list @param {number} committer @param {Bytes} authenticatedData of the commit
 * @returns {Promise<Applied>} throws MlsError
 */
export async function applyProposals(state, list, committer, authenticatedData) {
  for (const proposed of list) await checkPolicy(state, proposed);
  const reason = await state.policy.commit?.(list, committer, authenticatedData, state);
  must(!reason, 'policy', String(reason));
  checkList(state, list, committer);

  const { groupId } = state.context;
  const replaced = list.find(({ proposal }) => proposal.type === KIND.extensions)?.proposal;
  const extensions = replaced?.type === KIND.extensions ? replaced.extensions : state.context.extensions;
  await Promise.all(
    list.map((proposed) => {
      const { proposal: p } = proposed;
      if (p.type === KIND.update) return checkUpdate(state, proposed, extensions);
      return p.type === KIND.add ? checkKeyPackage(p.keyPackage, groupId, extensions) : null;
    }),
  );
  const changed = changeTree(state.tree.clone(), list);
  if (replaced) checkExtensions(changed.tree, extensions);
  return {
    ...changed,
    extensions,
    psks: list.flatMap(({ proposal: p }) => (p.type === KIND.psk ? [p.psk] : [])),
    pathRequired: list.length === 0 || list.some(({ proposal: p }) => !WITHOUT_PATH.includes(p.type)),
  };
}

/**
 * @param {RatchetTree} tree is changed @param {Proposed[]} list
 * @returns {Pick<Applied, 'tree'|'added'|'removed'>} Updates, Removes, then Adds, each in their order (RFC 9420 §12.3)
 */
export function changeTree(tree, list) {
  for (const { proposal: p, sender } of list) {
    if (p.type === KIND.update && sender.type === SENDER.member) tree.update(sender.leaf, p.leaf);
  }
  const removed = list.flatMap(({ proposal: p }) => (p.type === KIND.remove ? [p.removed] : []));
  for (const leaf of removed) tree.remove(leaf);
  const added = [];
  for (const { proposal: p } of list) {
    if (p.type === KIND.add) added.push({ leaf: tree.add(p.keyPackage.leaf), keyPackage: p.keyPackage });
  }
  return { tree, added, removed };
}
