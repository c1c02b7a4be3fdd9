// The state machine of docs/e2ee.md, section 14: what the server and the person say goes in, with the time; what is to be sent and
// shown comes out. It knows no socket, no clock and no storage.
/** @import {Bytes} from './bytes.js' */
/** @import {Announcement, Identity} from './announce.js' */
/** @import {Credential} from './credential.js' */
/** @import {Link, LinkKeys} from './link.js' */
/** @import {Member} from './member.js' */
/** @import {Message} from './messages.js' */
/** @import {Event, Output, RosterEntry, View} from './types.js' */
import { base64url, equal, unbase64url, utf8 } from './bytes.js';
import { MAX_PRIVATE, encode, parse } from './messages.js';
import { announce, newSeatKey, rawKey } from './announce.js';
import { Admission } from './admission.js';
import { fingerprint, keys as linkKeys } from './link.js';
import { Channel } from './channel.js';
import { Keyring } from './keyring.js';
import { Sender } from './sender.js';
import { Sameness } from './sameness.js';
import { Group } from './groupchat.js';
import { COHOST, HOST, PARTICIPANT, VIEWER, mayGive } from './credential.js';

const ROLES = /** @type {Record<string, number>} */ ({ viewer: VIEWER, participant: PARTICIPANT, cohost: COHOST, host: HOST });
/** In a meeting as small as this everybody keeps a fresh key, who sends nothing too. */
const SMALL = 16;
/** Relays of somebody not yet in the roster: kept how long, how many of one, how many in all. */
const HOLD_MS = 5000;
const HOLD_EACH = 8;
const HOLD_ALL = 1024;
const GOSSIP_MS = 10_000;

/** One seat in one meeting. Calls of `handle` must not overlap; whoever owns the session queues them. */
export class Session {
  keyring = new Keyring();
  sender;
  #identity;
  #ek;
  #link;
  #root;
  #admission;
  #self;
  #participant = 0;
  /** who made the meeting has the key that the link names @type {Identity|null} */
  #owner;
  /** @type {Credential|null} */
  #credential = null;
  /** everybody sees it in the roster */
  #credentialShown = false;
  #name;
  /** @type {Map<number, Member>} everybody else, the lobby included */
  #members = new Map();
  /** @type {{from: number, data: string, until: number}[]} */
  #held = [];
  /** @type {{member: Member, message: () => Message}[]} sealed when all of an event is known, because keys carry the roster's hash */
  #outbox = [];
  #same;
  #group;
  #live = false;
  #autoAdmit = false;
  #joined = false;
  #gossipAt = 0;
  /** @type {Output[]} */
  #out = [];

  /**
   * @param {{meeting: string, link: Link, keys: LinkKeys, identity: Identity, ek: CryptoKeyPair, self: Announcement,
   *   owner: Identity|null, name: string}} o
   */
  constructor({ meeting, link, keys, identity, ek, self, owner, name }) {
    this.#identity = identity;
    this.#ek = ek;
    this.#link = link;
    this.#root = keys.root;
    this.#self = self;
    this.#owner = owner;
    this.#name = name;
    this.#admission = new Admission(meeting, link, keys);
    this.#same = new Sameness(keys.root);
    this.sender = new Sender(self.hash, (member, chain) => this.#post(member, () => ({ type: 'key', ...chain, hash: this.#same.hash })));
    this.#group = new Group({ meeting, identity, self, sender: this.sender, keyring: this.keyring });
  }

  /**
   * @param {{meeting: string, link: Link, identity: Identity, name: string, room?: Identity|null, now?: number}} o room:
   *   the key of the meeting's room, which its owner has; now: Unix ms
   * @returns {Promise<Session>} with a new seat key
   */
  static async create({ meeting, link, identity, name, room = null, now = 0 }) {
    const keys = await linkKeys(link, meeting);
    const ek = await newSeatKey();
    const self = await announce(identity, await rawKey(ek.publicKey), keys, meeting);
    const names = async (/** @type {Identity} */ of) => equal(await fingerprint(of.ikPublic), link.c);
    const owner = room && await names(room) ? room : await names(identity) ? identity : null;
    const session = new Session({ meeting, link, keys, identity, ek, self, owner, name });
    if (owner === room) await session.#admitSelf(now);
    return session;
  }

  /** @param {number} now the owner's own seat is admitted by the room's key: what others know them by is their device's */
  async #admitSelf(now) {
    const bytes = this.#owner && await this.#admission.issue(this.#owner, true, null, this.#self, HOST, now);
    this.#credential = await this.#admission.better(this.#self, null, bytes ?? undefined, now);
  }

