// What hosts do, and who takes over from them: roles, removals, the waiting room, heirs (docs/e2ee.md, sections 8 and
// 10). All of it becomes commits.
/** @import {Bytes} from './bytes.js' */
/** @import {Epoch, Member} from './epoch.js' */
/** @import {Grant, Meeting} from './policy.js' */
/** @import {Identity} from './seat.js' */
/** @import {Session} from './session.js' */
/** @import {Event} from './types.js' */
import { base64url, equal, unbase64url } from './bytes.js';
import { HEIR, MAX_HEIRS, MAX_REVOKED, grant, has, sameGrant, withGrant } from './policy.js';
import { heirsOf } from './rules.js';
import { COHOST, HOST, PARTICIPANT, admit, writeAdmission } from './seat.js';
import { ROLES } from './view.js';

/** Heirs wait so long without any host, and so much longer for each place in the order. */
const HOSTLESS_MS = 60_000;
const PLACE_MS = 15_000;
/** Before a host's client names heirs. */
const HEIRS_MS = 5000;

/** The part of a seat that acts as host, or becomes one. */
export class Stewardship {
  #s;
  /** since when no host has a leaf; Infinity while one has */
  #hostlessAt = Infinity;
  /** since when too few could take over; Infinity while there are enough */
  #heirsAt = Infinity;
  #promoting = false;
  /** leaves whose removal one has asked for @type {Set<number>} */
  #asked = new Set();

  /** @param {Session} session */
  constructor(session) {
    this.#s = session;
  }

