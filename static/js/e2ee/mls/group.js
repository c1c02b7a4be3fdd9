// MLS (RFC 9420), cipher suite 1: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519, over WebCrypto. This is the folder's
// entry; docs/e2ee.md says what Conclave does with it. Made to run in a worker.
//
// A Group is one epoch. What changes the epoch returns a new Group, and the old one stays usable: the caller swaps when
// the commit is in the group's log, keeps the old one for messages that are late, and then calls wipe().
//
// All functions of a group run one after another: the caller awaits each before it calls the next, or queues them.
// Those of different groups and epochs are independent. What a peer sends causes MlsError and nothing else.
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {Founding, Joining} from './join.js' */
/** @import {CommitOptions, Committed} from './commit.js' */
/** @import {Outcome, Received} from './receive.js' */
/** @import {FindPsk, Proposed, State} from './state.js' */
/** @import {Psk, Sealed} from './hpke.js' */
import { makeCommit, makeProposal } from './commit.js';
import { fail } from './errors.js';
import { sealPrivate, signContent } from './framing.js';
import { externalKeys, externalPubExtension, makeGroupInfo } from './groupinfo.js';
import { openFrom } from './hpke.js';
import { found, join } from './join.js';
import { APPLICATION, SENDER, WIRE, encodeMessage } from './messages.js';
import { NONE, wipe } from './primitives.js';
import { applyCommit, keepProposal, openMessage } from './receive.js';
import { exportSecret } from './schedule.js';

/** Group is one epoch of a group, as one member holds it. */
export class Group {
  #state;

  /** @param {State} state */
  constructor(state) {
    this.#state = state;
  }

  /** @param {Founding} founding @returns {Promise<Group>} epoch 0 of a new group with one member */
  static async found(founding) {
    return new Group(await found(founding));
  }

  /**
   * join enters a group by a Welcome, which names everything that was checked: RFC 9420 §12.4.3.1.
   * @param {Joining} joining @returns {Promise<Group>} throws MlsError
   */
  static async join(joining) {
    return new Group(await join(joining));
  }

  /** @returns {bigint} */
  get epoch() {
    return this.#state.context.epoch;
  }

  /** @returns {T.GroupContext} */
  get context() {
    return this.#state.context;
  }

  /** @returns {number} one's own leaf */
  get leaf() {
    return this.#state.leaf;
  }

  /** @returns {{leaf: number, node: T.LeafNode}[]} all members, in the order of their leaves */
  get members() {
    return this.#state.tree.members.map((leaf) => ({ leaf, node: this.#state.tree.member(leaf) }));
  }

  /** @returns {State} what rules of the application are judged by; it is not changed */
  get state() {
    return this.#state;
  }

  /** @returns {import('./x25519.js').KeyPair} of one's own leaf, which others can seal to beside MLS */
  get leafKey() {
    return this.#state.keys.get(2 * this.#state.leaf) ?? fail('usage', 'the epoch was retired');
  }

  /** @returns {Bytes} epoch_authenticator: the same for all members, and for them only */
  get authenticator() {
    return this.#state.secrets.authenticator.slice();
  }

