// Recorders and bots outside the group, as a member's seat has to do with them: they ask, the person agrees or takes that
// back, and they are given keys of what is live, and no more (docs/e2ee.md, section 14).
/** @import {Bytes} from './bytes.js' */
/** @import {Epoch} from './epoch.js' */
/** @import {Session} from './session.js' */
import { base64url, equal, unbase64url } from './bytes.js';
import { NONE, Reader } from './encoding.js';
import { BASE_KEY } from './gate.js';
import { TRACKS, writeKid } from './keyring.js';
import { MlsError } from './mls/errors.js';
import { ASK, VOICE, openAsk, openVoice, readVoice, sealKeys } from './outside.js';
import { mayBeHeard } from './rules.js';
import { deriveRaw } from './sframe.js';

/** Those outside who asked, at a time. */
const MAX_ASKED = 64;
/** One asks again after so long at the earliest. */
const ASK_MS = 10_000;
/** After an agreement was taken back, nothing is sent any more that its bot could open. */
const STOP_MS = 1000;
/** Where one with keys has gone, those who agreed commit in the order of their leaves: one of them is enough. */
const LEFT_TURN_MS = 50;
const LEFT_LONGEST_MS = 750;
/** Secrets of those outside that were taken: of each only one in an epoch. */
const MAX_VOICES = 256;

/**
 * @typedef {object} Asked one who asked
 * @property {Bytes} x what keys are sealed to @property {string} purpose
 * @property {boolean} asks the question is to be shown once it can be answered @property {number} shownAt
 * @property {boolean|null} agreed what the person decided; null: nothing yet
 * @property {boolean} said what everybody was told of it
 */

/** Those outside, of one seat. */
export class Outsiders {
  #s;
  /** @type {Map<string, Asked>} by key */
  #asked = new Map();
  /** own tracks that are live @type {number[]} */
  #live = [];
  /** the epoch whose keys were given @type {Epoch|null} */
  #told = null;
  /** when an agreement was taken back, and the last epoch of which that bot has keys @type {{at: number, until: bigint}|null} */
  #withdrawn = null;
  /** when one is to commit since one with keys has gone; Infinity for not at all */
  #leftAt = Infinity;
  /** oldest first @type {Set<string>} */
  #voices = new Set();

  /** @param {Session} session */
  constructor(session) {
    this.#s = session;
  }

  /** @param {string} key @returns {{asked: boolean, consent: boolean|null}} what the person decided of one outside */
  about(key) {
    const o = this.#asked.get(key);
    return { asked: o !== undefined, consent: o?.agreed ?? null };
  }

  /** @param {readonly string[]} sources that are live now */
  live(sources) {
    this.#live = Object.entries(TRACKS).flatMap(([source, track]) => (sources.includes(source) ? [track] : []));
    this.#told = null;
  }

  /** @param {string} key @param {boolean} given @param {number} now the person agrees, or does no longer */
  consent(key, given, now) {
    const o = this.#asked.get(key);
    if (!o) return;
    const took = o.agreed && !given;
    o.agreed = given;
    this.#told = null;
    if (took && this.#withdraw(now)) this.#leave();
  }

  /** @param {string} key whose last seat has ended @param {number} now one to whom the person agreed takes its keys along */
  gone(key, now) {
    if (!this.#asked.get(key)?.agreed || !this.#withdraw(now)) return;
    const leaf = this.#s.epoch?.group.leaf ?? 0;
    this.#leftAt = Math.min(this.#leftAt, now + Math.min(leaf * LEFT_TURN_MS, LEFT_LONGEST_MS));
  }

  /** @param {number} now @returns {boolean} of the epochs up to this one, a bot has keys that it should have no longer */
  #withdraw(now) {
    const { epoch } = this.#s;
    if (!epoch) return false;
    // Nothing puts off the end of an earlier agreement.
    const at = this.#withdrawn && epoch.number <= this.#withdrawn.until ? this.#withdrawn.at : now;
    this.#withdrawn = { at, until: epoch.number };
    return true;
  }

  /** has another epoch come, if it has not come already */
  #leave() {
    const { epoch, commits } = this.#s;
    if (epoch && this.overheard(epoch)) commits.want({ leaves: epoch.number });
  }

  /** @param {Epoch} epoch @returns {boolean} whether a bot has keys of it that it should have no longer */
  overheard(epoch) {
    return this.#withdrawn !== null && epoch.number <= this.#withdrawn.until;
  }

  /** @returns {number} when media ends, unless another epoch comes; Infinity for never */
  get stopAt() {
    const { epoch } = this.#s;
    return this.#withdrawn && epoch && this.overheard(epoch) ? this.#withdrawn.at + STOP_MS : Infinity;
  }

