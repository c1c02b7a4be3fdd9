// Who commits what, and when (docs/e2ee.md, sections 5 to 8): what is to be done is gathered, and the member whose turn
// it is makes the commit. Time is an argument.
/** @import {Bytes} from './bytes.js' */
/** @import {Epoch, Member} from './epoch.js' */
/** @import {LinkSecrets} from './link.js' */
/** @import {Found, Meeting} from './policy.js' */
/** @import {Losses, Roster} from './presence.js' */
/** @import {Group} from './mls/group.js' */
/** @import {KeyPackage, Proposal} from './mls/types.js' */
/** @import {Output} from './types.js' */
import { base64url, equal, hex, random, unbase64url } from './bytes.js';
import { writeRejected, writeSecrets } from './entries.js';
import { psk, pskId } from './link.js';
import { readKeyPackageMessage } from './mls/keypackage.js';
import { KIND } from './mls/messages.js';
import { checkKeyPackage } from './mls/validate.js';
import { withMeeting, writeMeeting } from './policy.js';
import { MAX_ADDS, addProblem } from './rules.js';
import { SEAT } from './seat.js';
import { freshnessDue, warmingDue } from './turns.js';

/** The r-th in rank waits r times as long. */
const RANK_MS = 150;
const TURN_MS = 300;
const REMOVAL_MS = 50;
const GATHER_MS = 200;
const GATHER_LONGEST_MS = 1000;
/** Of a commit of one's own that neither came back nor was refused the log is asked for, and then it is given up. */
const LATE_MS = 3000;
const LOST_MS = 8000;
/** After a refusal, before one tries again; doubled each time until there is another epoch, but no longer than that. */
const AGAIN_MS = 300;
const AGAIN_LONGEST_MS = 3000;
/** Own commits that seemed refused and may be in the log all the same. */
const MAX_REFUSED = 4;
/** Key packages that wait; more are offered again by the server. */
const MAX_PACKAGES = 256;

/**
 * @typedef {object} Act what this person wants to have committed
 * @property {(m: Meeting, group: Group) => Promise<Meeting|null>} [change] null: there is nothing to change any more
 * @property {string[]} [removes] keys @property {() => Promise<Bytes>} [seat] one's own, anew
 * @property {bigint} [leaves] an epoch that one wants to get out of
 */

/**
 * @typedef {{participant: number, key: string, k: KeyPackage, at: number, turn: number}} Waiting whose key package waits
 */
/** @typedef {{message: Bytes, group: Group, epoch: bigint, acts: Act[], at: number, removed: number[], path: boolean,
 *   late?: boolean}} Pending */

/**
 * @typedef {object} Around what the commits of a seat have to do with
 * @property {LinkSecrets} link @property {Found} found @property {Roster} roster @property {Losses} losses
 */

/** The commits of one seat. */
export class Commits {
  /** @type {Pending|null} */
  pending = null;
  /** candidates of this epoch that were wrong @type {Bytes[]} */
  rejected = [];
  /** the keys of those whose commits were wrong, for this meeting @type {Set<string>} */
  bad = new Set();
  /** @type {Act[]} */
  #acts = [];
  /** @type {Map<string, Waiting>} by key */
  #packages = new Map();
  /** proposals of the log, by leaf: one for each @type {Map<number, {reference: Bytes, at: number}>} */
  #kept = new Map();
  #rejectedAt = 0;
  #againAt = 0;
  /** refusals since the last new epoch, and what was refused first @type {Pending[]} */
  #refused = [];
  #refusals = 0;
  /** when a commit with a path was seen last */
  #pathAt = 0;
  /** the epoch of the last path of each key @type {Map<string, number>} */
  #paths = new Map();
  #o;

  /** @param {Around} o */
  constructor(o) {
    this.#o = o;
  }

