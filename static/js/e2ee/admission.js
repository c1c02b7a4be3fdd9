// Who is let in, and by whose word (docs/e2ee.md, sections 4 and 5): announcements that are genuine and were not here under another
// number, and credentials that lead back to the creator.
/** @import {Bytes} from './bytes.js' */
/** @import {Announcement, Identity} from './announce.js' */
/** @import {Credential} from './credential.js' */
/** @import {Link, LinkKeys} from './link.js' */
import { equal, hex, unbase64url } from './bytes.js';
import { readAnnounce } from './announce.js';
import { fingerprint } from './link.js';
import * as credential from './credential.js';
import { Member } from './member.js';

/** Seats a meeting may see in its life; more are not let in. */
const MAX_SEATS = 20_000;

/** Checks announcements and credentials for one meeting. */
export class Admission {
  #meeting;
  #link;
  #keys;
  /** announce hashes, by whom they were first shown for @type {Map<string, number>} */
  #known = new Map();

  /** @param {string} meeting @param {Link} link @param {LinkKeys} keys */
  constructor(meeting, link, keys) {
    this.#meeting = meeting;
    this.#link = link;
    this.#keys = keys;
  }

  /** @returns {boolean} whether only admitted people get keys */
  get closed() { return this.#link.lobby; }

  /**
   * @param {number} participant @param {string} shown @returns {Promise<Member>} without announcement when it is not genuine or not theirs
   */
  async member(participant, shown) {
    const member = new Member(participant, shown);
    let announce = null;
    try {
      announce = await readAnnounce(unbase64url(shown), this.#keys, this.#meeting);
    } catch {
      // not base64url: not genuine
    }
    if (!announce || !this.claim(participant, announce)) return member;
    member.announce = announce;
    member.bot = announce.bot;
    member.creator = equal(await fingerprint(announce.ik), this.#link.c);
    member.admitted = !this.closed || member.creator;
    return member;
  }

  /** @param {number} participant @param {Announcement} announce @returns {boolean} false when it was somebody else's */
  claim(participant, announce) {
    const mark = hex(announce.hash);
    if ((this.#known.get(mark) ?? participant) !== participant || this.#known.size >= MAX_SEATS) return false;
    this.#known.set(mark, participant);
    return true;
  }

  /**
   * better says which of two credentials counts: the newest that is valid.
   * @param {{ik: Bytes, hash: Bytes}} who @param {Credential|null} before @param {string|Bytes|undefined} given @param {number} now Unix ms
   * @returns {Promise<Credential|null>}
   */
  async better(who, before, given, now) {
    if (!given || !this.closed) return before;
    let bytes;
    try {
      bytes = typeof given === 'string' ? unbase64url(given) : given;
    } catch {
      return before;
    }
    if (before && equal(before.bytes, bytes)) return before;
    const found = await credential.check(bytes, who, this.#link.c, this.#meeting, now);
    return found && (!before || found.issued > before.issued) ? found : before;
  }

  /**
   * @param {Identity} issuer @param {boolean} creator @param {Credential|null} own the issuer's @param {Announcement} to @param {number} role @param {number} now Unix ms
   * @returns {Promise<Bytes|null>} null when the issuer may not
   */
  async issue(issuer, creator, own, to, role, now) {
    const power = creator ? credential.HOST : own?.role ?? -1;
    if (role > credential.mayGive(power)) return null;
    return credential.issue(issuer, creator ? null : own?.bytes ?? null, to, role, this.#meeting, now);
  }
}
