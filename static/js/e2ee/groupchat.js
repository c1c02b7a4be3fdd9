// What is said to all: waits for a usable key on the way out, and a moment for the key of who said it on the way in.
/** @import {Announcement, Identity} from './announce.js' */
/** @import {Member} from './member.js' */
/** @import {Keyring} from './keyring.js' */
/** @import {SendKey, Sender} from './sender.js' */
/** @import {Broadcast, Output} from './types.js' */
/** @import {GroupKind} from './group.js' */
import { base64url, unbase64url } from './bytes.js';
import { TRACKS, readKid } from './chain.js';
import { openGroup, sealGroup } from './group.js';
import { ReplayWindow } from './replay.js';
import { parseHeader } from './sframe.js';

const HOLD_MS = 5000;
const HOLD_EACH = 32;
/** What waits to be sent, and what was sent and has not come back. */
const MAX_OWN = 32;
/** Windows kept of one sender: those of its last keys. */
const MAX_WINDOWS = 8;

/** Group chat and reactions. */
export class Group {
  #o;
  /** @type {{kind: GroupKind, text: string}[]} */
  #waiting = [];
  /** what was said, by the data it travels in: it comes back with the server's time @type {Map<string, string>} */
  #sent = new Map();
  /** @type {{m: Broadcast, member: Member, until: number}[]} */
  #held = [];
  /** @type {Map<number, Map<bigint, ReplayWindow>>} */
  #windows = new Map();
  /** @type {Output[]} */
  #out = [];

  /** @param {{meeting: string, identity: Identity, self: Announcement, sender: Sender, keyring: Keyring}} o */
  constructor(o) {
    this.#o = o;
  }

  /** @returns {boolean} whether something waits for a key */
  get waits() { return this.#waiting.length > 0; }

  /** @param {GroupKind} kind @param {string} text @param {number} _now */
  say(kind, text, _now) {
    if (this.#waiting.length < MAX_OWN) this.#waiting.push({ kind, text });
    else this.#out.push({ type: 'unsent', to: 0 });
  }

  /** @param {number} participant */
  forget(participant) {
    this.#windows.delete(participant);
    this.#held = this.#held.filter((h) => h.m.from !== participant);
  }

  /** @param {number} now @returns {Promise<Output[]>} sends what may be sent, and opens what was held */
  async flush(now) {
    const key = this.#o.sender.key(TRACKS.data);
    for (const { kind, text } of key ? this.#waiting.splice(0) : []) await this.#seal(/** @type {SendKey} */ (key), kind, text);
    const held = this.#held.splice(0);
    for (const { m, member, until } of held) if (until > now) await this.#open(m, member, until, now);
    return this.#out.splice(0);
  }

  /** @param {SendKey} key @param {GroupKind} kind @param {string} text */
  async #seal(key, kind, text) {
    const { meeting, identity, self } = this.#o;
    const data = base64url(await sealGroup(identity, self.hash, key.key, key.next++, meeting, kind, text));
    if (this.#sent.size >= MAX_OWN) this.#sent.delete(/** @type {string} */ (this.#sent.keys().next().value));
    this.#sent.set(data, text);
    this.#out.push({ type: 'broadcast', kind, data });
  }

  /** @param {Broadcast} m @param {Member|undefined} member @param {boolean} own @param {number} now */
  async receive(m, member, own, now) {
    if (own) {
      const text = this.#sent.get(m.data);
      if (text === undefined) return;
      this.#sent.delete(m.data);
      this.#tell(m, text);
    } else if (member?.announce && member.admitted) {
      await this.#open(m, member, now + HOLD_MS, now);
    }
  }

  /** @param {Broadcast} m @param {string} text */
  #tell(m, text) {
    if (m.kind === 'app') this.#out.push({ type: 'app', from: m.from, text });
    else this.#out.push(m.kind === 'chat' ? { type: 'chat', from: m.from, text, at: Date.parse(m.at) } : { type: 'reaction', from: m.from, reaction: text });
  }

  /** @param {Broadcast} m @param {Member} member @param {number} until @param {number} now */
  async #open(m, member, until, now) {
    const { keyring, meeting } = this.#o;
    try {
      const data = unbase64url(m.data);
      const header = parseHeader(data);
      if (!header || !member.announce || readKid(header.kid)?.track !== TRACKS.data) return;
      const key = await keyring.key(m.from, header.kid);
      if (!key) {
        if (this.#held.filter((h) => h.m.from === m.from).length < HOLD_EACH) this.#held.push({ m, member, until });
        return;
      }
      const seen = this.#window(m.from, header.kid);
      if (!seen.fresh(header.ctr)) return;
      const text = await openGroup(member.announce, key.key, header, data, meeting, m.kind);
      seen.take(header.ctr);
      keyring.opened(m.from, key, header.ctr, now);
      this.#tell(m, text);
    } catch {
      member.refused++;
    }
  }

  /** @param {number} from @param {bigint} kid @returns {ReplayWindow} */
  #window(from, kid) {
    const mine = this.#windows.get(from) ?? new Map();
    this.#windows.set(from, mine);
    const window = mine.get(kid) ?? new ReplayWindow();
    mine.set(kid, window);
    if (mine.size > MAX_WINDOWS) mine.delete(mine.keys().next().value);
    return window;
  }
}