  /** @returns {Proposed[]} what was proposed in this epoch and kept */
  get proposals() {
    return [...this.#state.proposals.values()];
  }

  /** @param {string} label @param {Bytes} context @param {number} length @returns {Promise<Bytes>} RFC 9420 §8.5 */
  exportSecret(label, context, length) {
    return exportSecret(this.#state.secrets.exporter, label, context, length);
  }

  /** @returns {Promise<Bytes>} external_pub: to it one outside encrypts to all members of this epoch */
  async externalPub() {
    return (await externalKeys(this.#state)).publicKey;
  }

  /** @returns {Promise<Bytes>} a signed GroupInfo with the tree and external_pub, an MLSMessage */
  async groupInfo() {
    const key = externalPubExtension(await this.externalPub());
    return encodeMessage({ wireFormat: WIRE.groupInfo, message: await makeGroupInfo(this.#state, [key]) });
  }

  /**
   * openExternal opens what one outside sealed to external_pub (sealTo of hpke.js).
   * @param {Bytes} info @param {Bytes} aad @param {Sealed} sealed @param {Psk|null} [psk]
   * @returns {Promise<Bytes>} throws MlsError
   */
  async openExternal(info, aad, sealed, psk) {
    return openFrom(await externalKeys(this.#state), info, aad, sealed, psk);
  }

  /**
   * openOwn opens what was sealed to this member's leaf, under its encryption key of this epoch.
   * @param {Bytes} info @param {Bytes} aad @param {Sealed} sealed @param {Psk|null} [psk]
   * @returns {Promise<Bytes>} throws MlsError
   */
  async openOwn(info, aad, sealed, psk) {
    const keys = this.#state.keys.get(2 * this.#state.leaf) ?? fail('usage', 'the epoch was retired');
    return openFrom(keys, info, aad, sealed, psk);
  }

  /** @returns {{leaf: number, sum: number, longest: number}[]} what a path costs each member: see RatchetTree */
  copathSizes() {
    return this.#state.tree.copathSizes();
  }

  /**
   * open checks a message of this epoch and says what it is, without applying it. An application message can be opened
   * once.
   * @param {Bytes} message an MLSMessage @returns {Promise<Received>} throws MlsError
   */
  open(message) {
    return openMessage(this.#state, message);
  }

  /** @param {Received} received an opened proposal, which commits can refer to now @returns {Bytes} its reference */
  keep(received) {
    return keepProposal(this.#state, received.proposed ?? fail('usage', 'not a proposal'));
  }

  /**
   * apply makes the next epoch of an opened commit. This one stays usable, whether or not it succeeds.
   * @param {Received} received @param {FindPsk} [psk]
   * @returns {Promise<{group: Group|null, applied: Outcome['applied']}>} group: null when this member was removed;
   *   throws MlsError, whose `public` says whether each member of the epoch refuses the commit
   */
  async apply(received, psk) {
    const { state, applied } = await applyCommit(this.#state, received, psk);
    return { group: state && new Group(state), applied };
  }

  /**
   * commit makes a commit, and the group as it is once the commit is in the log.
   * @param {CommitOptions} options @returns {Promise<Committed & {group: Group}>} throws MlsError
   */
  async commit(options) {
    const committed = await makeCommit(this.#state, options);
    return { ...committed, group: new Group(committed.state) };
  }

  /**
   * propose signs a proposal and keeps it.
   * @param {T.Proposal} proposal @param {Bytes} [authenticatedData] @returns {Promise<Bytes>} an MLSMessage
   */
  async propose(proposal, authenticatedData = NONE) {
    const { message, proposed } = await makeProposal(this.#state, proposal, authenticatedData);
    keepProposal(this.#state, proposed);
    return message;
  }

  /**
   * seal encrypts an application message.
   * @param {Bytes} data @param {Bytes} [authenticatedData] everyone can read it
   * @param {number} [padding] bytes of zeros that hide the length @returns {Promise<Bytes>} an MLSMessage
   */
  async seal(data, authenticatedData = NONE, padding = 0) {
    const { context, leaf, encodedContext, signatureKey, secrets, ratchets } = this.#state;
    const head = { groupId: context.groupId, epoch: context.epoch, sender: { type: SENDER.member, leaf } };
    const content = { ...head, authenticatedData, contentType: APPLICATION, application: data };
    const signature = await signContent(WIRE.private, content, encodedContext, signatureKey);
    const message = await sealPrivate(content, { signature, confirmationTag: null }, secrets, ratchets, padding);
    return encodeMessage({ wireFormat: WIRE.private, message });
  }

  /** retire overwrites what only commits need: messages of the epoch can still be opened. */
  retire() {
    const { secrets, keys } = this.#state;
    wipe(secrets.init, secrets.confirmation);
    keys.clear();
  }

  /** wipe overwrites all secrets. The group must not be used after it. */
  wipe() {
    this.retire();
    this.#state.ratchets.wipe();
    wipe(...Object.values(this.#state.secrets));
  }
}
