// Do all see the same people? Compares roster hashes, and makes the meeting code (docs/e2ee.md, sections 10 and 11).
/** @import {Bytes} from './bytes.js' */
/** @import {Member} from './member.js' */
import { equal } from './bytes.js';
import { meetingCode, rosterHash } from './roster.js';

/** Rosters change here and there at slightly different moments. */
const SLACK_MS = 5000;
/**
 * While the roster changes, or a member that is held up does not answer, it is not known who is behind; but no server can put the
 * answer off for longer by changing the one or keeping back the other for ever.
 */
const RESTLESS_MS = 30_000;
/** While in doubt a member is asked again this often, and answers no more often than that. */
const ASK_MS = 2000;
const ANSWER_MS = 1000;
/** Hashes kept; more changes within the slack make a doubt last a little longer. */
const PAST = 64;

/** What one sees of the roster, as a hash, now and in the last moments. */
export class Sameness {
  #root;
  /** @type {Bytes[]} */
  #hashes = [];
  /** newest last @type {{hash: Bytes, until: number}[]} until: Infinity for the present one */
  #past = [];
  #code = '';
  #changedAt = 0;
  hash = new Uint8Array(16);

  /** @param {Bytes} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {Bytes[]} hashes announce hashes of all admitted @param {Iterable<Member>} members @param {number} now */
  async update(hashes, members, now) {
    const next = await rosterHash(hashes, this.#root);
    if (!equal(next, this.hash) || this.#past.length === 0) {
      const last = this.#past.at(-1);
      if (last) last.until = now + SLACK_MS;
      this.#past.push({ hash: next, until: Infinity });
      if (this.#past.length > PAST) this.#past.shift();
      this.hash = next;
      this.#hashes = hashes;
      this.#changedAt = now;
      this.#code = '';
    }
    this.#past = this.#past.filter((p) => p.until > now);
    for (const m of members) this.#look(m, now);
  }

  /** @param {Member} m @param {number} now */
  #look(m, now) {
    const { doubt } = m;
    if (!doubt) return;
    if (this.#past.some((p) => equal(p.hash, doubt.hash))) {
      m.doubt = null;
      m.differs = false;
    } else if (now >= this.#until(doubt)) {
      m.differs = true;
    }
  }

  /** @param {{since: number, heardAt: number}} doubt @returns {number} when it is one no longer, but known: they said so again, late enough */
  #until({ since, heardAt }) {
    const rested = Math.max(since, this.#changedAt) + SLACK_MS;
    const latest = since + RESTLESS_MS;
    return heardAt >= rested ? Math.min(heardAt, latest) : latest;
  }

  /** @param {Member} m @param {Bytes} hash what they say they see @param {number} now */
  heard(m, hash, now) {
    m.doubt = { hash, since: m.doubt?.since ?? now, heardAt: now, askAt: m.doubt?.askAt ?? now + ASK_MS };
    this.#look(m, now);
  }

  /** @param {Iterable<Member>} members @param {number} now @returns {Member[]} who is to be asked what they see now */
  unsure(members, now) {
    const out = [];
    for (const m of members) {
      if (!m.doubt || now < m.doubt.askAt) continue;
      m.doubt.askAt = now + ASK_MS;
      out.push(m);
    }
    return out;
  }

  /** @param {Member} m @param {number} now @returns {boolean} */
  mayAnswer(m, now) {
    if (now < m.answeredAt + ANSWER_MS) return false;
    m.answeredAt = now;
    return true;
  }

  /** @param {Iterable<Member>} members @returns {number} */
  deadline(members) {
    let at = Infinity;
    for (const m of members) if (m.doubt) at = Math.min(at, m.differs ? Infinity : this.#until(m.doubt), m.doubt.askAt);
    return at;
  }

  /** @returns {Promise<string>} */
  async code() {
    this.#code ||= await meetingCode(this.#hashes, this.#root);
    return this.#code;
  }
}
