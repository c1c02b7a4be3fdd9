// The state machine of docs/e2ee.md: what the server says and the person does goes in, with the time; what is to be sent
// and shown comes out. It knows no socket, no clock and no storage.
/** @import {Bytes} from './bytes.js' */
/** @import {Link, LinkSecrets} from './link.js' */
/** @import {Identity, Admission} from './seat.js' */
/** @import {Pending} from './commits.js' */
/** @import {Received} from './mls/receive.js' */
/** @import {OwnKeyPackage} from './mls/keypackage.js' */
/** @import {Event, LogEntry, Output, RosterEntry, View} from './types.js' */
import { base64url, equal, random, unbase64url } from './bytes.js';
import { Beats } from './beats.js';
import { Blame } from './blame.js';
import { Commits, findPsk } from './commits.js';
import { NONE } from './encoding.js';
import { entryHash, readHead, readSecrets } from './entries.js';
import { Epoch } from './epoch.js';
import { Gate } from './gate.js';
import * as links from './link.js';
import { assembleWelcome } from './mls/commit.js';
import { MlsError } from './mls/errors.js';
import { Group } from './mls/group.js';
import { COMMIT, KIND, PROPOSAL, SENDER, WIRE, decodeMessage } from './mls/messages.js';
import { applyProposals } from './mls/proposals.js';
import { Outsiders } from './outsiders.js';
import { meetingOf, firstExtensions, Found } from './policy.js';
import { Newcomer, isTakenOver, vouches } from './newcomer.js';
import { Losses, Roster, shown } from './presence.js';
import { joinedProblem, pathProblem, policyFor, removalCounts } from './rules.js';
import {
  HOST,
  admit,
  keyPackage,
  leafData,
  openName,
  readAdmission,
  sealName,
  signatureKeyOf,
  writeSeat,
} from './seat.js';
import { Speech } from './speech.js';
import { Stewardship } from './stewardship.js';
import { viewOf } from './view.js';

/** Epochs of the past of which messages are still opened, and for how long. */
const OLD = 4;
const OLD_MS = 10_000;
/** The log is asked for no more often. */
const ASK_MS = 1000;
/** Key packages of one's own that a joiner's secrets may be for. */
const OWN_PACKAGES = 3;
/** Those who wait, whose names are opened. */
const MAX_WAITING = 256;

/** Errors of a commit that its author signed: with these it is known whose fault it is. */
const SIGNED = new Set(['proposals', 'policy', 'tree', 'parent-hash', 'confirmation']);

/** @param {string} data base64url @returns {Bytes} nothing where it isn't */
function bytesOf(data) {
  try {
    return unbase64url(data);
  } catch {
    return NONE;
  }
}

/** One seat in one meeting. Calls of `handle` must not overlap; who owns the session queues them. */
export class Session {
  roster = new Roster();
  losses = new Losses();
  beats = new Beats();
  found = new Found();
  /** @type {Epoch|null} */
  epoch = null;
  /** newest first @type {{epoch: Epoch, until: number}[]} */
  old = [];
  /** the newest entry that was read */
  position = 0;
  /** a commit did not open: one comes back with a new leaf */
  stuck = false;
  removed = false;
  /** one was shown a group that is not the meeting of the link */
  falseGroup = false;
  /** another seat with the same key took the place of this one */
  switched = false;
  /** the epoch in which one came in */
  since = 0n;
  /** the last epoch in which each key signed something @type {Map<string, bigint>} */
  signed = new Map();
  blame = new Blame();
  /** who waits @type {{participant: number, name: string, key: string}[]} */
  waiting = [];
  /** names of those without a leaf, by key and what they are sealed in @type {Map<string, string>} */
  names = new Map();
  participant = 0;
  up = true;
  /** @type {Output[]} */
  out = [];
  #newest = 0;
  #askedAt = -ASK_MS;
  #asks = false;
  /** @type {Bytes} */
  #serverKey = NONE;
  /** @type {Bytes|null} */
  #groupId = null;
  /** @type {OwnKeyPackage[]} newest last */
  #packages = [];
  /** @type {Admission|null} */
  #admission = null;
  #leaves = new WeakMap();
  #founding = false;

