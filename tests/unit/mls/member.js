// A member of test groups: the state that a client keeps around a Group, with the pending commit.
/** @import {Bytes} from '../../../static/js/e2ee/bytes.js' */
/** @import {OwnKeyPackage} from '../../../static/js/e2ee/mls/keypackage.js' */
/** @import {SignatureKey} from '../../../static/js/e2ee/mls/signing.js' */
/** @import {Policy} from '../../../static/js/e2ee/mls/state.js' */
/** @import {Extension, Proposal} from '../../../static/js/e2ee/mls/types.js' */
import { hex, random } from '../../../static/js/e2ee/bytes.js';
import { Group } from '../../../static/js/e2ee/mls/group.js';
import { assembleWelcome } from '../../../static/js/e2ee/mls/commit.js';
import { newKeyPackage, readKeyPackageMessage } from '../../../static/js/e2ee/mls/keypackage.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';

/** @typedef {{id: Bytes, psk: Bytes}} Psk */

const CAPABILITIES = {
  versions: [1],
  suites: [1],
  extensions: [0xf0c0, 0xf0c1, 0xf0c2],
  proposals: [],
  credentials: [1],
};

/** @param {Bytes} identity @returns {import('../../../static/js/e2ee/mls/keypackage.js').LeafData} */
export const leafData = (identity) => ({
  credential: { type: 1, identity },
  capabilities: CAPABILITIES,
  extensions: [],
});

/** @param {Psk[]} psks @returns {import('../../../static/js/e2ee/mls/state.js').FindPsk} */
export const find = (psks) => (id) => (id.type === 1 ? psks.find((p) => hex(p.id) === hex(id.id))?.psk : null);

export const add = (/** @type {Bytes} */ message) =>
  /** @type {Proposal} */ ({ type: 1, keyPackage: readKeyPackageMessage(message) });
export const remove = (/** @type {number} */ leaf) => /** @type {Proposal} */ ({ type: 3, removed: leaf });
export const replace = (/** @type {Extension[]} */ extensions) => /** @type {Proposal} */ ({ type: 7, extensions });
export const usePsk = (/** @type {Bytes} */ id) =>
  /** @type {Proposal} */ ({ type: 4, psk: { type: 1, id, nonce: random(32) } });

/** @typedef {{adds?: Bytes[], removes?: number[], psks?: Psk[], extensions?: Extension[]|null, references?: boolean,
 *   path?: boolean, authenticatedData?: Bytes}} Change */

/** Member is one client. Calls must not overlap. */
export class Member {
  /** @type {Group|null} */
  #group = null;
  /** @type {Group|null} */
  #pending = null;
  /** @type {OwnKeyPackage|null} */
  #own = null;
  /** @type {SignatureKey|null} */
  #key = null;
  #policy;

  /** @param {Policy} [policy] */
  constructor(policy = {}) {
    this.#policy = policy;
  }

  /** @returns {Group} */
  get group() {
    if (!this.#group) throw new Error('not in a group');
    return this.#group;
  }

  /** @param {Bytes} identity @returns {Promise<Bytes>} a key package */
  async keyPackage(identity) {
    this.#key = await newSignatureKey();
    this.#own = await newKeyPackage(leafData(identity), this.#key);
    return this.#own.message;
  }

  /** @param {Bytes} identity @param {Bytes} groupId @param {Extension[]} [extensions] */
  async create(identity, groupId, extensions = []) {
    this.#key = await newSignatureKey();
    const data = leafData(identity);
    this.#group = await Group.found({ groupId, extensions, data, signatureKey: this.#key, policy: this.#policy });
  }

  /** @param {Bytes} welcome @param {Psk[]} [psks] */
  async join(welcome, psks = []) {
    if (!this.#own || !this.#key) throw new Error('no key package');
    const [own, signatureKey, policy] = [this.#own, this.#key, this.#policy];
    this.#group = await Group.join({ welcome, own, signatureKey, psk: find(psks), policy });
  }

  /**
   * @param {Change} change @returns {Promise<{commit: Bytes, welcomes: Bytes[], hash: Bytes}>} a Welcome for each that
   *   is added; the new state waits for confirm
   */
  async commit({ adds = [], removes = [], psks = [], extensions, references, path = true, authenticatedData }) {
    const proposals = [
      ...(extensions ? [replace(extensions)] : []),
      ...removes.map(remove),
      ...adds.map(add),
      ...psks.map(({ id }) => usePsk(id)),
    ];
    const kept = references ? this.group.proposals.flatMap((p) => p.reference ?? []) : [];
    const options = { proposals, references: kept, path, psk: find(psks), authenticatedData };
    const made = await this.group.commit(options);
    this.#pending = made.group;
    const info = made.encryptedGroupInfo;
    const welcomes = made.joiners.slice(-adds.length || undefined);
    return {
      commit: made.message,
      welcomes: info ? welcomes.map((joiner) => assembleWelcome(info, [joiner])) : [],
      hash: made.hash,
    };
  }

  confirm() {
    if (!this.#pending) throw new Error('no commit waits');
    this.#enter(this.#pending);
  }

  discard() {
    this.#pending = null;
  }

  /** @param {Group} group */
  #enter(group) {
    this.#group?.wipe();
    this.#group = group;
    this.#pending = null;
  }

  /** @param {Proposal} proposal @returns {Promise<Bytes>} */
  propose(proposal) {
    return this.group.propose(proposal);
  }

  /**
   * @param {Bytes} message @param {Psk[]} [psks]
   * @returns {Promise<import('../../../static/js/e2ee/mls/receive.js').Received & {reference?: Bytes,
   *   removed?: boolean}>}
   */
  async process(message, psks = []) {
    const received = await this.group.open(message);
    if (received.kind === 'proposal') return { ...received, reference: this.group.keep(received) };
    if (received.kind !== 'commit') throw new Error('neither proposal nor commit');
    const { group } = await this.group.apply(received, find(psks));
    if (group) this.#enter(group);
    return { ...received, removed: group === null };
  }
}