  /** @returns {readonly number[]} leaves whose removal is proposed */
  get going() {
    return [...this.#kept.keys()];
  }

  /** @param {Act} act */
  want(act) {
    this.#acts.push(act);
  }

  /** @returns {boolean} whether something one wanted is not done yet */
  get busy() {
    return this.#acts.length > 0;
  }

  /** @param {number} leaf @param {Bytes} reference @param {number} now a proposal of the log that may be committed */
  proposed(leaf, reference, now) {
    if (!this.#kept.has(leaf)) this.#kept.set(leaf, { reference, at: now });
  }

  /** @param {Bytes} hash @param {string} author empty where it isn't known @param {number} now a candidate was wrong */
  reject(hash, author, now) {
    this.rejected.push(hash);
    if (author) this.bad.add(author);
    this.#rejectedAt = now;
  }

  /**
   * entered begins anew with what is left to be done.
   * @param {Epoch} epoch @param {{author: string, path: boolean, own: Pending|null}} how @param {number} now
   */
  entered(epoch, { author, path, own }, now) {
    if (own) this.#acts = this.#acts.filter((a) => !own.acts.includes(a));
    this.pending = null;
    this.#refused = [];
    this.rejected = [];
    this.#refusals = 0;
    this.#kept.clear();
    if (path) {
      this.#pathAt = now;
      this.#paths.set(author, Number(epoch.number));
    }
    this.#pathAt ||= now;
    for (const key of this.#paths.keys()) if (!epoch.members.has(key)) this.#paths.delete(key);
    for (const [key, w] of this.#packages) {
      const member = epoch.members.get(key);
      if (member && equal(member.encryptionKey, w.k.leaf.encryptionKey)) this.#packages.delete(key);
    }
  }

  /** @param {number} now one's own commit did not get into the log */
  refused(now) {
    if (this.pending && this.#refused.length < MAX_REFUSED) this.#refused.push(this.pending);
    this.pending = null;
    this.#againAt = now + Math.min(AGAIN_MS * 2 ** this.#refusals++, AGAIN_LONGEST_MS);
  }

  /** @param {number} participant is gone */
  forget(participant) {
    for (const [key, w] of this.#packages) if (w.participant === participant) this.#packages.delete(key);
  }

  /**
   * offered takes key packages that the server offers.
   * @param {Epoch} epoch @param {number} turn @param {{participant: number, data: string}[]} packages @param {number} now
   */
  async offered(epoch, turn, packages, now) {
    for (const { participant, data } of packages) {
      if (this.#packages.size >= MAX_PACKAGES) return;
      try {
        const k = readKeyPackageMessage(unbase64url(data));
        const key = base64url(k.leaf.signatureKey);
        const shown = this.#o.roster.key(participant);
        if (shown && shown !== key) continue;
        const { groupId, extensions } = epoch.group.context;
        if (await addProblem(epoch.group, this.#o.link, this.#o.found, k)) continue;
        await checkKeyPackage(k, groupId, extensions);
        const member = epoch.members.get(key);
        if (member && equal(member.encryptionKey, k.leaf.encryptionKey)) continue;
        this.#packages.set(key, { participant, key, k, at: now, turn });
      } catch {
        // not a key package, or one that nobody would accept
      }
    }
  }

  /** @param {number} now @returns {Waiting[]} who may be added */
  #addable(now) {
    const { losses } = this.#o;
    return [...this.#packages.values()].filter((w) => losses.mayReturn(w.key) <= now).slice(0, MAX_ADDS);
  }

  /** @param {Epoch} epoch @param {Member} m @returns {boolean} whether somebody takes part in committing */
  #able(epoch, m) {
    if (m === epoch.self) return true;
    return this.#o.roster.connected(m.key) && !this.#kept.has(m.leaf) && !this.bad.has(m.key);
  }

  /** @param {Epoch} epoch @returns {Promise<number>} one's own place among those who commit */
  async #rank(epoch) {
    const order = await epoch.order();
    const able = order.filter((leaf) => this.#able(epoch, /** @type {Member} */ (epoch.leaves.get(leaf))));
    return Math.max(0, able.indexOf(epoch.group.leaf));
  }

  /**
   * @param {Bytes} message @returns {Pending|undefined} one's own commit: of a server that does not say what it took, one
   *   that seemed refused counts too
   */
  own(message) {
    return [this.pending, ...this.#refused].find((p) => p && equal(p.message, message)) ?? undefined;
  }

  /** @param {number} now @returns {boolean} once for a commit of one's own that should have come back */
  late(now) {
    const { pending } = this;
    if (!pending || pending.late || now < pending.at + LATE_MS) return false;
    pending.late = true;
    return true;
  }

  /**
   * due says when this seat is to commit.
   * @param {Epoch} epoch @param {number} now @returns {Promise<number>} Infinity for not at all
   */
  async due(epoch, now) {
    if (this.pending) {
      if (now >= this.pending.at + LOST_MS) this.refused(now);
      else return this.pending.at + (this.pending.late ? LOST_MS : LATE_MS);
    }
    if (this.#kept.has(epoch.group.leaf)) return Infinity; // one is on the way out
    const again = this.rejected.length > 0;
    const from = (/** @type {number} */ at) => Math.max(at, epoch.at);
    const times = [];
    if (this.#acts.length > 0) times.push(from(0));
    const kept = [...this.#kept].filter(([leaf]) => leaf !== epoch.group.leaf).map(([, k]) => k.at);
    if (kept.length > 0 || again) {
      const start = again ? this.#rejectedAt : from(Math.min(...kept)) + REMOVAL_MS;
      times.push(start + (await this.#rank(epoch)) * RANK_MS);
    }
    const adds = [...this.#packages.values()];
    if (adds.length > 0) {
      const ready = adds.map((w) => Math.max(from(w.at), this.#o.losses.mayReturn(w.key)));
      const first = Math.min(...ready);
      const last = Math.max(...ready.filter((at) => at <= first + GATHER_LONGEST_MS));
      const turn = Math.min(...adds.map((w) => w.turn));
      times.push(Math.min(first + GATHER_LONGEST_MS, last + GATHER_MS) + turn * TURN_MS);
    }
    times.push(epoch.number === 0n ? 0 : this.#renewal(epoch, now)); // a founding that was refused is tried again
    return Math.max(this.#againAt, Math.min(...times));
  }

  /** @param {Epoch} epoch @param {number} now @returns {number} when one commits new keys and nothing else */
  #renewal(epoch, now) {
    const able = (/** @type {Member} */ m) => this.#able(epoch, m);
    return Math.min(warmingDue(epoch, able, now), freshnessDue(epoch, able, this.#paths, this.#pathAt));
  }

  /**
   * make makes the commit that is due: everything there is to do.
   * @param {Epoch} epoch @param {number} now @returns {Promise<Output[]>}
   */
  async make(epoch, now) {
    const { group } = epoch;
    const acts = [...this.#acts];
    const { meeting, seat, removes, fresh } = await this.#gather(epoch, acts);
    const kept = [...this.#kept].filter(([leaf]) => leaf !== group.leaf);
    const gone = new Set([...kept.map(([leaf]) => leaf), ...removes]);
    const adds = [];
    for (const w of this.#addable(now)) {
      if (await addProblem(group, this.#o.link, this.#o.found, w.k)) this.#packages.delete(w.key);
      else adds.push(w);
    }
    for (const { key } of adds) {
      const old = epoch.members.get(key);
      if (old && !gone.has(old.leaf)) removes.push(old.leaf);
    }
    const own = meeting !== null || seat !== null || fresh;
    const some = adds.length + gone.size + removes.length > 0 || own;
    // What was rejected is followed by another commit: the server takes the epoch for ended.
    if (!some && this.rejected.length === 0 && epoch.number > 0n && this.#renewal(epoch, now) > now) return [];
    const proposals = /** @type {Proposal[]} */ ([
      ...(meeting ? [{ type: KIND.extensions, extensions: withMeeting(group.context.extensions, meeting) }] : []),
      ...removes.map((removed) => ({ type: KIND.remove, removed })),
      ...adds.map(({ k }) => ({ type: KIND.add, keyPackage: k })),
      ...(adds.length > 0 || epoch.number === 0n ? [pskProposal(epoch.meeting.pskVersion)] : []),
    ]);
    const path = adds.length === 0 || epoch.number === 0n || gone.size + removes.length > 0 || own;
    return this.#commit(
      epoch,
      { proposals, references: kept.map(([, k]) => k.reference), path, seat, acts, adds },
      now,
    );
  }

  /**
   * @param {Epoch} epoch @param {Act[]} acts those that ask for nothing any more are dropped
   * @returns {Promise<{meeting: Meeting|null, seat: Bytes|null, removes: number[], fresh: boolean}>}
   */
  async #gather(epoch, acts) {
    let { meeting } = epoch;
    /** @type {Bytes|null} */
    let seat = null;
    const removes = new Set();
    for (const act of acts) {
      meeting = (await act.change?.(meeting, epoch.group)) ?? meeting;
      seat = (await act.seat?.()) ?? seat;
      for (const key of act.removes ?? []) {
        const leaf = epoch.members.get(key)?.leaf;
        if (leaf !== undefined && leaf !== epoch.group.leaf && !this.#kept.has(leaf)) removes.add(leaf);
      }
    }
    const changed = !equal(writeMeeting(meeting), writeMeeting(epoch.meeting));
    const fresh = acts.some(({ leaves }) => leaves !== undefined && epoch.number <= leaves);
    if (!changed && !seat && removes.size === 0 && !fresh) this.#acts = this.#acts.filter((a) => !acts.includes(a));
    return { meeting: changed ? meeting : null, seat, removes: [...removes], fresh };
  }

  /**
   * @param {Epoch} epoch @param {{proposals: Proposal[], references: Bytes[], path: boolean, seat: Bytes|null, acts: Act[],
   *   adds: Waiting[]}} what @param {number} now @returns {Promise<Output[]>}
   */
  async #commit({ group, number }, { proposals, references, path, seat, acts, adds }, now) {
    try {
      const made = await group.commit({
        proposals,
        references,
        path,
        psk: findPsk(this.#o.link),
        authenticatedData: writeRejected(this.rejected),
        ...(seat && { leafExtensions: [{ type: SEAT, data: seat }] }),
      });
      const { message, removed } = made;
      this.pending = { message, group: made.group, epoch: number, acts, at: now, removed, path };
      const added = adds.map(({ participant }, i) => ({
        participant,
        leaf: made.added[i],
        secrets: base64url(writeSecrets(made.joiners[i])),
      }));
      const info = made.encryptedGroupInfo ? { group_info: base64url(made.encryptedGroupInfo) } : {};
      return [
        {
          type: 'send',
          what: 'commit',
          fields: { data: base64url(message), ...info, ...(added.length > 0 && { added }) },
        },
      ];
    } catch {
      // What one's own rules refuse is not tried again: a person's act that is not allowed, or a package of no worth.
      this.#acts = this.#acts.filter((a) => !acts.includes(a));
      for (const { key } of adds) this.#packages.delete(key);
      this.#againAt = now + AGAIN_MS;
      return [];
    }
  }
}

/** @param {number} version @returns {Proposal} */
export const pskProposal = (version) => ({ type: KIND.psk, psk: { type: 1, id: pskId(version), nonce: random(32) } });

/** @param {LinkSecrets} link @returns {import('./mls/state.js').FindPsk} */
export const findPsk = (link) => (id) => {
  if (id.type !== 1 || id.id.length !== pskId(0).length) return null;
  const version = new DataView(id.id.buffer, id.id.byteOffset + id.id.length - 4).getUint32(0);
  return hex(pskId(version)) === hex(id.id) ? psk(link, version) : null;
};
