// What members say to each other: chat, reactions, heartbeats and confirmations to all; private messages to one; numbers
// to compare (docs/e2ee.md, sections 9, 11, 12 and 15).
/** @import {Bytes} from './bytes.js' */
/** @import {Epoch} from './epoch.js' */
/** @import {Message} from './talk.js' */
/** @import {Session} from './session.js' */
/** @import {Broadcast, Event} from './types.js' */
import { base64url, unbase64url, utf8 } from './bytes.js';
import { pairNumber, safetyNumber } from './codes.js';
import { NONE } from './encoding.js';
import { MlsError } from './mls/errors.js';
import { WIRE, decodeMessage } from './mls/messages.js';
import { MARK } from './outside.js';
import { MAX_PRIVATE, epochOf, openPrivate, sealPrivate } from './private.js';
import { Rates, classOf, encodeTalk, parseTalk } from './talk.js';

/** What waits to be sent, and what was sent and has not come back. */
const MAX_OWN = 32;
/** Messages of an epoch that isn't here yet: kept how long, how many of one, how many in all. */
const HOLD_MS = 5000;
const HOLD_EACH = 64;
const HOLD_ALL = 1024;
/** Epochs whose numbers can still be compared. */
const NUMBERS = 16;
/** How long a number is shown. */
const COMPARE_MS = 300_000;
/** Own epochs whose private messages still open. */
const PRIVATE_EPOCHS = 3;

/** @typedef {Extract<Message, {text: string}>['type']} Kind */
/** @typedef {{from: number, until: number, open: (now: number) => Promise<void>}} Held */

/** Which kind of `broadcast` a message travels in. @param {Message['type']} type @returns {string} */
const kindOf = (type) => (type === 'chat' || type === 'reaction' || type === 'app' ? type : 'group');

/** What one seat says and hears. */
export class Speech {
  #s;
  #rates = new Rates();
  /** @type {Message[]} */
  #queue = [];
  /** what was said, by the data it travels in: it comes back with the server's time @type {Map<string, Message>} */
  #sent = new Map();
  /** @type {Held[]} */
  #held = [];
  /** newest last @type {{epoch: bigint, authenticator: Bytes, groupId: Bytes, people: string[]}[]} */
  #numbers = [];
  #shownUntil = -Infinity;
  #here = false;

  /** @param {Session} session */
  constructor(session) {
    this.#s = session;
  }