  /**
   * @param {{link: Link, secrets: LinkSecrets, identity: Identity, owner: Identity|null, name: string, sealed: Bytes,
   *   bot: boolean}} o
   */
  constructor(o) {
    this.o = o;
    this.identity = o.identity;
    this.owner = o.owner;
    this.secrets = o.secrets;
    this.key = base64url(o.identity.ikPublic);
    this.name = o.name;
    this.policy = policyFor(o.secrets, this.found);
    this.newcomer = new Newcomer(o.link.lobby);
    const { found, roster, losses } = this;
    this.commits = new Commits({ link: o.secrets, found, roster, losses });
    this.speech = new Speech(this);
    this.steward = new Stewardship(this);
    this.outsiders = new Outsiders(this);
    this.gate = new Gate(this);
  }

  /**
   * @param {{meeting: string, link: Link, identity: Identity, name: string, room?: Identity|null, p?: Bytes, bot?: boolean}} o
   *   room: the key of the meeting's room, which its owner has; p: what the password adds
   * @returns {Promise<Session>}
   */
  static async create({ meeting, link, identity, name, room = null, p = NONE, bot = false }) {
    const secrets = await links.secrets(link, meeting, p);
    const names = async (/** @type {Identity} */ of) => equal(await links.fingerprint(of.ikPublic), link.c);
    const owner = room && (await names(room)) ? room : (await names(identity)) ? identity : null;
    const sealed = await sealName(secrets, identity.ikPublic, name);
    return new Session({ link, secrets, identity, owner, name, sealed, bot });
  }

  /** @returns {string} what `join` carries */
  get announce() {
    return base64url(new Uint8Array([...this.identity.ikPublic, ...this.o.sealed]));
  }

  /** @returns {boolean} whether a host has confirmed that this is the meeting */
  get confirmed() {
    return this.newcomer.confirmed;
  }

  /**
   * @param {Event} event @param {number} now monotonic ms, never less than before
   * @returns {Promise<Output[]>}
   */
  async handle(event, now) {
    await this.#take(event, now);
    await this.#settle(now);
    return this.out.splice(0);
  }

