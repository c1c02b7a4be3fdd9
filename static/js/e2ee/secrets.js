// Between a call and the encryption workers: what the server says goes to the group and comes back with names, what the
// person does goes through it to the server, and what there is to show of the group is kept in a store.
/** @import {Link} from './link.js' */
/** @import {Output, OutsideView, PersonView, View} from './types.js' */
/** @import {Trust} from './pins.js' */
/** @import {Identity} from './seat.js' */
/** @import {State} from '../core/state.js' */
/** @import {ServerMessage, ClientMessage, Fields, Permission, Person, Role} from '../core/types.js' */
import { createStore } from '../ui/store.js';
import { Worklet, WorkerSeal } from './client.js';
import { identity, keepPins, keptPins } from './identity.js';
import { People } from './people.js';
import { Pins } from './pins.js';

/** What is to be relayed within this time goes in one message, because the server counts messages. */
const GATHER_MS = 30;
/** Who leaves does not wait longer for a signature. */
const SIGN_MS = 200;

/** @typedef {PersonView & {trust: Trust, asked: boolean, consent: boolean|null, outside: boolean}} Known */
/** @typedef {{by: string, own: boolean, number: string, people: {key: string, name: string}[], until: number}} Comparison */

/**
 * @typedef {object} Shown
 * @property {View|null} view what the group is, before names and trust; null before the first word of it
 * @property {boolean} open the link has no waiting room
 * @property {ReadonlyMap<number, Known>} people by the numbers that the call uses
 * @property {ReadonlyMap<string, string>} pairs the lasting numbers with single people that were asked for, by key; empty: on its way
 * @property {Comparison|null} comparison what is to be compared now
 * @property {readonly string[]} leaked sources that were stopped because they left unsealed
 * @property {boolean} broken a worker failed: nothing is sent or heard any more
 */

/**
 * @typedef {object} Ways out of here
 * @property {<T extends ClientMessage['type']>(type: T, fields: Fields<T>) => Promise<unknown>} send rejects when it failed
 * @property {(m: ServerMessage) => void} heard what somebody said, and who came and went, as the server would say it
 * @property {(people: readonly Person[]) => void} present who is here already
 * @property {(names: ReadonlyMap<number, string>) => void} named
 * @property {(type: string, detail: object) => void} emit
 */

/** The encryption of one person in one meeting. */
export class Secrets {
  store = createStore(
    /** @type {Shown} */ ({
      view: null,
      open: false,
      people: new Map(),
      pairs: new Map(),
      comparison: null,
      leaked: [],
      broken: false,
    }),
  );
  #o;
  #ways;
  #worklet;
  /** what was known when the meeting began: loaded once, however often it is joined @type {Promise<Pins>} */
  #pins;
  /** what there is to show is shown in the order in which it came */
  #shown = Promise.resolve();
  /** @type {Promise<Identity>} */
  #identity;
  #people = new People();
  /** @type {{participant: number, data: string}[]} */
  #relays = [];
  /** @type {number[]} who waits, for "admit all" */
  #waiting = [];
  /** @type {readonly string[]} own sources that are live */
  #live = [];
  /** one's own role and what the server lets one do, as it said last @type {{role: Role, permissions: Permission[]}} */
  #permitted = { role: 'participant', permissions: [] };
  /** one's own role, as the call knows it @type {Role} */
  #role = 'participant';
  #closed = false;
  /** who waits for one's own goodbye */
  #gone = () => {};
  #compareTimer = 0;