  /** @param {number} now @returns {number} */
  deadline(now) {
    return Math.min(this.#leftAt, this.stopAt > now ? this.stopAt : Infinity);
  }

  /**
   * take takes a relay of one who has no leaf.
   * @param {string} key whose @param {Bytes} data @returns {Promise<bigint|null>} an epoch that it has to wait for; throws
   *   for what they did not say
   */
  async take(key, data) {
    const s = this.#s;
    if (s.epoch?.members.has(key)) return null;
    const r = new Reader(data);
    r.u64();
    const [type, body] = [r.u8(), r.rest()];
    if (type === ASK) await this.#asks(key, body);
    return type === VOICE ? this.#hear(key, body) : null;
  }

  /** @param {string} key @param {Bytes} body */
  async #asks(key, body) {
    const { secrets, identity } = this.#s;
    const { x, purpose } = await openAsk(secrets, unbase64url(key), identity.ikPublic, body);
    const o = this.#asked.get(key) ?? this.#room(key);
    if (!o) return;
    if (!equal(o.x, x)) this.#told = null; // it is there anew
    Object.assign(o, { x, purpose, asks: true });
  }

  /** @param {string} key @returns {Asked|null} null where there is no room. Those who are gone make room */
  #room(key) {
    if (this.#asked.size >= MAX_ASKED) {
      for (const k of this.#asked.keys()) if (!this.#s.roster.number(k)) this.#asked.delete(k);
    }
    if (this.#asked.size >= MAX_ASKED) return null;
    const o = { x: NONE, purpose: '', asks: false, shownAt: -Infinity, agreed: null, said: false };
    this.#asked.set(key, o);
    return o;
  }

  /** @param {string} key @param {Bytes} body @returns {Promise<bigint|null>} */
  async #hear(key, body) {
    const s = this.#s;
    const v = readVoice(body);
    const epoch = s.epochOf(v.epoch);
    if (!epoch) return v.epoch;
    const from = unbase64url(key);
    const id = `${v.epoch} ${key}`;
    if (!equal(v.groupId, epoch.groupId) || this.#voices.has(id)) return null;
    if (!(await mayBeHeard(epoch.group, s.secrets, s.found, from, v.admission))) return null;
    const { confirmedTranscriptHash } = epoch.group.context;
    const { group } = epoch;
    const base = await openVoice(s.secrets, from, confirmedTranscriptHash, v, (...sealed) =>
      group.openExternal(...sealed),
    );
    this.#voices.add(id);
    if (this.#voices.size > MAX_VOICES) this.#voices.delete(/** @type {string} */ (this.#voices.values().next().value));
    s.out.push({ type: 'media', order: { order: 'outside', epoch: v.epoch, number: v.number, owner: key, base } });
    return null;
  }

  /** @param {number} now shows questions, tells everybody what was decided, and gives keys to those who may hear */
  async settle(now) {
    const s = this.#s;
    const { epoch } = s;
    if (now >= this.#leftAt) {
      this.#leftAt = Infinity;
      this.#leave();
    }
    if (!epoch || !s.gate.ready(now)) return;
    const tell = this.#told !== epoch;
    this.#told = epoch;
    for (const [key, o] of this.#asked) {
      const participant = s.roster.number(key);
      if (!participant || epoch.members.has(key)) continue;
      if (o.asks && now >= o.shownAt + ASK_MS) {
        o.shownAt = now;
        if (!o.agreed) s.out.push({ type: 'asked', key, participant, what: o.purpose });
      }
      o.asks = false;
      const agreed = o.agreed === true;
      if (agreed !== o.said) {
        o.said = agreed;
        await s.speech.say(epoch, { type: 'consent', given: agreed, bot: unbase64url(key) });
      }
      if (tell && agreed) await this.#give(epoch, participant, { ik: unbase64url(key), x: o.x });
    }
  }

  /** @param {Epoch} epoch @param {number} participant @param {{ik: Bytes, x: Bytes}} to the keys of what is live */
  async #give({ group, groupId, number, self }, participant, to) {
    const base = await group.exportSecret(BASE_KEY, NONE, 16);
    const bits = Number(number % 1024n);
    const kids = this.#live.map((context) => writeKid({ context, sender: self.leaf, bits }));
    const given = {
      groupId,
      epoch: number,
      confirmed: group.context.confirmedTranscriptHash,
      externalPub: await group.externalPub(),
      admission: self.seat.admission,
      keys: await Promise.all(kids.map((kid) => deriveRaw(kid, base))),
    };
    base.fill(0);
    try {
      const data = await sealKeys(this.#s.secrets, this.#s.identity, to, given);
      this.#s.out.push({ type: 'send', what: 'relay', fields: { to: [{ participant, data: base64url(data) }] } });
    } catch (err) {
      if (!(err instanceof MlsError)) throw err; // a key that nothing can be sealed to
    }
    for (const { key, salt } of given.keys) [key, salt].forEach((b) => b.fill(0));
  }
}
