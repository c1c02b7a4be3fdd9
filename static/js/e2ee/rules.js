// Which commits count, and who may propose what (docs/e2ee.md, sections 7 and 8). These are public checks: they use the
// group's state and the message, and nothing else, so that everybody in the group decides the same.
/** @import {Bytes} from './bytes.js' */
/** @import {LinkSecrets} from './link.js' */
/** @import {Found, Grant, Meeting} from './policy.js' */
/** @import {Admission, Seat} from './seat.js' */
/** @import {Group} from './mls/group.js' */
/** @import {Policy, Proposed, State} from './mls/state.js' */
/** @import {Received} from './mls/receive.js' */
/** @import {KeyPackage, Proposal} from './mls/types.js' */
import { equal } from './bytes.js';
import { pskId } from './link.js';
import { KIND, SENDER } from './mls/messages.js';
import {
  grantsAreRight,
  has,
  isOurs,
  meetingOf,
  mustMeeting,
  roleOf,
  sameButMeeting,
  sameGrant,
  withGrant,
  writeMeeting,
} from './policy.js';
import { COHOST, HOST, PARTICIPANT, isProven, seatOf, writeAdmission } from './seat.js';

/** People whom one commit adds. */
export const MAX_ADDS = 64;

/** @param {State} state @param {number} leaf @returns {Bytes} whose it is */
const keyOf = (state, leaf) => state.tree.member(leaf).signatureKey;

/** @param {State} state @returns {Meeting} */
const meeting = (state) => mustMeeting(state.context);

/** @param {Meeting} m @returns {Grant[]} in the order of succession */
export const heirsOf = (m) => {
  const cohosts = m.roles.filter((r) => r.role === COHOST);
  return [...cohosts, ...m.heirs.filter(({ key }) => !m.roles.some((r) => equal(r.key, key)))];
};

/** Decides by the state of one epoch. */
class Judge {
  /** @param {State} state @param {LinkSecrets} link @param {Found} found */
  constructor(state, link, found) {
    this.state = state;
    this.link = link;
    this.found = found;
    this.meeting = meeting(state);
    this.groupId = state.context.groupId;
  }

  /** @param {Bytes} key @returns {Promise<number>} */
  role(key) {
    const { tree } = this.state;
    const leaf = tree.members.find((l) => equal(tree.member(l).signatureKey, key));
    return roleOf(this.meeting, this.groupId, key, leaf === undefined ? null : tree.member(leaf), this.found);
  }

  /** @returns {Promise<boolean>} whether anybody who is host has a leaf */
  async hostPresent() {
    for (const leaf of this.state.tree.members) if ((await this.role(keyOf(this.state, leaf))) === HOST) return true;
    return false;
  }

  /** @param {Extract<Proposal, {type: 7}>} p @param {Bytes} key the sender's @returns {Promise<string>} */
  async policyProblem(p, key) {
    const before = this.meeting;
    const after = meetingOf(p.extensions);
    if (!after || !equal(after.creator, before.creator)) return 'a meeting that is not right';
    if (!sameButMeeting(p.extensions, this.state.context.extensions)) return 'another extension is changed';
    if (!(await grantsAreRight(after, this.groupId, this.found))) return 'a role that was not given';
    const role = await this.role(key);
    if (role === HOST) return (await this.#issuedBy(before, after, key)) ? '' : "another host's grant is changed";
    if (role === COHOST && onlyLobbyAndRevoked(before, after)) {
      const fresh = after.revoked.filter((k) => !has(before.revoked, k));
      const roles = await Promise.all(fresh.map((k) => this.role(k)));
      if (roles.every((r) => r < COHOST)) return '';
    }
    const own = heirsOf(before).find((g) => equal(g.key, key));
    const promoted = own && equal(writeMeeting(withGrant(before, { ...own, role: HOST })), writeMeeting(after));
    if (promoted && !(await this.hostPresent())) return '';
    return 'a change that its sender may not make';
  }

  /** @param {Meeting} before @param {Meeting} after @param {Bytes} key @returns {Promise<boolean>} each new grant is of key */
  async #issuedBy(before, after, key) {
    const known = [...before.roles, ...before.heirs];
    for (const g of [...after.roles, ...after.heirs]) {
      if (known.some((k) => sameGrant(k, g))) continue;
      if (g.signed !== g.role) return false;
      if (!equal(g.issuer, key) && !(await this.found.isCreator(before.creator, g.issuer))) return false;
    }
    return true;
  }