  /** @returns {string} what `join` carries of it; empty for who has to be let in, or brings no key of a room */
  get admit() { return this.#credential ? base64url(this.#credential.bytes) : ''; }

  /** @returns {string} what `join` carries */
  get announce() { return base64url(this.#self.bytes); }

  /** @returns {boolean} */
  get #admitted() { return !this.#link.lobby || this.#owner !== null || this.#credential !== null; }

  /** @returns {Member[]} */
  get #recipients() { return [...this.#members.values()].filter((m) => m.recipient); }

  /** @returns {boolean} whether this device's chain is kept ready */
  get #active() { return this.#live || [...this.#members.values()].filter((m) => m.admitted && !m.outside).length < SMALL; }

  /**
   * handle takes one event.
   * @param {Event} event @param {number} now Unix ms, never going back @returns {Promise<Output[]>} in order
   */
  async handle(event, now) {
    switch (event.type) {
      case 'welcome': await this.#welcome(event, now); break;
      case 'roster': await this.#roster(event, now); break;
      case 'lobby': await this.#lobby(event.hosts ?? [], now); break;
      case 'waiting': await this.#waiting(event.waiting, now); break;
      case 'relays': for (const r of event.relays) await this.#relay(r.from, r.data, now); break;
      case 'broadcast': await this.#group.receive(event, this.#members.get(event.from), event.from === this.#participant, now); break;
      case 'sources': this.#live = event.live; break;
      case 'say': this.#group.say(event.kind, event.text, now); break;
      case 'private': this.#private(event.kind, event.to, event.text, now); break;
      case 'consent': this.#consent(event.participant, event.given); break;
      case 'auto_admit': this.#autoAdmit = event.on; break;
      case 'credential': await this.#spread(unbase64url(event.credential), event.participant, now); break;
      case 'tick': break;
    }
    await this.#settle(now);
    return this.#out.splice(0);
  }

  /** @param {number} now @returns {number} Unix ms: when to say `tick` at the latest */
  deadline(now) {
    if (!this.#joined) return Infinity;
    let at = Math.min(this.#gossipAt, this.sender.deadline(now, this.#members.values()), this.#same.deadline(this.#members.values()), now + 5000);
    for (const h of this.#held) at = Math.min(at, h.until);
    return at;
  }

  /** @param {{participant: number, participants: RosterEntry[], waiting?: RosterEntry[], admit?: string, grant?: string, resumed: boolean}} m @param {number} now */
  async #welcome(m, now) {
    this.#joined = true;
    this.#participant = m.participant;
    this.#admission.claim(m.participant, this.#self);
    this.#gossipAt ||= now + GOSSIP_MS;
    for (const given of [m.admit, m.grant]) await this.#own(given, true, now);
    const here = new Set(m.participants.map((p) => p.participant));
    for (const member of this.#members.values()) if (!member.outside && !here.has(member.participant)) await this.#gone(member, now);
    for (const p of m.participants) await this.#see(p, now);
    await this.#waiting(m.waiting ?? [], now);
    if (m.resumed) for (const r of this.#recipients) this.#again(r, now);
  }

  /** @param {{joined?: RosterEntry[], changed?: RosterEntry[], left?: {participant: number}[]}} m @param {number} now */
  async #roster(m, now) {
    for (const p of [...m.joined ?? [], ...m.changed ?? []]) {
      if (p.participant === this.#participant) for (const given of [p.admit, p.grant]) await this.#own(given, true, now);
      else await this.#see(p, now);
    }
    for (const { participant } of m.left ?? []) {
      const member = this.#members.get(participant);
      if (member) await this.#gone(member, now);
    }
  }

  /** @param {RosterEntry[]} hosts who may admit oneself @param {number} now */
  async #lobby(hosts, now) {
    if (this.#joined) return;
    for (const p of hosts) {
      const member = await this.#see(p, now);
      const may = member.creator || (member.credential && mayGive(member.credential.role) >= 0);
      if (may && member.announce && !member.greeted) this.#greet(member);
    }
  }

  /** @param {RosterEntry[]} waiting @param {number} now */
  async #waiting(waiting, now) {
    const here = new Set(waiting.map((w) => w.participant));
    for (const member of this.#members.values()) if (member.outside && !here.has(member.participant)) this.#members.delete(member.participant);
    for (const w of waiting) {
      if (this.#members.has(w.participant)) continue;
      const member = await this.#admission.member(w.participant, w.announce ?? '');
      member.outside = true;
      member.bot ||= w.kind === 'bot';
      this.#members.set(w.participant, member);
      await this.#release(w.participant, now);
    }
  }

  /** @param {RosterEntry} p somebody in the meeting, as the server shows them @param {number} now @returns {Promise<Member>} */
  async #see(p, now) {
    let member = this.#members.get(p.participant);
    const known = member !== undefined;
    member ??= await this.#admission.member(p.participant, p.announce ?? '');
    if (member.shown !== (p.announce ?? '')) member.announce = null; // another one for the same number: for good
    this.#members.set(p.participant, member);
    member.outside = false;
    member.bot ||= p.kind === 'bot';
    const back = p.connected !== false && !member.connected;
    member.connected = p.connected !== false;
    for (const given of [p.admit, p.grant]) await this.#credit(member, given, now);
    if (back && member.recipient) this.#again(member, now);
    if (!known) await this.#release(p.participant, now);
    if (this.#autoAdmit && member.announce && !member.admitted) {
      const blob = await this.issue(p.participant, 'participant', now);
      if (blob) await this.#spread(unbase64url(blob), p.participant, now);
    }
    return member;
  }

  /** @param {Member} member @param {string|Bytes|undefined} given @param {number} now */
  async #credit(member, given, now) {
    if (!member.announce || !given) return;
    member.credential = await this.#admission.better(member.announce, member.credential, given, now);
    member.admitted ||= member.credential !== null;
  }

  /** @param {string|Bytes|undefined} given @param {boolean} shown @param {number} now */
  async #own(given, shown, now) {
    const before = this.#credential;
    this.#credential = await this.#admission.better(this.#self, before, given, now);
    if (this.#credential === before) {
      if (shown && given === this.admit) this.#credentialShown = true;
      return;
    }
    this.#credentialShown = shown;
    if (!shown) for (const m of this.#members.values()) if (m.greeted) this.#introduce(m);
  }

  /** @param {Member} member @param {number} now */
  async #gone(member, now) {
    this.#members.delete(member.participant);
    this.keyring.forget(member.participant);
    this.#group.forget(member.participant);
    if (member.recipient) await this.sender.lost(member, now);
    member.recipient = false;
  }

  /** @param {Member} member @param {() => Message} message made when all of an event is known */
  #post(member, message) { this.#outbox.push({ member, message }); }

  /** @param {Member} member tells them by whose word we are here, if the server does not show it */
  #introduce(member) {
    const credential = this.#credential?.bytes;
    if (credential && !this.#credentialShown) this.#post(member, () => ({ type: 'credential', credential }));
  }

  /** @param {Member} member @param {number} now a connection was lost, theirs or ours, and what was on its way with it */
  #again(member, now) {
    this.#greet(member);
    this.sender.again(member, now);
  }

  /** @param {Member} member tells them who we are, and by whose word */
  #greet(member) {
    member.greeted = true;
    this.#introduce(member);
    this.#post(member, () => ({ type: 'name', name: this.#name }));
  }

  /** What follows from all that: who gets keys now and who no longer, what is due, what there is to send. @param {number} now */
  async #settle(now) {
    if (this.#joined) {
      await this.#recipientsNow(now);
      await this.#same.update([this.#self, ...this.#admittedOthers()].map((a) => a.hash), this.#members.values(), now);
      for (const m of this.#same.unsure(this.#members.values(), now)) this.#tellRoster(m, true);
      if (now >= this.#gossipAt) this.#gossip(now);
      if (this.#live || this.#group.waits) await this.sender.want(this.#recipients, now);
      await this.sender.tick(this.#recipients, this.#active, now);
      this.#out.push(...await this.#group.flush(now));
      this.keyring.sweep(now);
      this.#held = this.#held.filter((h) => h.until > now);
    }
    await this.#sealOutbox();
  }

  /** @returns {Announcement[]} */
  #admittedOthers() {
    return [...this.#members.values()].flatMap((m) => (m.announce && m.admitted && !m.outside ? [m.announce] : []));
  }

  /** @param {number} now */
  async #recipientsNow(now) {
    const newcomers = [];
    for (const m of this.#members.values()) {
      const wanted = m.wanted && this.#admitted;
      if (wanted && !m.recipient) newcomers.push(m);
      if (!wanted && m.recipient) await this.sender.lost(m, now);
      m.recipient = wanted;
    }
    for (const m of newcomers) if (!m.greeted) this.#greet(m);
    for (const m of newcomers) await this.#late(m, now);
    if (newcomers.length > 0) await this.sender.joined(newcomers, this.#recipients, this.#active, now);
    else if (this.#admitted && this.#active) await this.sender.want(this.#recipients, now);
  }

  /** @param {Member} member @param {number} now what they said before we knew that they are let in */
  async #late(member, now) {
    for (const { plain, until } of member.early.splice(0)) {
      if (until > now) await this.#message(member, plain, now).catch(() => { member.refused++; });
    }
  }

  /** @param {number} now one random other is told whom we see */
  #gossip(now) {
    this.#gossipAt = now + GOSSIP_MS;
    const all = this.#recipients;
    const one = all[crypto.getRandomValues(new Uint32Array(1))[0] % all.length];
    if (one) this.#tellRoster(one, false);
  }

  /** @param {Member} member @param {boolean} ask */
  #tellRoster(member, ask) { this.#post(member, () => ({ type: 'roster', hash: this.#same.hash, ask })); }

  async #sealOutbox() {
    const entries = [];
    for (const { member, message } of this.#outbox.splice(0)) {
      const channel = await this.#channel(member);
      if (channel) entries.push({ participant: member.participant, data: base64url(await channel.seal(encode(message()))) });
    }
    if (entries.length > 0) this.#out.push({ type: 'relay', to: entries });
  }

  /** @param {Member} member @returns {Promise<Channel|null>} */
  async #channel(member) {
    if (!member.announce) return null;
    member.channel ??= await Channel.to(this.#ek.privateKey, this.#self.hash, member.announce, this.#root).catch(() => null);
    return member.channel;
  }

  /** @param {number} from @param {string} data @param {number} now */
  async #relay(from, data, now) {
    const member = this.#members.get(from);
    if (!member) {
      if (this.#held.length < HOLD_ALL && this.#held.filter((h) => h.from === from).length < HOLD_EACH) this.#held.push({ from, data, until: now + HOLD_MS });
      return;
    }
    const channel = await this.#channel(member);
    try {
      const plain = channel && await channel.open(unbase64url(data));
      if (plain) await this.#message(member, plain, now);
      else member.refused++;
    } catch {
      member.refused++; // not what it should be, from somebody who has the keys
    }
  }

  /** @param {number} from @param {number} now what was held for somebody who is known now */
  async #release(from, now) {
    const mine = this.#held.filter((h) => h.from === from);
    this.#held = this.#held.filter((h) => h.from !== from);
    for (const h of mine) await this.#relay(from, h.data, now);
  }

  /** @param {Member} member @param {Bytes} plain @param {number} now */
  async #message(member, plain, now) {
    const m = parse(plain);
    if (m?.type === 'credential') return this.#credentialCame(m.credential, now);
    if (m?.type === 'name') {
      member.name = m.name;
    } else if (!member.admitted || member.outside) {
      // Their messages may be here before the word that they were let in.
      if (member.early.length < HOLD_EACH) member.early.push({ plain, until: now + HOLD_MS });
    } else if (m?.type === 'key') {
      this.#keyCame(member, m, now);
    } else if (m?.type === 'ack') {
      await this.sender.acked(member, m.gen, m.step, now);
    } else if (m?.type === 'consent') {
      if (m.state === 2 && member.bot) member.asks = m.what;
    } else if (m?.type === 'chat') {
      this.#out.push({ type: 'chat', from: member.participant, to: this.#participant, text: m.text, at: now });
    } else if (m?.type === 'app') {
      this.#out.push({ type: 'app', from: member.participant, to: this.#participant, text: m.text });
    } else if (m?.type === 'roster') {
      if (m.ask && this.#same.mayAnswer(member, now)) this.#tellRoster(member, false);
      this.#same.heard(member, m.hash, now);
    }
  }

  /** @param {Member} member @param {{gen: number, step: number, chain: Bytes, hash: Bytes}} m @param {number} now */
  #keyCame(member, { hash, ...chain }, now) {
    if (!member.announce) return;
    if (this.keyring.install(member.participant, member.announce.hash, chain)) this.#out.push({ type: 'keys', participant: member.participant });
    this.#post(member, () => ({ type: 'ack', gen: chain.gen, step: chain.step }));
    this.#same.heard(member, hash, now);
  }

  /** @param {Bytes} bytes of anybody's seat: the signatures say what it is worth @param {number} now */
  async #credentialCame(bytes, now) {
    const a = bytes.subarray(-96, -64);
    if (equal(a, this.#self.hash)) return this.#own(bytes.slice(), false, now);
    for (const m of this.#members.values()) if (m.announce && equal(m.announce.hash, a)) await this.#credit(m, bytes.slice(), now);
  }

  /** @param {Bytes} bytes @param {number} participant whose it is @param {number} now tells everybody of a credential we issued */
  async #spread(bytes, participant, now) {
    const subject = this.#members.get(participant);
    if (!subject) return;
    await this.#credit(subject, bytes, now);
    for (const m of this.#members.values()) if (m.announce && (m === subject || m.admitted)) this.#post(m, () => ({ type: 'credential', credential: bytes }));
  }

  /**
   * issue signs that somebody is admitted, or has another role. Only by a person's act.
   * @param {number} participant @param {string} role @param {number} now Unix ms @returns {Promise<string|null>} base64url; null when one may not, or theirs is not genuine
   */
  async issue(participant, role, now) {
    const to = this.#members.get(participant)?.announce;
    if (!to || !this.#admission.closed) return null;
    const bytes = await this.#admission.issue(this.#owner ?? this.#identity, this.#owner !== null, this.#credential, to, ROLES[role] ?? VIEWER, now);
    return bytes && base64url(bytes);
  }

  /** @param {'chat'|'app'} kind @param {number} to @param {string} text @param {number} now */
  #private(kind, to, text, now) {
    const member = this.#members.get(to);
    if (!member?.recipient || utf8(text).length > MAX_PRIVATE) {
      this.#out.push({ type: 'unsent', to });
      return;
    }
    this.#post(member, () => ({ type: kind, text }));
    if (kind === 'chat') this.#out.push({ type: 'chat', from: this.#participant, to, text, at: now });
  }

  /** @param {number} participant @param {boolean} given */
  #consent(participant, given) {
    const member = this.#members.get(participant);
    if (!member) return;
    member.consent = given;
    if (member.bot && member.admitted) this.#post(member, () => ({ type: 'consent', state: given ? 1 : 0, what: '' }));
  }

  /** @returns {Promise<View>} what there is to show */
  async view() {
    /** @param {Member} m @returns {'ok'|'invalid'|'outside'} */
    const status = (m) => (!m.announce ? 'invalid' : m.admitted ? 'ok' : 'outside');
    const people = [...this.#members.values()].map((m) => ({
      participant: m.participant, name: m.name, bot: m.bot, differs: m.differs, status: status(m),
      ik: m.announce ? base64url(m.announce.ik) : '', hears: m.recipient, asks: m.asks, consent: m.consent,
    }));
    return { code: this.#joined ? await this.#same.code() : '', admitted: this.#admitted, open: !this.#link.lobby, ready: this.sender.usable, people };
  }
}
