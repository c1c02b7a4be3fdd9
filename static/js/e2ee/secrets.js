// Between a call and the encryption worker: what the server says goes to the worker and comes back with names, what the person does
// goes through it to the server, and what there is to show of keys is kept in a store.
/** @import {Link} from './link.js' */
/** @import {Output, PersonView, View} from './types.js' */
/** @import {Trust} from './pins.js' */
/** @import {Identity} from './announce.js' */
/** @import {State} from '../core/state.js' */
/** @import {ServerMessage, ClientMessage, Fields, Role} from '../core/types.js' */
import { createStore } from '../ui/store.js';
import { Worklet, WorkerSeal } from './client.js';
import { identity, keepPins, keptPins } from './identity.js';
import { Pins } from './pins.js';

/** Who has not said their name after this long is shown without one. */
const NAMELESS_MS = 3000;
/** What is to be relayed within this time goes in one message, because the server counts messages. */
const GATHER_MS = 30;
/** Who leaves does not wait longer for a signature. */
const SIGN_MS = 300;

/** @typedef {PersonView & {trust: Trust}} Known */

/**
 * @typedef {object} Shown
 * @property {string} code thirty digits, empty before the meeting
 * @property {boolean} open the link has no waiting room, or no key at all
 * @property {boolean} admitted whether others give us keys
 * @property {ReadonlyMap<number, Known>} people
 * @property {readonly string[]} leaked sources that were stopped because they left unsealed
 * @property {boolean} broken the worker failed: nothing is sent or heard any more
 */

/**
 * @typedef {object} Ways out of here
 * @property {<T extends ClientMessage['type']>(type: T, fields: Fields<T>) => Promise<unknown>} send
 * @property {(m: ServerMessage) => void} heard what somebody said, as the server would say it
 * @property {(names: ReadonlyMap<number, string>) => void} named
 * @property {(type: string, detail: object) => void} emit
 */

/** The keys of one person in one meeting. */
export class Secrets {
  store = createStore(/** @type {Shown} */ ({ code: '', open: false, admitted: true, people: new Map(), leaked: [], broken: false }));
  /** the link holds a key, so that the server cannot stand in between */
  keyed;
  #o;
  #ways;
  #worklet;
  /** what was known when the meeting began: loaded once, however often it is joined @type {Promise<Pins>} */
  #pins;
  /** what there is to show is shown in the order in which it came */
  #shown = Promise.resolve();
  /** @type {Promise<Identity>} */
  #identity;
  /** @type {Map<number, string>} */
  #names = new Map();
  /** when somebody without a name was first seen, ms @type {Map<number, number>} */
  #nameless = new Map();
  /** @type {{participant: number, data: string}[]} */
  #relays = [];
  /** @type {number[]} who waits, for "admit all" */
  #waiting = [];
  /** whom everybody was let in by after us, signed in advance */
  #will = { heir: 0, grant: '' };
  #closed = false;

  /** @param {{meeting: string, link: Link, name: string, guest: boolean, room: Identity|null}} o @param {Ways} ways */
  constructor(o, ways) {
    this.#o = o;
    this.#ways = ways;
    this.keyed = o.link.c.length > 0;
    this.#pins = o.guest ? Promise.resolve(new Pins()) : keptPins().then((kept) => new Pins(kept));
    this.#identity = identity(o.guest);
    this.#worklet = new Worklet({
      out: (out) => { for (const o2 of out) this.#out(o2); },
      view: (view) => { this.#shown = this.#shown.then(() => this.#view(view)); },
      broken: () => this.#set({ broken: true }),
    });
  }

  /** @param {Partial<Shown>} change */
  #set(change) { this.store.set((s) => ({ ...s, ...change })); }