  /**
   * @param {Proposed} proposed a removal @param {boolean} returns the commit adds the same key @returns {Promise<boolean>}
   *   whether it counts
   */
  async removes({ proposal: p, sender, authenticatedData }, returns) {
    if (p.type !== KIND.remove) return false;
    const target = keyOf(this.state, p.removed);
    if (sender.type === SENDER.external) return equal(authenticatedData, target);
    if (sender.type !== SENDER.member) return false;
    return returns || (await this.#mayRemove(target, keyOf(this.state, sender.leaf)));
  }

  /** @param {Bytes} target @param {Bytes} key the sender's @returns {Promise<boolean>} */
  async #mayRemove(target, key) {
    if (equal(target, key)) return true;
    const role = await this.role(key);
    return role === HOST || (role === COHOST && (await this.role(target)) < COHOST);
  }

  /** @param {Proposed} proposed @param {readonly Proposed[]} list @param {number} committer @returns {Promise<string>} */
  async problem(proposed, list, committer) {
    const { proposal: p, sender } = proposed;
    if (p.type === KIND.remove) {
      const target = keyOf(this.state, p.removed);
      const returns = addsOf(list).some((k) => equal(k.leaf.signatureKey, target));
      return (await this.removes(proposed, returns)) ? '' : 'a removal that its sender may not propose';
    }
    if (sender.type !== SENDER.member) return 'what only a member may propose';
    if (p.type === KIND.add) return '';
    if (p.type === KIND.extensions) return this.policyProblem(p, keyOf(this.state, sender.leaf));
    if (p.type !== KIND.psk) return 'a proposal that is not in use';
    const right = p.psk.type === 1 && equal(p.psk.id, pskId(this.meeting.pskVersion));
    return sender.leaf === committer && right ? '' : 'another pre-shared key';
  }

  /** @param {KeyPackage} k @param {boolean} returns the same commit removes this key @returns {Promise<string>} */
  async addProblem(k, returns) {
    const key = k.leaf.signatureKey;
    const seat = seatOf(k.leaf);
    if (!seat) return 'a leaf without a seat';
    if (has(this.meeting.revoked, key)) return 'a key that was removed';
    if (!(await isProven(this.link, k))) return 'a key package without proof of the link';
    return returns || (await this.#admitted(seat, key)) ? '' : 'a key that was not admitted';
  }

  /** @param {Seat} seat @param {Bytes} key @returns {Promise<boolean>} */
  async #admitted({ admission }, key) {
    if (!this.meeting.lobby || (await this.role(key)) >= COHOST) return true; // roles outlive a leaf
    return this.admits(admission, key);
  }

  /** @param {Admission|null} admission @param {Bytes} key @returns {Promise<boolean>} */
  async admits(admission, key) {
    if (!admission) return false;
    const issuer = await this.role(admission.issuer);
    if (issuer !== HOST && !(issuer === COHOST && admission.role <= PARTICIPANT)) return false;
    return this.found.isAdmission(admission, this.groupId, key);
  }
}

/**
 * mayBeHeard says whether one outside the group, with this admission, may send.
 * @param {Group} group @param {LinkSecrets} link @param {Found} found @param {Bytes} key @param {Admission|null} admission
 * @returns {Promise<boolean>}
 */
export async function mayBeHeard(group, link, found, key, admission) {
  const judge = new Judge(group.state, link, found);
  return !has(judge.meeting.revoked, key) && (!judge.meeting.lobby || judge.admits(admission, key));
}

/** @param {Meeting} before @param {Meeting} after @returns {boolean} whether only lobby and revoked differ */
const onlyLobbyAndRevoked = (before, after) =>
  equal(writeMeeting({ ...after, lobby: before.lobby, revoked: before.revoked }), writeMeeting(before));

/** @param {readonly Proposed[]} list @returns {KeyPackage[]} */
const addsOf = (list) => list.flatMap(({ proposal: p }) => (p.type === KIND.add ? [p.keyPackage] : []));

