// One epoch as the group layer sees it: whose leaf is whose, what the meeting's rules are, and keys derived for it.
/** @import {Bytes} from './bytes.js' */
/** @import {Group} from './mls/group.js' */
/** @import {LeafNode} from './mls/types.js' */
/** @import {Found, Meeting} from './policy.js' */
/** @import {Seat} from './seat.js' */
/** @import {LinkSecrets} from './link.js' */
import { base64url, concat } from './bytes.js';
import { NONE, u32 } from './encoding.js';
import { FROM } from './mls/nodes.js';
import { hash } from './mls/primitives.js';
import { mustMeeting, roleOf } from './policy.js';
import { HOST, openName, seatOf } from './seat.js';

/**
 * @typedef {object} Member
 * @property {string} key base64url @property {Bytes} ik @property {Bytes} encryptionKey @property {number} leaf
 * @property {Seat} seat @property {number} role @property {string} name
 * @property {boolean} added the leaf is of a key package: they have not committed a path since
 */

/** What was read of a leaf, which comes again in each epoch. @typedef {{seat: Seat, key: string, name: string}} Read */
/** @typedef {WeakMap<LeafNode, Read>} Leaves */

/** One epoch. */
export class Epoch {
  /** @type {Map<string, Member>} by key */
  members = new Map();
  /** @type {Map<number, Member>} */
  leaves = new Map();
  /** @type {Promise<number[]>|null} */
  #order = null;

  /** @param {Group} group @param {Meeting} meeting @param {Bytes} exported @param {number} at when it was entered */
  constructor(group, meeting, exported, at) {
    this.group = group;
    this.number = group.epoch;
    this.meeting = meeting;
    /** the key of private messages */
    this.exported = exported;
    this.at = at;
    this.groupId = group.context.groupId;
    /** what private messages of this epoch open with */
    this.leafKey = group.leafKey;
    /** how often whom has said something private, by receiver @type {Map<string, number>} */
    this.sent = new Map();
    /** @type {Map<string, number>} */
    this.received = new Map();
  }

  /**
   * @param {Group} group @param {LinkSecrets} link @param {Found} found @param {Leaves} known @param {number} at
   * @returns {Promise<Epoch>}
   */
  static async of(group, link, found, known, at) {
    const meeting = mustMeeting(group.context);
    const { groupId } = group.context;
    const epoch = new Epoch(group, meeting, await group.exportSecret('conclave private', NONE, 16), at);
    for (const { leaf, node } of group.members) {
      const { signatureKey: ik, encryptionKey } = node;
      const read = known.get(node) ?? (await readLeaf(node, link));
      known.set(node, read);
      const role = await roleOf(meeting, groupId, ik, node, found);
      const added = node.source === FROM.keyPackage;
      const member = { ...read, ik, encryptionKey, leaf, role, added };
      epoch.members.set(read.key, member);
      epoch.leaves.set(leaf, member);
    }
    return epoch;
  }

  /** @returns {Member} oneself */
  get self() {
    return /** @type {Member} */ (this.leaves.get(this.group.leaf));
  }

  /** @returns {Member[]} */
  get hosts() {
    return [...this.members.values()].filter((m) => m.role === HOST);
  }

  /** @returns {Promise<number[]>} leaves in the order in which they commit: who has least to seal first */
  order() {
    this.#order ??= this.#rank();
    return this.#order;
  }

  async #rank() {
    const { confirmedTranscriptHash } = this.group.context;
    const ranked = await Promise.all(
      this.group
        .copathSizes()
        .map(async ({ leaf, sum }) => ({
          leaf,
          size: Math.floor(Math.log2(Math.max(1, sum))),
          tie: base16(await hash(concat(confirmedTranscriptHash, u32(leaf)))),
        })),
    );
    ranked.sort((a, b) => a.size - b.size || (a.tie < b.tie ? -1 : 1));
    return ranked.map(({ leaf }) => leaf);
  }
}

/** @param {LeafNode} node @param {LinkSecrets} link @returns {Promise<Read>} */
async function readLeaf(node, link) {
  const seat = seatOf(node);
  if (!seat) throw new TypeError('a leaf without a seat');
  return { seat, key: base64url(node.signatureKey), name: await openName(link, node.signatureKey, seat.name) };
}

/** @param {Bytes} bytes @returns {string} that sorts as the bytes do */
const base16 = (bytes) => String.fromCharCode(...bytes);
