// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// The world of the hostile-server suite (e2ee/testdata/hostile.md): people, their sessions and media, in virtual time.
import { base64url } from '../../../static/js/e2ee/bytes.js';
import { rawKey } from '../../../static/js/e2ee/identity.js';
import { Keyring, TRACKS } from '../../../static/js/e2ee/keyring.js';
import * as links from '../../../static/js/e2ee/link.js';
import { Opener } from '../../../static/js/e2ee/pipes.js';
import { seal } from '../../../static/js/e2ee/sframe.js';
import { Session } from '../../../static/js/e2ee/session.js';
import { Clock } from './clock.js';
import { Outsider } from './outsider.js';
import { Server } from './server.js';

const MEETING = 'k7qm-2f9x-w3dj-8hrt';
const FRAME_MS = 20;
const FRAME_WAY = 40;
const NONE = new Uint8Array(0);

export const newIdentity = async () => {
  const ik = await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
  return { ik, ikPublic: await rawKey(ik.publicKey) };
};

/** What warnings a view has. */
const warningsOf = (v) =>
  Object.entries({
    silence: v.beats !== 'ok',
    stopped: v.beats === 'stopped',
    stuck: v.culprit !== '',
    waiting: v.waiting,
    'no heir': v.heirless,
    'link only': v.linkOnly && v.state === 'in',
    'false group': v.falseGroup,
    removed: v.state === 'removed',
  }).flatMap(([what, is]) => (is ? [what] : []));

export class World {
  clock = new Clock();
  people = new Map();
  sealed = [];
  lobby;
  /** when there are steps @type {number[]|null} */
  steps = null;

  constructor({ people, outside = [], lobby = false, room = false }) {
    this.lobby = lobby;
    this.names = [...people, ...outside];
    this.outside = outside;
    this.server = new Server(this);
    this.room = room;
  }

  async begin() {
    await this.server.begin();
    for (const name of this.names) {
      this.people.set(name, {
        name,
        identity: await newIdentity(),
        seats: [],
        seat: null,
        verified: new Set(),
        chat: [],
        asked: [],
        warned: new Map(),
      });
    }
    this.creator = this.people.get(this.names[0]);
    this.link = await links.make(this.creator.identity.ikPublic, this.lobby);
    this.other = { ...this.link, k: crypto.getRandomValues(new Uint8Array(32)) };
    this.#frames();
  }

  person(name) {
    const p = this.people.get(name);
    if (!p) throw new Error(`who is ${name}?`);
    return p;
  }

  present() {
    return [...new Set(this.server.here().map((s) => s.person.name))];
  }

  seat(name) {
    const { seat } = this.person(name);
    if (!seat) throw new Error(`${name} has no seat`);
    return seat;
  }

  nameOf(key) {
    return [...this.people.values()].find((p) => base64url(p.identity.ikPublic) === key)?.name ?? '';
  }

  async join(name, { link = this.link, bot = false } = {}) {
    const person = this.person(name);
    const { create } = this.outside.includes(name) ? Outsider : Session;
    const session = await create({ meeting: MEETING, link, identity: person.identity, name, bot });
    const seat = {
      person,
      session,
      announce: session.announce,
      ring: session.ring ?? new Keyring(),
      live: person.seat?.live ?? [],
      openers: new Map(),
      openedAt: [],
      numbers: [],
      promoted: [],
      opened: new Map(),
      twice: 0,
      bases: [],
      token: 0,
    };
    if (person.seat) person.seat.over = true;
    person.seats.push(seat);
    person.seat = seat;
    await this.server.join(seat);
    return seat;
  }

  deliver(seat, msg) {
    if (msg.frame) return this.#frame(seat, msg);
    return this.tell(seat, msg);
  }

  /** tell hands an event to a session, and does what comes out. */
  async tell(seat, event) {
    if (seat.ended && seat.over && !seat.replaced) return;
    const out = await seat.session.handle(event, this.clock.now);
    for (const o of out) await this.#out(seat, o);
    for (const w of warningsOf(seat.session.view(this.clock.now))) this.#warn(seat, w);
    if (seat.session.switched) this.#warn(seat, 'switched');
    await this.#wake(seat);
  }

  /** does has one outside do something. */
  async does(seat, what) {
    await what(seat.session);
    await this.tell(seat, { type: 'tick' });
  }