  /** @returns {Promise<{name: string, announce: string, admit?: string}>} what `join` carries, with new keys: the old seat's are forgotten */
  async begin() {
    const { meeting, link, name, room } = this.#o;
    const [mine] = await Promise.all([this.#identity, this.#pins]);
    this.#names.clear();
    this.#will = { heir: 0, grant: '' };
    const { announce, admit } = await this.#worklet.ask({ do: 'begin', meeting, link, identity: mine, name, room });
    return { name: '', announce, ...(admit && { admit }) };
  }

  /** @returns {WorkerSeal} for a new PeerConnection */
  seal() { return new WorkerSeal(this.#worklet); }

  /**
   * hear takes a message of the server.
   * @param {ServerMessage} m @returns {ServerMessage|null} the message with names in it; null when it is the worker's alone
   */
  hear(m) {
    switch (m.type) {
      case 'relays': case 'broadcast':
        this.#worklet.event(m);
        return null;
      case 'lobby':
        this.#worklet.event({ type: 'lobby', hosts: m.hosts });
        return m;
      case 'welcome':
        this.#worklet.event(m);
        this.#waiting = (m.waiting ?? []).map((w) => w.participant);
        return { ...m, participants: m.participants.map((p) => this.#withName(p)), waiting: (m.waiting ?? []).map((w) => this.#withName(w)) };
      case 'roster':
        this.#worklet.event(m);
        return { ...m, joined: m.joined?.map((p) => this.#withName(p)), changed: m.changed?.map((p) => this.#withName(p)) };
      case 'waiting':
        this.#worklet.event(m);
        this.#waiting = m.waiting.map((w) => w.participant);
        return { ...m, waiting: m.waiting.map((w) => this.#withName(w)) };
      case 'chat': case 'reaction': case 'app': return null; // members say it sealed: this is the server's own
      default: return m;
    }
  }

  /** @template {{participant: number, name: string}} P @param {P} p @returns {P} */
  #withName(p) {
    const name = this.#names.get(p.participant);
    if (name === undefined && !this.#nameless.has(p.participant)) {
      this.#nameless.set(p.participant, performance.now());
      setTimeout(() => this.#tellNames(), NAMELESS_MS + 50);
    }
    return { ...p, name: name ?? '' };
  }

  /** @param {Output} o */
  #out(o) {
    if (o.type === 'relay') this.#relay(o.to);
    else if (o.type === 'broadcast') void this.#ways.send('broadcast', { kind: o.kind, data: o.data });
    else if (o.type === 'chat') this.#ways.heard({ type: 'chat', from: o.from, text: o.text, at: new Date(o.at).toISOString(), ...(o.to ? { to: o.to } : {}) });
    else if (o.type === 'app') this.#ways.heard({ type: 'app', from: o.from, text: o.text, ...(o.to ? { to: o.to } : {}) });
    else if (o.type === 'reaction') this.#ways.emit('reaction', { from: o.from, reaction: o.reaction });
    else if (o.type === 'unsent') this.#ways.emit('unsent', { to: o.to });
  }

  /** @param {{participant: number, data: string}[]} to */
  #relay(to) {
    this.#relays.push(...to);
    if (this.#relays.length > to.length) return;
    setTimeout(() => {
      for (const all = this.#relays.splice(0); all.length > 0;) void this.#ways.send('relay', { to: all.splice(0, 200) });
    }, GATHER_MS);
  }

  /** @param {View} view */
  async #view(view) {
    const before = this.store.get().people;
    const people = await this.#known(view.people);
    if (this.#closed) return;
    this.#set({ code: view.code, open: view.open, admitted: view.admitted, people });
    for (const [n, p] of people) {
      if (p.name) this.#names.set(n, p.name);
      if (p.asks !== null && before.get(n)?.asks !== p.asks && p.consent === null) this.#ways.emit('consent_asked', { participant: n, what: p.asks });
      if (p.trust === 'changed' && before.get(n)?.trust !== 'changed') this.#ways.emit('changed_key', { participant: n, name: p.name });
    }
    this.#tellNames();
    await this.#meet(view.people, false);
  }

  /** @param {Iterable<PersonView>} people @returns {Promise<Map<number, Known>>} with what this device knows of their keys */
  async #known(people) {
    const pins = await this.#pins;
    return new Map(await Promise.all([...people].map(async (p) => /** @type {const} */ ([p.participant, { ...p, trust: await pins.trust(p) }]))));
  }

  /** @param {readonly PersonView[]} people @param {boolean} verified */
  async #meet(people, verified) {
    const change = await (await this.#pins).meet(people, verified, Date.now());
    if (!this.#o.guest) void keepPins(change);
  }

  #tellNames() {
    if (this.#closed) return;
    const { people } = this.store.get();
    const names = new Map(this.#names);
    for (const [n, since] of this.#nameless) {
      if (names.has(n)) this.#nameless.delete(n);
      else if (people.get(n)?.status === 'invalid' || performance.now() - since >= NAMELESS_MS) names.set(n, '?');
    }
    this.#ways.named(names);
  }

  /**
   * say does in its own way what the server cannot be asked for in the clear.
   * @param {ClientMessage['type']} type @param {any} fields of the request as it would be without encryption
   * @returns {Promise<unknown>|null} null when the request goes to the server as it is
   */
  say(type, fields) {
    switch (type) {
      case 'chat':
        this.#worklet.event(fields.to ? { type: 'private', kind: 'chat', to: fields.to, text: fields.text } : { type: 'say', kind: 'chat', text: fields.text });
        return Promise.resolve();
      case 'app':
        this.#worklet.event(fields.to ? { type: 'private', kind: 'app', to: fields.to, text: fields.text } : { type: 'say', kind: 'app', text: fields.text });
        return Promise.resolve();
      case 'react':
        this.#worklet.event({ type: 'say', kind: 'reaction', text: fields.reaction });
        return Promise.resolve();
      case 'admit': return this.#admit(fields.all ? this.#waiting : fields.participants ?? []);
      case 'role': return this.#role(fields);
      case 'policy':
        if (!fields.lobby) this.#worklet.event({ type: 'auto_admit', on: true });
        else this.#worklet.event({ type: 'auto_admit', on: false });
        return null;
      default: return null;
    }
  }

  /** @param {readonly number[]} participants */
  async #admit(participants) {
    const signed = await this.#sign(participants.map((participant) => ({ participant, role: 'participant' })));
    const admissions = signed.flatMap(({ participant, credential }) => {
      // A meeting without waiting room in its link needs no signature to let somebody in; the server wants something to show.
      const admit = credential ?? (this.store.get().open ? 'AA' : null);
      return admit ? [{ participant, admit }] : [];
    });
    if (admissions.length < participants.length) this.#ways.emit('cannot_admit', { n: participants.length - admissions.length });
    if (admissions.length > 0) await this.#ways.send('admit', { admissions });
  }

  /** @param {{participant: number, role: Role}} fields */
  async #role({ participant, role }) {
    const [{ credential }] = await this.#sign([{ participant, role }]);
    await this.#ways.send('role', { participant, role, ...(credential ? { grant: credential } : {}) });
  }

  /** @param {{participant: number, role: string}[]} list @returns {Promise<{participant: number, credential: string|null}[]>} */
  #sign(list) { return this.#worklet.ask({ do: 'issue', list }); }

  /** @param {boolean} live whether any source is on */
  sending(live) { this.#worklet.event({ type: 'sources', live }); }

  /** @param {number} participant @param {boolean} given */
  consent(participant, given) { this.#worklet.event({ type: 'consent', participant, given }); }

  /** verify notes that the person compared the code with everybody: these are their keys. Who was refused for another's key is heard again. */
  verify() {
    this.#shown = this.#shown.then(async () => {
      const { people } = this.store.get();
      await this.#meet([...people.values()].filter((p) => p.status === 'ok'), true);
      for (const [n, p] of people) if (p.trust === 'changed' && p.consent === false && !p.bot) this.consent(n, true);
      this.#set({ people: await this.#known(people.values()) });
    });
    return this.#shown;
  }

  /** @param {State} s @returns {number} who is to be host when we leave; 0 where that takes no signature, or there is nobody */
  heir(s) {
    if (s.role !== 'host' || this.store.get().open) return 0;
    const able = [...s.people.values()].filter((p) => p.connected && !p.kind && this.store.get().people.get(p.participant)?.hears);
    const rank = (/** @type {Role} */ role) => ['host', 'cohost'].indexOf(role) + 1 || 3; // another host may be one by the server's word alone
    const [first] = able.sort((a, b) => rank(a.role) - rank(b.role) || a.participant - b.participant);
    return first?.participant ?? 0;
  }

  /**
   * will signs that somebody may admit others after us; a page that closes has no time to, and has signed before.
   * @param {State} s @returns {Promise<void>} when that is signed, or soon after in any case
   */
  async will(s) {
    const heir = this.heir(s);
    if (heir === this.#will.heir) return;
    this.#will = { heir: 0, grant: '' };
    if (!heir) return;
    const signed = this.#sign([{ participant: heir, role: 'host' }]).then(([{ credential }]) => { if (credential) this.#will = { heir, grant: credential }; }, () => {});
    await Promise.race([signed, new Promise((resolve) => { setTimeout(resolve, SIGN_MS); })]);
  }

  /** @param {State} s @returns {{heir?: number, grant?: string}} what `leave` carries */
  lastWord(s) { return this.#will.heir > 0 && this.#will.heir === this.heir(s) ? this.#will : {}; }

  /** @param {string} source */
  leaked(source) { this.#set({ leaked: [...this.store.get().leaked.filter((s) => s !== source), source] }); }

  close() {
    this.#closed = true;
    this.#worklet.close();
  }
}
