// Who is shown: the group, each leaf with what the server says of it, and those outside whom everybody is shown anyway
// (docs/e2ee.md, section 15). The call knows people by numbers: where the server names none for a leaf, one is made.
/** @import {PersonView, View} from './types.js' */
/** @import {Person, Role} from '../core/types.js' */
/** @import {Welcome, Roster, WaitingEntry} from '../protocol-types.js' */

/** Numbers that are made are above all of the server's. */
const MADE = 2 ** 32;
/** Kinds that are shown without a leaf. */
const OUTSIDE = new Set(['bot', 'egress', 'ingest']);

/** @typedef {{roster: {joined: Person[], changed: Person[], left: {participant: number, reason: any}[]}, first: Person[]|null}} Change */

/** The list of people, from the group and the roster. */
export class People {
  /** what the server says @type {Map<number, Person>} */
  #said = new Map();
  /** why each left, as the server says it @type {Map<number, string>} */
  #reasons = new Map();
  /** @type {Map<number, Person>} */
  #shown = new Map();
  /** @type {View|null} */
  #view = null;
  /** @type {Map<string, number>} */
  #numbers = new Map();
  /** @type {Map<number, string>} */
  #keys = new Map();
  /** @type {Map<number, string>} */
  #names = new Map();
  #self = 0;
  #first = true;

  /** A new seat: what was known is over. */
  clear() {
    this.#said.clear();
    this.#reasons.clear();
    this.#view = null;
    this.#first = true;
  }

  /** @returns {ReadonlyMap<number, string>} of the people here, and of those who wait */
  get names() {
    return this.#names;
  }

  /** @param {PersonView} p @returns {number} that the call knows them by */
  numberOf(p) {
    return p.participant || MADE + p.leaf;
  }

  /** @param {string} key @returns {number} 0 for nobody here */
  number(key) {
    return this.#numbers.get(key) ?? 0;
  }

  /** @param {number} number @returns {string} empty for nobody in the group */
  key(number) {
    return this.#keys.get(number) ?? '';
  }

  /** @param {number} number @returns {boolean} whether the server speaks of them */
  hasSeat(number) {
    return this.#said.has(number);
  }

  /** @param {Welcome} m @returns {Person[]} whom to show at once */
  welcome(m) {
    this.#self = m.participant;
    this.#said = new Map(m.participants.map((p) => [p.participant, p]));
    if (!m.resumed) {
      this.#shown = new Map();
      this.#first = true;
    } else this.#merge();
    return [...this.#shown.values()];
  }

  /** @param {Roster} m @returns {Roster} what it says of oneself */
  ofSelf(m) {
    const own = (m.changed ?? []).filter((p) => p.participant === this.#self);
    return { type: 'roster', changed: own.map((p) => ({ ...p, role: this.ownRole(p.role) })) };
  }

  /** @param {Role} said one's own, as the server says it @returns {Role} who leads is the group's to say */
  ownRole(said) {
    const role = this.#view?.state === 'in' && this.#view.people.find((p) => p.self)?.role;
    if (!role) return said;
    return leads(role) || leads(said) ? role : said;
  }

  /** @param {WaitingEntry[]} waiting @returns {WaitingEntry[]} */
  withNames(waiting) {
    return waiting.map((w) => ({ ...w, name: this.#names.get(w.participant) ?? '' }));
  }

  /** @param {Roster} m @returns {Change|null} */
  roster(m) {
    for (const p of [...(m.joined ?? []), ...(m.changed ?? [])]) {
      if (p.participant !== this.#self) this.#said.set(p.participant, p);
    }
    for (const { participant, reason } of m.left ?? []) {
      this.#said.delete(participant);
      this.#reasons.set(participant, reason);
    }
    return this.#merge();
  }

  /** @param {View} view @returns {Change|null} */
  group(view) {
    this.#view = view;
    return this.#merge();
  }

  /** @returns {Map<number, Person>} who is to be shown now */
  #wanted() {
    const out = new Map();
    this.#numbers.clear();
    this.#keys.clear();
    this.#names.clear();
    for (const p of this.#view?.people ?? []) {
      const participant = p.self ? this.#self : this.numberOf(p);
      this.#numbers.set(p.key, participant);
      this.#keys.set(participant, p.key);
      const said = this.#said.get(participant);
      const name = p.name || '?';
      this.#names.set(participant, name);
      if (p.self) continue;
      const base = said ?? { sources: [], hand: 0 };
      out.set(participant, { ...base, participant, name, role: p.role, connected: Boolean(said?.connected) });
    }
    for (const { participant, name, key } of this.#view?.outside ?? []) {
      const said = this.#said.get(participant);
      if (!said || !OUTSIDE.has(said.kind ?? '')) continue;
      const shown = name || said.name || '?';
      this.#names.set(participant, shown);
      if (key) this.#numbers.set(key, participant);
      out.set(participant, { ...said, name: shown });
    }
    for (const { participant, name } of this.#view?.lobbyNames ?? []) this.#names.set(participant, name || '?');
    return out;
  }

  /** @returns {Change|null} null when nobody came, changed or went */
  #merge() {
    if (!this.#view || this.#view.state === 'apart' || this.#view.state === 'joining') return null;
    const wanted = this.#wanted();
    const before = this.#shown;
    this.#shown = wanted;
    if (this.#first) {
      this.#first = false;
      return { roster: { joined: [], changed: [], left: [] }, first: [...wanted.values()] };
    }
    const joined = [...wanted.values()].filter((p) => !before.has(p.participant));
    const changed = [...wanted.values()].filter((p) => differ(p, before.get(p.participant)));
    const left = [...before.keys()]
      .filter((n) => !wanted.has(n))
      .map((participant) => ({ participant, reason: this.#reasons.get(participant) ?? 'left' }));
    for (const { participant } of left) this.#reasons.delete(participant);
    if (joined.length + changed.length + left.length === 0) return null;
    return { roster: { joined, changed, left }, first: null };
  }
}

/** @param {Role} role @returns {boolean} */
const leads = (role) => role === 'host' || role === 'cohost';

/** @param {Person} p @param {Person|undefined} before @returns {boolean} whether somebody changed */
const differ = (p, before) => before !== undefined && JSON.stringify(p) !== JSON.stringify(before);