  /** @param {Epoch} epoch @param {boolean} vouches whether one confirms it to who is new in it */
  async entered(epoch, vouches) {
    const { groupId, number } = epoch;
    const people = [...epoch.members.keys()];
    if ((this.#numbers.at(-1)?.epoch ?? -1n) >= number) {
      this.#numbers = []; // another group than before
      this.#shownUntil = -Infinity;
    }
    this.#numbers.push({ epoch: number, authenticator: epoch.group.authenticator, groupId, people });
    this.#numbers.splice(0, this.#numbers.length - NUMBERS);
    if (vouches) this.#here = true;
  }

  /** @param {Event} event @param {number} now */
  async take(event, now) {
    switch (event.type) {
      case 'broadcast':
        return this.#broadcast(event, now + HOLD_MS, now);
      case 'relays':
        for (const { from, data } of event.relays) await this.#relay(from, data, now + HOLD_MS, now);
        return undefined;
      case 'say':
        if (this.#queue.length < MAX_OWN) this.#queue.push({ type: event.kind, text: event.text });
        else this.#s.out.push({ type: 'unsent', to: 0 });
        return undefined;
      case 'private':
        return this.#private(event, now);
      case 'pair':
        return this.#pair(event.key);
      case 'compare':
        return this.#compare();
      default:
        return undefined;
    }
  }

  /** @param {number} now opens what was held, and sends what may be sent */
  async settle(now) {
    const held = this.#held.splice(0);
    for (const h of held) if (h.until > now) await h.open(now);
    const { epoch } = this.#s;
    if (!epoch || epoch.number === 0n || this.#s.stuck || !this.#s.confirmed) return;
    if (this.#here) {
      this.#here = false;
      await this.say(epoch, { type: 'here' });
    }
    if (this.#s.beats.due(epoch, now)) {
      await this.say(epoch, { type: 'beat', epoch: epoch.number, position: BigInt(this.#s.position) });
    }
    if (this.#s.gate.open(now)) for (const m of this.#queue.splice(0)) await this.say(epoch, m);
  }

  /** @param {number} now @returns {number} */
  deadline(now) {
    return Math.min(Infinity, ...this.#held.map((h) => Math.max(h.until, now)));
  }

  /** @param {Epoch} epoch @param {Message} m */
  async say(epoch, m) {
    const plain = encodeTalk(m);
    const data = base64url(await epoch.group.seal(plain, NONE, classOf(plain.length) - plain.length));
    if (this.#sent.size >= MAX_OWN) this.#sent.delete(/** @type {string} */ (this.#sent.keys().next().value));
    this.#sent.set(data, m);
    this.#s.out.push({ type: 'send', what: 'broadcast', fields: { kind: kindOf(m.type), data }, about: m.type });
  }

  /** @param {Broadcast} b @param {number} until @param {number} now @returns {Promise<void>} */
  async #broadcast(b, until, now) {
    const own = this.#sent.get(b.data);
    if (own) {
      this.#sent.delete(b.data);
      return this.#said(own, this.#s.key, b, this.#s.epoch?.number ?? 0n, now);
    }
    if (until === now + HOLD_MS && !this.#rates.take(`b${b.from}`, now)) return undefined;
    return this.#open(b, until, now);
  }

  /** @param {Broadcast} b @param {number} until @param {number} now @returns {Promise<void>} */
  async #open(b, until, now) {
    try {
      const bytes = unbase64url(b.data);
      const outer = decodeMessage(bytes);
      if (outer.wireFormat !== WIRE.private) return;
      const epoch = this.#s.epochOf(outer.message.epoch);
      if (!epoch) return this.#hold(b.from, outer.message.epoch, until, (at) => this.#broadcast(b, until, at));
      const received = await epoch.group.open(bytes);
      const { sender } = received;
      if (received.kind !== 'application' || sender.type !== 1 || !received.data) return;
      const member = epoch.leaves.get(sender.leaf);
      if (!member) return;
      this.#s.heard(epoch, member.key, now);
      const m = parseTalk(received.data);
      if (m && kindOf(m.type) === b.kind) await this.#said(m, member.key, b, epoch.number, now);
    } catch (err) {
      if (!isBad(err)) throw err;
    }
  }

  /** @param {number} from @param {bigint} number @param {number} until @param {Held['open']} open */
  #hold(from, number, until, open) {
    const { epoch } = this.#s;
    if ((epoch && number < epoch.number) || this.#held.length >= HOLD_ALL) return;
    if (this.#held.filter((h) => h.from === from).length >= HOLD_EACH) return;
    this.#held.push({ from, until, open });
    if (epoch) this.#s.asks(); // who is not in yet has no log to ask for
  }

  /** @param {Message} m @param {string} key whose @param {Broadcast} b @param {bigint} epoch @param {number} now */
  async #said(m, key, b, epoch, now) {
    const { out } = this.#s;
    const from = key === this.#s.key ? this.#s.participant : this.#s.roster.number(key);
    if (m.type === 'chat') out.push({ type: 'chat', from, key, text: m.text, at: Date.parse(b.at) });
    else if (m.type === 'app') out.push({ type: 'app', from, key, text: m.text });
    else if (m.type === 'reaction') out.push({ type: 'reaction', from, key, reaction: m.text });
    else if (m.type === 'compare' && m.epoch <= epoch) await this.#show(key, m.epoch, now);
    if (m.type === 'beat' && m.position > BigInt(this.#s.position)) this.#s.asks();
  }

  /** @param {{kind: 'chat'|'app', to: number, text: string}} event @param {number} now */
  async #private({ kind, to, text }, now) {
    const s = this.#s;
    const { epoch } = s;
    const member = epoch?.members.get(s.roster.key(to));
    if (!epoch || !member || member === epoch.self || !s.gate.open(now) || utf8(text).length > MAX_PRIVATE) {
      s.out.push({ type: 'unsent', to });
      return;
    }
    const counter = (epoch.sent.get(member.key) ?? 0) + 1;
    epoch.sent.set(member.key, counter);
    const data = await sealPrivate(this.#under(epoch), s.identity, member, { kind, counter, text });
    s.out.push({ type: 'send', what: 'relay', fields: { to: [{ participant: to, data: base64url(data) }] } });
    if (kind === 'chat') s.out.push({ type: 'chat', from: s.participant, key: s.key, to, text, at: 0 });
  }

  /** @param {Epoch} epoch @returns {import('./private.js').Under} */
  #under = (epoch) => ({
    groupId: epoch.groupId,
    epoch: epoch.number,
    key: epoch.exported,
    hpke: this.#s.secrets.hpke,
  });

  /** @param {number} from @param {string} data @param {number} until @param {number} now @returns {Promise<void>} */
  async #relay(from, data, until, now) {
    const s = this.#s;
    if (until === now + HOLD_MS && !this.#rates.take(`r${from}`, now)) return;
    try {
      const bytes = unbase64url(data);
      const number = epochOf(bytes);
      const key = s.roster.key(from);
      // It may be here before the word who that is: the roster gathers what changed, a relay does not wait.
      if (!key) {
        return this.#hold(from, s.epoch?.number ?? 0n, until, (at) => this.#relay(from, data, until, at));
      }
      if (number === MARK) {
        const awaited = await s.outsiders.take(key, bytes);
        if (awaited !== null) this.#hold(from, awaited, until, (at) => this.#relay(from, data, until, at));
        return;
      }
      const epoch = s.epochOf(number);
      const recent = [s.epoch, ...s.old.map((o) => o.epoch)].slice(0, PRIVATE_EPOCHS);
      if (!epoch) return this.#hold(from, number, until, (at) => this.#relay(from, data, until, at));
      const member = epoch.members.get(key);
      if (!member || !recent.includes(epoch)) return;
      const inner = await openPrivate(this.#under(epoch), s.identity.ikPublic, epoch.leafKey, member.ik, bytes);
      if (!inner || inner.counter <= (epoch.received.get(member.key) ?? 0)) return;
      epoch.received.set(member.key, inner.counter);
      const { text, kind } = inner;
      const said = { from, key: member.key, to: s.participant, text };
      s.out.push(kind === 'chat' ? { type: 'chat', ...said, at: 0 } : { type: 'app', ...said });
    } catch (err) {
      if (!isBad(err)) throw err;
    }
  }

  /** @param {string} key */
  async #pair(key) {
    const member = this.#s.epoch?.members.get(key);
    if (!member) return;
    const number = await pairNumber(this.#s.identity.ikPublic, member.ik);
    this.#s.out.push({ type: 'number', key, number });
  }

  async #compare() {
    const { epoch } = this.#s;
    if (!epoch || epoch.number === 0n || !this.#s.confirmed) return;
    await this.say(epoch, { type: 'compare', epoch: epoch.number });
  }

  /**
   * show shows the number and the people of an epoch, to be compared. No one else replaces one that is shown: it may be
   * being read, and costs as much as a password check.
   * @param {string} by a key @param {bigint} epoch @param {number} now
   */
  async #show(by, epoch, now) {
    const n = this.#numbers.find((x) => x.epoch === epoch);
    if (!n || (by !== this.#s.key && now < this.#shownUntil)) return;
    this.#shownUntil = now + COMPARE_MS;
    const number = await safetyNumber(n.authenticator, n.groupId, n.epoch);
    this.#s.out.push({ type: 'compare', by, epoch: String(epoch), number, people: n.people, ms: COMPARE_MS });
  }
}

/** @param {unknown} err @returns {boolean} whether a message caused it, and not a mistake of ours */
const isBad = (err) =>
  err instanceof MlsError || err instanceof TypeError || err instanceof RangeError || err instanceof DOMException;