  /**
   * @param {{meeting: string, link: Link, name: string, guest: boolean, room: Identity|null, password: string}} o
   * @param {Ways} ways
   */
  constructor(o, ways) {
    this.#o = o;
    this.#ways = ways;
    this.#set({ open: !o.link.lobby });
    this.#pins = o.guest ? Promise.resolve(new Pins()) : keptPins().then((kept) => new Pins(kept));
    this.#identity = identity(o.guest);
    this.#worklet = new Worklet({
      out: (out) => {
        for (const o2 of out) this.#out(o2);
      },
      view: (view) => {
        this.#shown = this.#shown.then(() => this.#view(view));
      },
      broken: () => this.#set({ broken: true }),
    });
  }

  /** @param {Partial<Shown>} change */
  #set(change) {
    this.store.set((s) => ({ ...s, ...change }));
  }

  /**
   * @returns {Promise<{name: string, announce: string, password?: string}>} what `join` carries, for a new seat. password:
   *   what the server compares with, from which the password can't be found
   */
  async begin() {
    const { meeting, link, name, room, password } = this.#o;
    const [mine] = await Promise.all([this.#identity, this.#pins]);
    const order = { do: /** @type {const} */ ('begin'), meeting, link, identity: mine, name, room, password };
    const { announce, verifier } = await this.#worklet.group.ask(order);
    this.#people.clear();
    this.event({ type: 'live', sources: this.#live });
    return { name: '', announce, ...(verifier && { password: verifier }) };
  }

  /** @returns {WorkerSeal} for a new PeerConnection */
  seal() {
    return new WorkerSeal(this.#worklet);
  }

  /** @param {boolean} up whether the WebSocket is there */
  connection(up) {
    this.#worklet.event({ type: 'connection', up });
  }

  /**
   * hear takes a message of the server.
   * @param {ServerMessage} m @returns {ServerMessage|null} the message with names in it; null when it is the group's alone
   */
  hear(m) {
    switch (m.type) {
      case 'relays':
      case 'broadcast':
      case 'group':
      case 'log':
      case 'key_packages':
      case 'secrets':
      case 'stuck':
        this.#worklet.event(m);
        return null;
      case 'welcome':
        this.#worklet.event(m);
        this.#waiting = (m.waiting ?? []).map((w) => w.participant);
        return {
          ...m,
          participants: this.#people.welcome(m),
          waiting: this.#people.withNames(m.waiting ?? []),
          role: this.#permit(m),
        };
      case 'permissions':
        return { ...m, role: this.#permit(m) };
      case 'roster':
        this.#worklet.event(m);
        this.#tell(this.#people.roster(m));
        return this.#people.ofSelf(m);
      case 'waiting':
        this.#worklet.event(m);
        this.#waiting = m.waiting.map((w) => w.participant);
        return { ...m, waiting: this.#people.withNames(m.waiting) };
      case 'chat':
      case 'reaction':
      case 'app':
        return null; // members say it sealed: this is the server's own
      default:
        return m;
    }
  }

  /** @param {{role: Role, permissions: Permission[]}} m @returns {Role} one's own */
  #permit({ role, permissions }) {
    this.#permitted = { role, permissions };
    this.#role = this.#people.ownRole(role);
    return this.#role;
  }

  /** The group may have given oneself another role. */
  #lead() {
    const role = this.#people.ownRole(this.#permitted.role);
    if (role === this.#role) return;
    this.#role = role;
    this.#ways.heard({ type: 'permissions', role, permissions: this.#permitted.permissions });
    this.#ways.emit('role', { role });
  }

  /** @param {ReturnType<People['roster']>} change who came, changed and went */
  #tell(change) {
    if (!change) return;
    if (change.first) this.#ways.present(change.first);
    else this.#ways.heard({ type: 'roster', ...change.roster });
  }

  /** @param {Output} o */
  #out(o) {
    const { emit, heard } = this.#ways;
    const from = 'key' in o ? this.#people.number(o.key) : 0;
    switch (o.type) {
      case 'send':
        return this.#send(o.what, o.fields);
      case 'chat': {
        const at = o.at ? new Date(o.at) : new Date();
        return heard({ type: 'chat', from, text: o.text, at: at.toISOString(), ...(o.to ? { to: o.to } : {}) });
      }
      case 'app':
        return heard({ type: 'app', from, text: o.text, ...(o.to ? { to: o.to } : {}) });
      case 'reaction':
        return emit('reaction', { from, reaction: o.reaction });
      case 'asked':
        return emit('consent_asked', { participant: o.participant, what: o.what });
      case 'unsent':
        return emit('unsent', { to: o.to });
      case 'admissions':
        if (o.missing > 0) emit('cannot_admit', { n: o.missing });
        if (o.list.length > 0) this.#do('admit', { admissions: o.list });
        return undefined;
      case 'number':
        return this.#set({ pairs: new Map([...this.store.get().pairs, [o.key, o.number]]) });
      case 'compare':
        return this.#compared(o);
      case 'promoted':
        return emit('promoted', { participant: from });
      default:
        return undefined;
    }
  }

  /** @param {string} what @param {Record<string, any>} fields */
  #send(what, fields) {
    if (what === 'relay') return this.#relay(fields.to);
    const sent = this.#do(/** @type {ClientMessage['type']} */ (what), /** @type {any} */ (fields));
    if (what === 'propose') void sent.finally(() => this.#gone());
    return undefined;
  }

  /** @template {ClientMessage['type']} T @param {T} what @param {Fields<T>} fields */
  async #do(what, fields) {
    try {
      await this.#ways.send(what, fields);
    } catch {
      this.#worklet.event({ type: 'refused', what });
    }
  }

  /** @param {{participant: number, data: string}[]} to */
  #relay(to) {
    this.#relays.push(...to);
    if (this.#relays.length > to.length) return;
    setTimeout(() => {
      for (const all = this.#relays.splice(0); all.length > 0;) void this.#do('relay', { to: all.splice(0, 200) });
    }, GATHER_MS);
  }

  /** @param {View} view */
  async #view(view) {
    const before = this.store.get();
    const people = await this.#known(view);
    if (this.#closed) return;
    this.#set({ view, people });
    for (const [n, p] of people) {
      const was = before.people.get(n);
      if (p.trust === 'changed' && was?.trust !== 'changed') {
        this.#ways.emit('changed_key', { participant: n, name: p.name });
      }
    }
    this.#tell(this.#people.group(view));
    this.#lead();
    this.#ways.named(this.#people.names);
    await this.#meet(
      view.people.filter((p) => !p.self && p.confirmed),
      false,
    );
  }

  /** @param {View} view @returns {Promise<Map<number, Known>>} with what this device knows of their keys */
  async #known({ people, outside }) {
    const pins = await this.#pins;
    const known = new Map();
    for (const p of people) {
      if (p.self) continue;
      const trust = await pins.trust(p);
      known.set(this.#people.numberOf(p), { ...p, trust, consent: null, asked: false, outside: false });
    }
    for (const o of outside) known.set(o.participant, { ...asPerson(o), trust: 'new' });
    return known;
  }

  /** @param {readonly {key: string, name: string}[]} people @param {boolean} verified */
  async #meet(people, verified) {
    const change = await (await this.#pins).meet(people, verified, Date.now());
    if (!this.#o.guest) void keepPins(change);
  }

  /**
   * say does in its own way what the server cannot be asked for in the clear, and by a commit what is the group's to
   * decide.
   * @param {ClientMessage['type']} type @param {any} fields of the request as it would be without encryption
   * @returns {Promise<unknown>|null} null when the request goes to the server as it is
   */
  say(type, fields) {
    const { event } = this;
    switch (type) {
      case 'chat':
      case 'app': {
        const { to, text } = fields;
        event(to ? { type: 'private', kind: type, to, text } : { type: 'say', kind: type, text });
        return Promise.resolve();
      }
      case 'react':
        event({ type: 'say', kind: 'reaction', text: fields.reaction });
        return Promise.resolve();
      case 'admit':
        event({ type: 'admit', participants: fields.all ? this.#waiting : (fields.participants ?? []) });
        return Promise.resolve();
      case 'remove':
        return this.#remove(fields);
      case 'role': {
        const key = this.#people.key(fields.participant);
        if (key) event({ type: 'role', key, role: fields.role });
        return null;
      }
      case 'policy':
        if (fields.lobby !== undefined) event({ type: 'policy', lobby: fields.lobby });
        return null;
      default:
        return null;
    }
  }

  /** @param {import('./types.js').Event} event */
  event = (event) => this.#worklet.event(event);

  /** lock turns the waiting room on with the next removal: who was removed can't come back under a new key. */
  lock() {
    this.event({ type: 'policy', lobby: true });
    void this.#do('policy', { lobby: true });
  }

  /** @param {{participants: number[], ban?: boolean}} fields @returns {Promise<unknown>|null} */
  #remove({ participants, ban }) {
    const keys = participants.map((n) => this.#people.key(n)).filter(Boolean);
    if (keys.length > 0) this.event({ type: 'remove', keys });
    const seats = participants.filter((n) => this.#people.hasSeat(n));
    if (seats.length === 0) return Promise.resolve();
    return this.#ways.send('remove', { participants: seats, ...(ban !== undefined && { ban }) });
  }

  /** @param {readonly string[]} sources of one's own that are live: those outside get the keys of these */
  live(sources) {
    this.#live = sources;
    this.event({ type: 'live', sources });
  }

  /** @param {number} participant a bot outside the group @param {boolean} given */
  consent(participant, given) {
    const key = this.store.get().people.get(participant)?.key;
    if (key) this.event({ type: 'consent', key, given });
  }

  /** @param {string} key asks for the lasting number with one person */
  askPair(key) {
    this.#set({ pairs: new Map([...this.store.get().pairs, [key, '']]) }); // it takes a moment
    this.event({ type: 'pair', key });
  }

  /** compare shows everybody the number of now. */
  compare() {
    this.event({ type: 'compare' });
  }

  /** @param {Extract<Output, {type: 'compare'}>} o */
  #compared({ by, number, people, ms }) {
    const { view } = this.store.get();
    const own = view?.people.find((p) => p.self)?.key ?? '';
    const named = people.flatMap((key) => {
      const p = view?.people.find((x) => x.key === key);
      return key === own ? [] : [{ key, name: p?.name ?? '' }];
    });
    const until = performance.now() + ms;
    this.#set({ comparison: { by, own: by === own, number, people: named, until } });
    clearTimeout(this.#compareTimer);
    this.#compareTimer = window.setTimeout(() => this.#set({ comparison: null }), ms);
    this.#ways.emit('compare', { participant: this.#people.number(by), own: by === own });
  }

  /** @param {readonly {key: string, name: string}[]} people verify notes that the person compared numbers with these */
  verify(people) {
    this.#shown = this.#shown.then(async () => {
      await this.#meet(people, true);
      const { view } = this.store.get();
      if (view) this.#set({ people: await this.#known(view) });
    });
    return this.#shown;
  }

  /** @param {State} s @returns {number} who is to be host when we leave, as far as the server goes; 0 for nobody */
  heir(s) {
    if (s.role !== 'host') return 0;
    const members = [...this.store.get().people.values()].filter((p) => !p.outside && !p.bot && p.connected);
    const rank = (/** @type {Known} */ p) => ['host', 'cohost'].indexOf(p.role) + 1 || 3;
    const [first] = members.sort((a, b) => rank(a) - rank(b) || a.leaf - b.leaf);
    return first && this.#people.hasSeat(first.participant) ? first.participant : 0;
  }

  /** goodbye signs one's own removal, so that others need not wait for the server's. @returns {Promise<void>} soon */
  goodbye() {
    const signed = new Promise((resolve) => {
      this.#gone = () => resolve(undefined);
    });
    this.event({ type: 'leave' });
    return Promise.race([signed, new Promise((resolve) => setTimeout(resolve, SIGN_MS))]).then(() => {});
  }

  /** @param {string} source */
  leaked(source) {
    const others = this.store.get().leaked.filter((s) => s !== source);
    this.#set({ leaked: [...others, source] });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#compareTimer);
    this.#worklet.close();
  }
}

/** @param {OutsideView} o @returns {Omit<Known, 'trust'>} */
const asPerson = (o) => ({
  key: o.key,
  leaf: -1,
  participant: o.participant,
  name: o.name,
  role: 'viewer',
  bot: true,
  self: false,
  connected: true,
  confirmed: true,
  leaving: false,
  asked: o.asked,
  consent: o.consent,
  outside: true,
});