  /** @returns {Identity} who signs what one grants: the room's key, where one has it */
  get #issuer() {
    return this.#s.owner ?? this.#s.identity;
  }

  /** @param {Meeting} first @param {Bytes} groupId @returns {Promise<Meeting>} with the owner of a room as host by their device's key */
  async firstMeeting(first, groupId) {
    const { owner, identity } = this.#s;
    if (!owner || owner === identity) return first;
    return withGrant(first, await grant(owner, groupId, identity.ikPublic, HOST));
  }

  /** @param {Event} event @returns {Promise<boolean>} whether it was for this part */
  async take(event) {
    const { commits } = this.#s;
    switch (event.type) {
      case 'admit':
        await this.#admit(event.participants);
        return true;
      case 'role': {
        const role = ROLES.indexOf(event.role);
        const key = unbase64url(event.key);
        commits.want({ change: (m, { context }) => this.#withRole(m, context.groupId, key, role) });
        return true;
      }
      case 'remove': {
        const keys = event.keys.map((k) => unbase64url(k));
        const change = (/** @type {Meeting} */ m) => this.#revoke(m, keys, Boolean(event.lock));
        commits.want({ removes: event.keys, change });
        return true;
      }
      case 'policy':
        commits.want({ change: async (m) => (m.lobby === event.lobby ? null : { ...m, lobby: event.lobby }) });
        return true;
      default:
        return false;
    }
  }

  /** @param {number[]} participants */
  async #admit(participants) {
    const list = [];
    const { epoch } = this.#s;
    for (const participant of participants) {
      const w = this.#s.waiting.find((x) => x.participant === participant);
      if (!w || !epoch || epoch.self.role < COHOST) continue;
      const { groupId, meeting } = epoch;
      if (has(meeting.revoked, unbase64url(w.key))) continue; // who was removed stays out under this key
      const by = this.#s.identity;
      const a = meeting.lobby ? await admit(by, groupId, unbase64url(w.key), PARTICIPANT) : null;
      list.push({ participant, admit: a ? base64url(writeAdmission(a)) : 'AA' });
    }
    this.#s.out.push({ type: 'admissions', list, missing: participants.length - list.length });
  }

  /**
   * @param {Meeting} m @param {Bytes} groupId @param {Bytes} key @param {number} role
   * @returns {Promise<Meeting|null>}
   */
  async #withRole(m, groupId, key, role) {
    const before = m.roles.find((g) => equal(g.key, key));
    if ((before?.role ?? PARTICIPANT) === role) return null;
    const heirs = m.heirs.filter((h) => !equal(h.key, key));
    const others = m.roles.filter((g) => !equal(g.key, key));
    const roles = role === PARTICIPANT ? others : [...others, await grant(this.#issuer, groupId, key, role)];
    const changed = { ...m, roles, heirs };
    return before?.role === HOST ? this.#reissued(changed, groupId, key) : changed;
  }

  /**
   * @param {Meeting} m @param {Bytes} groupId @param {Bytes} gone who is host no longer @returns {Promise<Meeting>} in which
   *   what they granted is granted by oneself
   */
  async #reissued(m, groupId, gone) {
    const again = (/** @type {Grant} */ g) => (equal(g.issuer, gone) ? grant(this.#issuer, groupId, g.key, g.role) : g);
    return { ...m, roles: await Promise.all(m.roles.map(again)), heirs: await Promise.all(m.heirs.map(again)) };
  }

  /** @param {Meeting} m @param {Bytes[]} keys @param {boolean} lock @returns {Promise<Meeting|null>} */
  async #revoke(m, keys, lock) {
    const fresh = keys.filter((k) => !has(m.revoked, k));
    if (fresh.length === 0 && (!lock || m.lobby)) return null;
    const room = MAX_REVOKED - m.revoked.length; // none is forgotten: where there is no room, the meeting is locked
    const revoked = [...m.revoked, ...fresh.slice(0, room)];
    let changed = { ...m, revoked, lobby: m.lobby || lock || fresh.length > room };
    const { epoch } = this.#s;
    if (epoch?.self.role !== HOST) return changed;
    for (const key of fresh) changed = (await this.#withRole(changed, epoch.groupId, key, PARTICIPANT)) ?? changed;
    return { ...changed, heirs: changed.heirs.filter((h) => !has(fresh, h.key)) };
  }

  /** @param {Epoch} epoch @param {Epoch|null} before @param {number} now */
  async entered(epoch, before, now) {
    this.#asked.clear();
    const hostless = epoch.number > 0n && epoch.hosts.length === 0;
    this.#hostlessAt = hostless ? Math.min(this.#hostlessAt, now) : Infinity;
    if (!hostless) this.#promoting = false;
    const lacks = epoch.number > 0n && this.#namesHeirs(epoch) && this.#candidates(epoch).length > 0;
    this.#heirsAt = lacks ? Math.min(this.#heirsAt, now + HEIRS_MS) : Infinity;
    for (const m of before ? epoch.hosts : []) {
      const was = before?.members.get(m.key);
      const own = epoch.meeting.roles.find((g) => equal(g.key, m.ik));
      const succeeded = own && own.signed !== HOST && !before?.meeting.roles.some((g) => sameGrant(g, own));
      if (was && was.role < HOST && succeeded) this.#s.out.push({ type: 'promoted', key: m.key });
    }
  }

  /** @param {Epoch} epoch @returns {boolean} whether one is the host whose client names heirs */
  #namesHeirs(epoch) {
    const first = Math.min(...epoch.hosts.map((m) => m.leaf));
    return epoch.self.role === HOST && epoch.self.leaf === first;
  }

  /** @param {Epoch} epoch @returns {Member[]} who could be heirs beside those who are, as far as more are needed */
  #candidates(epoch) {
    const heirs = heirsOf(epoch.meeting).map((g) => g.key);
    const all = [...epoch.members.values()].sort((a, b) => a.leaf - b.leaf);
    const here = all.filter((m) => has(heirs, m.ik)).length;
    const could = all.filter((m) => m.role === PARTICIPANT && !m.seat.bot && !has(heirs, m.ik));
    return could.slice(0, Math.max(0, MAX_HEIRS - here));
  }

  /** @param {Epoch} epoch @param {number} now what is due */
  async settle(epoch, now) {
    const { losses, commits } = this.#s;
    if (epoch.self.role === HOST) {
      for (const leaf of losses.overdue(now)) {
        const key = epoch.leaves.get(leaf)?.key;
        if (!key || this.#asked.has(leaf) || commits.going.includes(leaf)) continue;
        this.#asked.add(leaf);
        commits.want({ removes: [key] });
      }
    }
    if (now >= this.#heirsAt) {
      this.#heirsAt = Infinity;
      commits.want({ change: (m) => this.#withHeirs(m, epoch) });
    }
    if (now >= this.#promotionAt(epoch) && !this.#promoting) {
      this.#promoting = true;
      commits.want({ change: async (m) => this.#promoted(m, epoch.self.ik) });
    }
  }

  /** @param {Meeting} m @param {Epoch} epoch @returns {Promise<Meeting|null>} */
  async #withHeirs(m, epoch) {
    const fresh = this.#candidates(epoch);
    const here = m.heirs.filter((h) => [...epoch.members.values()].some((x) => equal(x.ik, h.key)));
    const added = await Promise.all(fresh.map((x) => grant(this.#issuer, epoch.groupId, x.ik, HEIR)));
    return added.length > 0 ? { ...m, heirs: [...here, ...added].slice(0, MAX_HEIRS) } : null;
  }

  /** @param {Meeting} m @param {Bytes} key @returns {Meeting|null} in which an heir is host */
  #promoted(m, key) {
    const { epoch } = this.#s;
    const own = heirsOf(m).find((g) => equal(g.key, key));
    return own && epoch?.hosts.length === 0 ? withGrant(m, { ...own, role: HOST }) : null;
  }

  /** @param {Epoch} epoch @returns {number} when one takes over */
  #promotionAt(epoch) {
    if (this.#hostlessAt === Infinity) return Infinity;
    const place = heirsOf(epoch.meeting).findIndex((g) => equal(g.key, epoch.self.ik));
    return place < 0 || epoch.self.role > COHOST ? Infinity : this.#hostlessAt + HOSTLESS_MS + place * PLACE_MS;
  }

  /** @param {Epoch} epoch @param {number} now @returns {number} */
  deadline(epoch, now) {
    const times = [this.#heirsAt, this.#promoting ? Infinity : this.#promotionAt(epoch)];
    return Math.min(...times.map((at) => Math.max(at, now)));
  }
}