  /** @param {Event} event @param {number} now */
  async #take(event, now) {
    switch (event.type) {
      case 'welcome':
        return this.#welcome(event, now);
      case 'roster':
        return this.#roster(event, now);
      case 'waiting':
        return this.#waits(event.waiting);
      case 'group':
        return this.#group(event, now);
      case 'log':
        for (const entry of event.entries) await this.#entry(entry, now);
        return undefined;
      case 'key_packages':
        if (this.epoch && this.confirmed) await this.commits.offered(this.epoch, event.turn, event.packages, now);
        return undefined;
      case 'secrets':
        return this.#secrets(event, now);
      case 'stuck':
        return this.blame.said(event.hash, this.roster.key(event.participant ?? 0));
      case 'connection':
        this.up = event.up;
        this.beats.restart(event.up ? now : Infinity); // nothing is missed while one hears nobody
        return undefined;
      case 'refused':
        return this.#refused(event.what, now);
      case 'asked_log':
        return this.asks();
      case 'rename':
        return this.#rename(event.name);
      case 'consent':
        return this.outsiders.consent(event.key, event.given, now);
      case 'live':
        return this.outsiders.live(event.sources);
      case 'leave':
        return this.#leave();
      case 'tick':
        return undefined;
      default:
        return (await this.steward.take(event)) ? undefined : this.speech.take(event, now);
    }
  }

  /** @param {Extract<Event, {type: 'welcome'}>} m @param {number} now */
  async #welcome(m, now) {
    this.participant = m.participant;
    try {
      if (m.admit) this.#admission = readAdmission(unbase64url(m.admit));
    } catch {
      // not an admission: there is none
    }
    const here = new Set(m.participants.map((p) => p.participant));
    for (const n of [...this.roster.seats.keys()]) if (!here.has(n)) this.#gone(n, now);
    for (const p of m.participants) await this.#see(p);
    await this.#waits(m.waiting ?? []);
  }

  /** @param {Extract<Event, {type: 'roster'}>} m @param {number} now */
  async #roster(m, now) {
    for (const { participant } of m.left ?? []) this.#gone(participant, now);
    for (const p of [...(m.joined ?? []), ...(m.changed ?? [])]) await this.#see(p);
  }

  /** @param {RosterEntry} p */
  async #see(p) {
    const s = this.roster.see(p);
    if (s?.key) this.losses.back(s.key);
    if (!s?.key || !s.name || this.epoch?.members.has(s.key)) return;
    await this.#open(s.key, s.name);
  }

  /** @param {string} key @param {Bytes} sealed @returns {Promise<string>} */
  async #open(key, sealed) {
    const id = key + base64url(sealed);
    const name = this.names.get(id) ?? (await openName(this.secrets, unbase64url(key), sealed));
    if (this.names.size > 2 * MAX_WAITING) this.names.clear();
    this.names.set(id, name);
    return name;
  }

  /** @param {number} participant @param {number} now */
  #gone(participant, now) {
    const s = this.roster.gone(participant);
    this.commits.forget(participant);
    const over = s !== undefined && this.roster.number(s.key) === 0;
    if (over) this.outsiders.gone(s.key, now);
    const member = over && this.epoch?.members.get(s.key);
    if (member && member !== this.epoch?.self) this.losses.learn(member.leaf, member.key, now, true);
  }

  /** @param {RosterEntry[]} list */
  async #waits(list) {
    this.waiting = [];
    for (const p of list.slice(0, MAX_WAITING)) {
      const { participant, key, name } = shown(p);
      if (key && name) this.waiting.push({ participant, key, name: await this.#open(key, name) });
    }
  }

  /** @param {string} name */
  #rename(name) {
    this.name = name;
    const seat = async () => {
      this.o.sealed = await sealName(this.secrets, this.identity.ikPublic, name);
      return this.#seat();
    };
    this.commits.want({ seat });
  }

  /** @returns {Promise<Bytes>} one's own seat as it is now */
  async #seat() {
    if (this.owner && this.owner !== this.identity && this.#groupId) {
      this.#admission = await admit(this.owner, this.#groupId, this.identity.ikPublic, HOST);
    }
    return writeSeat({ bot: this.o.bot, name: this.o.sealed, admission: this.#admission });
  }

  /** @param {Extract<Event, {type: 'group'}>} m @param {number} now */
  async #group(m, now) {
    try {
      this.#serverKey = unbase64url(m.server_key);
      if (m.group_id) this.#groupId = unbase64url(m.group_id);
    } catch {
      return;
    }
    this.#newest = Math.max(this.#newest, m.position);
    if (m.found) return this.#found(now);
    if (this.epoch && !this.stuck) {
      const { pending } = this.commits;
      if (m.position > this.position) this.#asks = true;
      else if (pending) this.commits.refused(now); // it never got into the log: it is made again
      return undefined;
    }
    return this.#offer();
  }

  /** Offers a key package: one comes in, or comes back. */
  async #offer() {
    if (this.#founding) return;
    const own = await keyPackage(signatureKeyOf(this.identity), this.secrets, await this.#seat());
    this.#packages = [...this.#packages, own].slice(-OWN_PACKAGES);
    this.out.push({ type: 'send', what: 'key_package', fields: { data: base64url(own.message) } });
  }

  /** @param {number} now founds the group: with a waiting room only the creator does. Its first commit is due at once */
  async #found(now) {
    if (this.epoch || (this.o.link.lobby && !this.owner)) return;
    this.#founding = true;
    const groupId = random(16);
    this.#groupId = groupId;
    const { c: creator, lobby } = this.o.link;
    const first = { creator, lobby, pskVersion: 1, roles: [], heirs: [], revoked: [] };
    const group = await Group.found({
      groupId,
      extensions: firstExtensions(this.#serverKey, await this.steward.firstMeeting(first, groupId)),
      data: leafData(this.identity.ikPublic, await this.#seat()),
      signatureKey: signatureKeyOf(this.identity),
      policy: this.policy,
    });
    this.epoch = await Epoch.of(group, this.secrets, this.found, this.#leaves, now);
    this.newcomer.confirm();
    this.out.push({ type: 'send', what: 'found', fields: { group_id: base64url(groupId), leaf: 0 } });
  }

  /** @param {Extract<Event, {type: 'secrets'}>} m @param {number} now */
  async #secrets(m, now) {
    // A candidate may be rejected: until a host has confirmed the group, one that rejects it takes its place.
    if (this.epoch && !this.stuck && !this.newcomer.takes(m.position)) return;
    const mine = m.joiners.find((j) => j.participant === this.participant);
    if (!mine) return;
    for (const own of [...this.#packages].reverse()) {
      try {
        const welcome = assembleWelcome(unbase64url(m.group_info), [readSecrets(unbase64url(mine.secrets))]);
        const signatureKey = signatureKeyOf(this.identity);
        const group = await Group.join({ welcome, own, signatureKey, psk: findPsk(this.secrets), policy: this.policy });
        this.falseGroup = (await joinedProblem(group, this.o.link.c, this.#serverKey, this.found)) !== '';
        if (this.falseGroup) return;
        this.old = [];
        this.stuck = false;
        this.removed = false;
        this.newcomer.joined(m.position, now);
        this.position = Math.max(0, m.position);
        this.since = group.epoch;
        this.signed.clear();
        this.#groupId = group.context.groupId;
        this.beats.restart(now);
        await this.#enter(group, { author: '', own: null, path: false, removed: [] }, now);
        if (this.#newest > this.position) this.#asks = true;
        return;
      } catch {
        // not for this key package, or not a group of this link
      }
    }
  }

  /** @param {LogEntry} entry @param {number} now */
  async #entry({ position, data }, now) {
    this.#newest = Math.max(this.#newest, position);
    if (!this.confirmed) await this.newcomer.saw(position, bytesOf(data));
    if (!this.epoch || this.stuck || position <= this.position) return;
    if (position > this.position + 1) {
      this.#asks = true;
      return;
    }
    this.position = position;
    try {
      const bytes = unbase64url(data);
      const head = readHead(bytes);
      if (!head || !equal(head.groupId, this.epoch.groupId) || head.epoch !== this.epoch.number) return;
      if (head.contentType === PROPOSAL) await this.#proposal(this.epoch, bytes, now);
      else if (head.contentType === COMMIT) await this.#candidate(this.epoch, bytes, now);
    } catch (err) {
      if (!(err instanceof MlsError || err instanceof TypeError)) throw err;
    }
  }

  /** @param {Epoch} epoch @param {Bytes} bytes @param {number} now */
  async #proposal(epoch, bytes, now) {
    const received = await epoch.group.open(bytes);
    const reference = epoch.group.keep(received); // whatever it is: a commit may refer to it, and is judged then
    const { proposed } = received;
    if (!proposed || proposed.proposal.type !== KIND.remove) return;
    const member = epoch.leaves.get(proposed.proposal.removed);
    if (!member || !(await removalCounts(epoch.group, this.secrets, this.found, proposed))) return;
    this.commits.proposed(member.leaf, reference, now);
    if (member !== epoch.self) this.losses.learn(member.leaf, member.key, now, false);
  }

  /** @param {Epoch} epoch @param {Bytes} bytes @param {number} now */
  async #candidate(epoch, bytes, now) {
    const own = this.commits.own(bytes);
    if (own) {
      await this.blame.remember(bytes, this.key);
      return this.#enter(own.group, { author: this.key, own, path: own.path, removed: own.removed }, now);
    }
    let author = '';
    let proven = false;
    try {
      const m = decodeMessage(bytes);
      const sender = m.wireFormat === WIRE.public ? m.message.content.sender : null;
      if (sender?.type === SENDER.member) author = epoch.leaves.get(sender.leaf)?.key ?? '';
      const received = await epoch.group.open(bytes);
      proven = true;
      const problem = await pathProblem(epoch.group, received, this.found);
      if (problem) throw new MlsError('policy', problem);
      if (sender?.type === SENDER.member && sender.leaf === epoch.group.leaf) {
        await this.#notOurs(epoch, received, bytes);
        return undefined;
      }
      await this.#apply(epoch, received, author, bytes, now);
    } catch (err) {
      if (!(err instanceof MlsError)) throw err;
      if (!err.public) return this.#isStuck(epoch, bytes);
      const known = proven || SIGNED.has(err.check);
      this.commits.reject(await entryHash(bytes), known ? author : '', now);
    }
    return undefined;
  }

  /**
   * @param {Epoch} epoch @param {Received} received a commit under one's own key that this seat did not make
   * @param {Bytes} bytes @returns {Promise<void>} throws MlsError when it doesn't count; else one can't follow it
   */
  async #notOurs(epoch, received, bytes) {
    const { proposals = [], authenticatedData } = received;
    await applyProposals(epoch.group.state, proposals, epoch.group.leaf, authenticatedData);
    return this.#isStuck(epoch, bytes);
  }

  /** @param {Epoch} epoch @param {Received} received @param {string} author @param {Bytes} bytes @param {number} now */
  async #apply(epoch, received, author, bytes, now) {
    const { group, applied } = await epoch.group.apply(received, findPsk(this.secrets));
    await this.blame.remember(bytes, author);
    if (group) {
      return this.#enter(group, { author, own: null, path: Boolean(received.path), removed: applied.removed }, now);
    }
    this.epoch = null;
    this.out.push({ type: 'media', order: { order: 'over' } });
    const { ikPublic } = this.identity;
    const again = applied.added.map((a) => a.keyPackage).find((k) => equal(k.leaf.signatureKey, ikPublic));
    const own = again && this.#packages.at(-1);
    if (own && again && equal(own.keyPackage.encoded, again.encoded)) return undefined; // the secrets of it are on the way
    this.removed = true;
    this.switched = again !== undefined && isTakenOver(this.roster.number(this.key), this.participant);
    const revoked = meetingOf(applied.extensions)?.revoked ?? [];
    if (!this.switched && !revoked.some((k) => equal(k, ikPublic))) return this.#offer();
    return undefined;
  }

  /** @param {Epoch} epoch @param {Bytes} bytes of a commit that everybody takes, and whose path does not open here */
  async #isStuck(epoch, bytes) {
    this.stuck = true;
    const hash = base64url(await entryHash(bytes));
    this.out.push({ type: 'send', what: 'stuck', fields: { epoch: Number(epoch.number), hash } });
    await this.#offer();
  }

  /**
   * enter takes the next epoch in the place of this one.
   * @param {Group} group @param {{author: string, own: Pending|null, path: boolean, removed: number[]}} how @param {number} now
   */
  async #enter(group, how, now) {
    const before = this.epoch;
    const epoch = await Epoch.of(group, this.secrets, this.found, this.#leaves, now);
    if (before && before.number < epoch.number) {
      if (before.number > 0n) this.old.unshift({ epoch: before, until: now + OLD_MS });
      else before.group.wipe();
      for (const { epoch: e } of this.old.splice(OLD)) e.group.wipe();
    }
    this.epoch = epoch;
    this.#founding = false;
    if (how.author) this.signed.set(how.author, epoch.number);
    for (const key of this.signed.keys()) if (!epoch.members.has(key)) this.signed.delete(key);
    for (const leaf of how.removed) this.losses.keep((l) => l !== leaf);
    this.losses.keep((leaf, key) => epoch.leaves.get(leaf)?.key === key);
    this.commits.entered(epoch, how, now);
    this.beats.entered(epoch, now);
    this.newcomer.entered(epoch);
    await this.speech.entered(epoch, vouches(epoch, before));
    await this.steward.entered(epoch, before, now);
    await this.gate.entered(epoch, before, how.removed.length > 0);
  }

  /**
   * heard notes that a member signed something: an application message, which opens for members alone.
   * @param {Epoch} epoch @param {string} key @param {number} now
   */
  heard(epoch, key, now) {
    const member = epoch.members.get(key);
    if (!member) return;
    if ((this.signed.get(key) ?? -1n) < epoch.number) this.signed.set(key, epoch.number);
    if (this.epoch) this.beats.heard(this.epoch, member, now);
    if (epoch.number >= this.since) this.newcomer.heard(epoch, member);
  }

  /** @param {string} what @param {number} now a request of this seat that the server did not do */
  async #refused(what, now) {
    if (what === 'commit') {
      if (this.commits.pending) this.asks(); // what was taken instead may not have come
      this.commits.refused(now);
    }
    if (what !== 'log_get' || !this.epoch) return;
    // The log does not go back so far any more: one comes back with a new leaf.
    this.stuck = true;
    await this.#offer();
  }

  /** @param {bigint} number @returns {Epoch|undefined} the epoch, if what is said in it is still read */
  epochOf(number) {
    return this.epoch?.number === number ? this.epoch : this.old.find((o) => o.epoch.number === number)?.epoch;
  }

  /** Something was said of what is not here yet: the log is asked for. */
  asks() {
    this.#asks = true;
  }

  /** One's own goodbye. */
  async #leave() {
    const { epoch } = this;
    if (!epoch || epoch.number === 0n || this.stuck) return;
    const data = await epoch.group.propose({ type: KIND.remove, removed: epoch.group.leaf });
    this.out.push({ type: 'send', what: 'propose', fields: { data: base64url(data) } });
  }

  /** @param {number} now what follows from all that, and what is due */
  async #settle(now) {
    for (const { epoch } of this.old.filter((o) => o.until <= now)) epoch.group.wipe();
    this.old = this.old.filter((o) => o.until > now);
    if (this.commits.late(now)) this.asks();
    if (this.#asks && now >= this.#askedAt + ASK_MS) {
      this.#asks = false;
      this.#askedAt = now;
      this.out.push({ type: 'send', what: 'log_get', fields: { from: this.position + 1 } });
    }
    const { epoch } = this;
    if (epoch && !this.stuck && this.newcomer.givesUp(epoch, this.roster, now)) await this.#offer();
    if (epoch && !this.stuck && this.confirmed) {
      await this.steward.settle(epoch, now);
      if (this.up && (await this.commits.due(epoch, now)) <= now) {
        this.out.push(...(await this.commits.make(epoch, now)));
      }
    }
    this.gate.settle(now);
    await this.speech.settle(now);
    await this.outsiders.settle(now);
  }

  /** @param {number} now @returns {Promise<number>} when to say `tick` at the latest */
  async deadline(now) {
    const { epoch } = this;
    const times = [this.#asks ? this.#askedAt + ASK_MS : Infinity, ...this.old.map((o) => o.until)];
    times.push(this.speech.deadline(now), this.losses.deadline(now), this.outsiders.deadline(now));
    if (epoch) {
      const active = !this.stuck && this.confirmed;
      times.push(this.beats.deadline(epoch, now, active && epoch.number > 0n));
      if (!active && !this.stuck) times.push(this.newcomer.deadline(now));
      if (active) times.push(this.steward.deadline(epoch, now));
      if (active && this.up) times.push(await this.commits.due(epoch, now));
    }
    return Math.min(...times);
  }

  /** @param {number} now @returns {View} what there is to show */
  view(now) {
    return viewOf(this, now);
  }
}