/**
 * policyFor makes what every member of a meeting refuses although MLS allows it.
 * @param {LinkSecrets} link @param {Found} found @returns {Policy}
 */
export const policyFor = (link, found) => ({
  commit: async (list, committer, _data, state) => {
    const judge = new Judge(state, link, found);
    const adds = addsOf(list);
    if (adds.length > MAX_ADDS) return 'too many are added at once';
    const psks = list.filter(({ proposal: p }) => p.type === KIND.psk).length;
    if (psks > 1 || (adds.length > 0 && psks === 0)) return 'adds without the secret of the link, or with more';
    for (const proposed of list) {
      const problem = await judge.problem(proposed, list, committer);
      if (problem) return problem;
    }
    const removed = list.flatMap(({ proposal: p }) => (p.type === KIND.remove ? [keyOf(state, p.removed)] : []));
    for (const k of adds) {
      const problem = await judge.addProblem(k, has(removed, k.leaf.signatureKey));
      if (problem) return problem;
    }
    return '';
  },
});

/**
 * addProblem says why a key package may not be added now; it costs two signatures at most.
 * @param {Group} group @param {LinkSecrets} link @param {Found} found @param {KeyPackage} k
 * @returns {Promise<string>} empty when it may
 */
export async function addProblem(group, link, found, k) {
  const judge = new Judge(group.state, link, found);
  const returns = group.members.some((m) => equal(m.node.signatureKey, k.leaf.signatureKey));
  return judge.addProblem(k, returns);
}

/**
 * pathProblem: the leaf that a commit's path brings is its author's, as before but for its name and a newer admission.
 * @param {Group} group @param {Received} received @param {Found} found @returns {Promise<string>}
 */
export async function pathProblem(group, { message, sender }, found) {
  const path = message.content.commit?.path;
  if (!path || sender.type !== SENDER.member) return '';
  const before = group.members.find((m) => m.leaf === sender.leaf)?.node;
  const [was, seat] = [before && seatOf(before), seatOf(path.leaf)];
  if (!before || !was || !seat || !equal(before.signatureKey, path.leaf.signatureKey)) return 'another leaf';
  if (was.bot !== seat.bot) return 'a bot that is none any more';
  const { admission } = seat;
  if (!admission || (was.admission && equal(writeAdmission(was.admission), writeAdmission(admission)))) return '';
  const { groupId } = group.context;
  return (await found.isAdmission(admission, groupId, before.signatureKey)) ? '' : 'an admission of no worth';
}

/**
 * removalCounts says whether a proposal of the log is a removal that may be committed: a leaver's own, the server's of the
 * leaf whose key it names, or one by a member who may remove.
 * @param {Group} group @param {LinkSecrets} link @param {Found} found @param {Proposed} proposed @returns {Promise<boolean>}
 */
export async function removalCounts(group, link, found, proposed) {
  const { proposal: p, sender } = proposed;
  const here = (/** @type {number} */ leaf) => group.members.some((m) => m.leaf === leaf);
  if (p.type !== KIND.remove || !here(p.removed) || (sender.type === SENDER.member && !here(sender.leaf))) return false;
  return new Judge(group.state, link, found).removes(proposed, false);
}

/**
 * joinedProblem says why a group that one was added to is not the meeting of the link. Those who issued admissions may
 * have left, or be hosts no more: what proves the group is a host's confirmation (section 9).
 * @param {Group} group @param {Bytes} creator the link's @param {Bytes} serverKey @param {Found} found
 * @returns {Promise<string>}
 */
export async function joinedProblem(group, creator, serverKey, found) {
  const { context } = group;
  const m = meetingOf(context.extensions);
  if (!m || !equal(m.creator, creator)) return 'another meeting';
  if (!isOurs(context.extensions, serverKey)) return 'another server, or other extensions';
  if (!(await grantsAreRight(m, context.groupId, found))) return 'a role that was not given';
  for (const { node } of group.members) {
    const seat = seatOf(node);
    if (!seat) return 'a leaf without a seat';
    const { admission } = seat;
    if (admission && !(await found.isAdmission(admission, context.groupId, node.signatureKey))) {
      return 'a forged admission';
    }
  }
  return '';
}
