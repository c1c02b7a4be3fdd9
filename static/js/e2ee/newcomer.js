// Whether the group that one came into is the meeting (docs/e2ee.md, section 9): who vouches for it, and what a newcomer
// does when nobody does. Time is an argument.
/** @import {Bytes} from './bytes.js' */
/** @import {Epoch, Member} from './epoch.js' */
/** @import {Roster} from './presence.js' */
import { base64url, equal, hex } from './bytes.js';
import { entryHash } from './entries.js';
import { COMMIT, WIRE, decodeMessage } from './mls/messages.js';
import { has } from './policy.js';
import { heirsOf } from './rules.js';
import { HOST } from './seat.js';

/** Members that stand in for hosts and heirs where there are none. */
const STAND_INS = 8;
/** A group that nobody confirms is given up after this, and later each time. */
const PATIENCE_MS = 5000;
const LONGEST_MS = 60_000;
/** Commits of the log that a newcomer remembers. */
const REMEMBERED = 16;

/** @param {Epoch} epoch @returns {Member[]} in the order of their leaves */
const inOrder = (epoch) => [...epoch.members.values()].sort((a, b) => a.leaf - b.leaf);

/** @param {Epoch} epoch @param {(m: Member) => boolean} able @returns {Member[]} hosts, else heirs, else the first leaves */
function elders(epoch, able) {
  const hosts = epoch.hosts.filter(able);
  if (hosts.length > 0) return hosts;
  const heirs = heirsOf(epoch.meeting).map((g) => g.key);
  const here = inOrder(epoch).filter((m) => has(heirs, m.ik) && able(m));
  return here.length > 0 ? here : inOrder(epoch).filter(able).slice(0, STAND_INS);
}

/** @param {Epoch} epoch @param {Epoch|null} before @returns {boolean} whether oneself confirms the epoch to who is new in it */
export function vouches(epoch, before) {
  const isNew = (/** @type {Member} */ m) => {
    const was = before?.members.get(m.key);
    return m.added && !(was && equal(was.encryptionKey, m.encryptionKey));
  };
  if (!before || ![...epoch.members.values()].some(isNew)) return false;
  if (epoch.hosts.length === 0) return false; // only a host's word counts, or what others say to a host
  return elders(epoch, (m) => !isNew(m)).includes(epoch.self);
}

/**
 * isTakenOver says, of a commit that removes one and adds one's key again by a package that one did not offer last, whether
 * another seat of the same device took over. Who only shows an old package again throws nobody out.
 * @param {number} seat the roster's of one's key @param {number} participant one's own @returns {boolean}
 */
export const isTakenOver = (seat, participant) => seat !== 0 && seat !== participant;

/** What a newcomer waits for. */
export class Newcomer {
  confirmed = false;
  /** the link alone vouches: it has no waiting room, and no host is here */
  linkOnly = false;
  #lobby;
  /** where in the log one was added */
  #position = 0;
  #since = Infinity;
  #patience = PATIENCE_MS;
  #givenUp = false;
  /** commits by position: their hash, and those that they reject @type {Map<number, {hash: string, data: string}>} */
  #commits = new Map();

  /** @param {boolean} lobby as the link has it */
  constructor(lobby) {
    this.#lobby = lobby;
  }

  /** @param {number} position @param {Bytes} bytes an entry of the log, before one is confirmed */
  async saw(position, bytes) {
    if (this.confirmed) return;
    try {
      const m = decodeMessage(bytes);
      if (m.wireFormat !== WIRE.public || m.message.content.contentType !== COMMIT) return;
      const data = hex(m.message.content.authenticatedData);
      this.#commits.set(position, { hash: hex(await entryHash(bytes)), data });
      if (this.#commits.size > REMEMBERED) {
        this.#commits.delete(/** @type {number} */ (this.#commits.keys().next().value));
      }
    } catch {
      // not a message
    }
  }

  /** @param {number} position @returns {boolean} whether secrets of the commit there take the place of what one has */
  takes(position) {
    if (this.confirmed) return false;
    if (this.#givenUp || this.#position === 0) return true;
    const [first, later] = [this.#commits.get(this.#position), this.#commits.get(position)];
    return first !== undefined && later !== undefined && later.data.includes(first.hash);
  }

  /** @param {number} position @param {number} now one came in by the commit there */
  joined(position, now) {
    this.confirmed = false;
    this.#position = position;
    this.#since = now;
    this.#givenUp = false;
  }

  /** @param {Epoch} epoch it was entered: where nobody could vouch for it, nobody has to */
  entered(epoch) {
    const others = epoch.members.size > 1;
    this.linkOnly = !this.#lobby && epoch.hosts.length === 0;
    if (this.linkOnly || (epoch.self.role === HOST && !others)) this.confirm();
  }

  /** @param {Epoch} epoch @param {Member} member signed an application message of this epoch */
  heard(epoch, member) {
    if (this.confirmed) return;
    const others = elders(epoch, (m) => m !== epoch.self);
    const enough = member.role === HOST || (epoch.self.role === HOST && others.includes(member));
    if (enough) this.confirm();
  }

  confirm() {
    this.confirmed = true;
    this.#patience = PATIENCE_MS;
    this.#since = Infinity;
    this.#commits.clear();
  }

  /** @param {Epoch} epoch @param {Roster} roster @param {number} now @returns {boolean} whether one comes in anew */
  givesUp(epoch, roster, now) {
    if (this.confirmed || now < this.#since + this.#patience) return false;
    const able = elders(epoch, (m) => m !== epoch.self).some((m) => roster.connected(base64url(m.ik)));
    if (!able) return false;
    this.#since = now;
    this.#patience = Math.min(LONGEST_MS, this.#patience * 2);
    this.#givenUp = true;
    return true;
  }

  /** @param {number} now @returns {number} */
  deadline(now) {
    return this.confirmed || this.#since === Infinity ? Infinity : Math.max(now + 1, this.#since + this.#patience);
  }
}