  #warn(seat, what) {
    const { warned } = seat.person;
    if (!warned.has(what)) warned.set(what, []);
    warned.get(what).push(this.clock.now);
  }

  async #wake(seat) {
    const token = ++seat.token;
    const at = await seat.session.deadline(this.clock.now);
    if (at === Infinity) return;
    this.clock.at(Math.max(at, this.clock.now + 1), () => {
      if (seat.token === token && !(seat.ended && seat.over)) return this.tell(seat, { type: 'tick' });
      return undefined;
    });
  }

  async #out(seat, o) {
    switch (o.type) {
      case 'send':
        this.clock.in(20, () => this.server.request(seat, o.what, o.fields, o.about));
        return;
      case 'media':
        if (o.order.order === 'epoch') seat.bases.push({ epoch: o.order.epoch, base: o.order.base.slice() });
        await seat.ring.take(o.order, this.clock.now);
        return;
      case 'admissions':
        this.clock.in(20, () => this.server.admitted(o.list));
        return;
      case 'chat':
        seat.person.chat.push({
          text: o.text,
          from: this.nameOf(o.key),
          private: o.to !== undefined,
          at: this.clock.now,
        });
        return;
      case 'asked':
        seat.person.asked.push(this.nameOf(o.key));
        return;
      case 'compare':
        seat.numbers.push({ ...o, at: this.clock.now });
        return;
      case 'promoted':
        this.#warn(seat, 'promoted');
        return;
      default:
    }
  }

  #frames() {
    this.clock.in(FRAME_MS, async () => {
      for (const { seat } of this.needed() ? this.people.values() : []) {
        if (seat?.inside && seat.live.length > 0) for (const track of seat.live) await this.#seal(seat, track);
      }
      this.#frames();
    });
  }

  /** In long scenarios frames are sealed where a step comes soon, or was a moment ago. */
  needed() {
    const { now } = this.clock;
    const steps = this.steps ?? [];
    return (steps.at(-1) ?? 0) < 130_000 || steps.some((at) => at > now - 3000 && at < now + 3000);
  }

  async #seal(seat, track) {
    const { now } = this.clock;
    const send = seat.ring.sendKey(TRACKS[track], now);
    if (!send) return;
    const bytes = await seal(send.key, send.next++, NONE, crypto.getRandomValues(new Uint8Array(24)));
    const f = { from: seat, track, at: now, bytes, id: this.sealed.length };
    this.sealed.push(f);
    if (!seat.connected || seat.ended) return;
    for (const s of this.server.here()) {
      if (s === seat || !s.connected || !this.server.together(s, seat)) continue;
      this.server.send(s, 'frames', { frame: f, bytes }, seat, FRAME_WAY);
    }
  }

  #frame(seat, { frame: f, bytes, as }) {
    const named = this.server.owners?.get(f.from.person.name) ?? f.from;
    const owner = as ?? named;
    const id = `${owner.n} ${f.track}`;
    let opener = seat.openers.get(id);
    if (!opener) {
      const keys = {
        ring: seat.ring,
        now: () => this.clock.now,
        unknown: () => void this.clock.task(() => this.tell(seat, { type: 'asked_log' })),
      };
      const o = new Opener(keys, (ms, wake) => this.clock.sleep(ms, wake));
      o.assign({ participant: owner.n, track: TRACKS[f.track] });
      opener = { o, queue: Promise.resolve() };
      seat.openers.set(id, opener);
    }
    const encoded = { data: bytes.slice().buffer, type: 'delta', getMetadata: () => ({ mimeType: 'audio/opus' }) };
    const before = opener.queue;
    opener.queue = this.clock.task(async () => {
      await this.clock.wait(before);
      if (!(await opener.o.pass(encoded))) return;
      seat.openedAt.push({
        from: f.from.person.name,
        sealed: f.at,
        at: this.clock.now,
        id: f.id,
        as: owner.person.name,
      });
      if (seat.opened.has(f.id)) seat.twice++;
      seat.opened.set(f.id, true);
    });
  }

  runUntil(at) {
    return this.clock.runUntil(at);
  }

  // --- what is expected ---

  hears(who, of) {
    const { now } = this.clock;
    const p = this.person(of);
    const sealed = this.sealed.filter((f) => f.from.person === p && f.at > now - 500);
    if (!sealed.some((f) => f.at > now - 200)) return false;
    const ids = new Set(sealed.map((f) => f.id));
    return this.seat(who).openedAt.some((o) => ids.has(o.id));
  }

  sends(who) {
    return this.seat(who).ring.usable(this.clock.now);
  }

  peopleOf(who) {
    return this.seat(who)
      .session.view(this.clock.now)
      .people.map((p) => this.nameOf(p.key))
      .sort();
  }
}
