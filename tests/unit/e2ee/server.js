// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// The server of docs/e2ee.md, section 5, in virtual time: honest where it is not told to lie.
import { equal, hex, unbase64url, base64url, random } from '../../../static/js/e2ee/bytes.js';
import { entryHash, readHead } from '../../../static/js/e2ee/entries.js';
import { proposalRef, signContent } from '../../../static/js/e2ee/mls/framing.js';
import { WIRE, decodeMessage, encodeMessage } from '../../../static/js/e2ee/mls/messages.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';

const WAY = 20;
const RESUME_MS = 30_000;
const NONE = new Uint8Array(0);

/** One log; a split makes several of it. */
class Log {
  entries = [];
  /** epoch → {hash, seat, added}[] */
  candidates = new Map();
  newest = -1;

  copy() {
    const l = new Log();
    l.entries = [...this.entries];
    l.candidates = new Map([...this.candidates].map(([e, c]) => [e, [...c]]));
    l.newest = this.newest;
    return l;
  }
}

export class Server {
  seats = new Map();
  log = new Log();
  groups = null;
  groupId = '';
  asked = 0;
  filters = [];
  records = new Map();
  #next = 1;
  /** removals that no candidate refers to yet: {leaf, ik, refs} */
  removals = [];
  signs = true;
  /** seats that another one of the same person has taken the place of; they still hear the log */
  replaced = [];

  constructor(world) {
    this.world = world;
    this.clock = world.clock;
  }

  async begin() {
    this.key = await newSignatureKey();
  }

  logOf(seat) {
    return this.groups?.find((g) => g.names.includes(seat.person.name))?.log ?? this.log;
  }

  logs() {
    return this.groups ? this.groups.map((g) => g.log) : [this.log];
  }

  split(groups) {
    this.groups = groups.map((names) => ({ names, log: this.log.copy() }));
  }

  together(a, b) {
    if (!this.groups) return true;
    const of = (s) => this.groups.findIndex((g) => g.names.includes(s.person.name));
    return of(a) === of(b);
  }

  /** send delivers a message to a seat after its way, unless a filter has it. what: for filters. */
  send(seat, what, msg, from = null, way = WAY) {
    const kinds = Array.isArray(what) ? what : [what];
    let wait = way;
    for (const f of this.filters) {
      if (!kinds.includes(f.what)) continue;
      if (f.from && !f.from.includes(from?.person.name)) continue;
      if (f.to && !f.to.includes(seat.person.name)) continue;
      if (f.kind === 'drop') return;
      if (f.kind === 'delay') wait += f.by;
      if (f.kind === 'record') this.records.get(f.id).push({ kinds, msg, from });
      if (f.kind === 'flip') msg = flipped(msg);
      if (f.kind === 'reverse') {
        f.held.push({ seat, msg });
        return;
      }
    }
    const line = msg.frame ? 'frames' : 'words';
    const at = Math.max(this.clock.now + wait, seat.last?.[line] ?? 0);
    seat.last = { ...seat.last, [line]: at };
    this.clock.at(at, () => this.#deliver(seat, msg));
  }

  #deliver(seat, msg) {
    if (seat.connected && (!seat.ended || seat.replaced)) return this.world.deliver(seat, msg);
    return undefined;
  }

  here() {
    return [...this.seats.values()].filter((s) => s.inside && !s.ended);
  }

  entry(seat) {
    return { participant: seat.n, announce: seat.shownAnnounce ?? seat.announce, connected: seat.connected };
  }

  async join(seat) {
    seat.n = this.#next++;
    seat.connected = true;
    this.seats.set(seat.n, seat);
    const old = this.here().find((s) => s.person === seat.person && s !== seat);
    if (old) seat.replaces = old;
    const creator = seat.person === this.world.creator;
    if (!this.world.lobby || creator) return this.enter(seat);
    seat.waits = true;
    this.clock.in(100, () => this.#admitBySomebody(seat));
    return undefined;
  }

  async #admitBySomebody(seat) {
    if (seat.ended || seat.inside) return;
    const able = (s) => s.connected && s.session.confirmed && (s.session.epoch?.self.role ?? 0) >= 2;
    const host = this.here().find((s) => able(s) && s.session.epoch.number > 0n);
    if (host) {
      await this.world.tell(host, { type: 'waiting', waiting: [{ participant: seat.n, announce: seat.announce }] });
      await this.world.tell(host, { type: 'admit', participants: [seat.n] });
    }
    if (!seat.inside) this.clock.in(200, () => this.#admitBySomebody(seat));
  }

  async admitted(list) {
    for (const { participant, admit } of list) {
      const seat = this.seats.get(participant);
      if (!seat || seat.inside || seat.ended) continue;
      seat.admit = admit;
      await this.enter(seat);
    }
  }

  async enter(seat) {
    seat.waits = false;
    seat.inside = true;
    const others = this.here().filter((s) => s !== seat);
    if (seat.replaces && !seat.replaces.ended) {
      const old = seat.replaces;
      old.ended = true;
      old.replaced = true;
      this.replaced.push(old);
      for (const s of this.here()) this.send(s, 'roster', { type: 'roster', left: [{ participant: old.n }] });
    }
    for (const s of others.filter((o) => !o.ended || o.replaced)) {
      this.send(s, 'roster', { type: 'roster', joined: [this.entry(seat)] });
    }
    this.#welcome(seat, false);
    if (seat.replaces) await this.#removeLeavesOf(seat.replaces);
  }

  #endSilently(seat) {
    seat.ended = true;
    seat.connected = false;
  }

  #welcome(seat, resumed) {
    const participants = this.here().map((s) => this.entry(s));
    const admit = seat.admit && !resumed ? { admit: seat.admit } : {};
    const m = { type: 'welcome', participant: seat.n, participants, waiting: [], ...admit, resumed };
    this.send(seat, 'roster', m);
    this.#group(seat);
  }

  #group(seat) {
    const log = this.logOf(seat);
    const mayFound = !this.world.lobby || seat.person === this.world.creator;
    const asked = this.seats.get(this.asked);
    const found = !this.groupId && mayFound && (!asked || asked.ended || asked === seat);
    if (found) this.asked = seat.n;
    this.send(seat, 'group', {
      type: 'group',
      server_key: base64url(this.key.publicKey),
      position: log.entries.at(-1)?.position ?? 0,
      epoch: Math.max(0, log.newest),
      ...(found && { found: true }),
      ...(this.groupId && { group_id: this.groupId }),
    });
  }

  cut(seat) {
    seat.connected = false;
    for (const s of this.here()) this.send(s, 'roster', { type: 'roster', changed: [this.entry(seat)] });
    seat.cutAt = this.clock.now;
    const at = seat.cutAt;
    this.clock.in(RESUME_MS, () => {
      if (!seat.connected && seat.cutAt === at && !seat.ended) return this.end(seat);
      return undefined;
    });
  }

  resume(seat) {
    if (seat.ended) return;
    seat.connected = true;
    for (const s of this.here()) {
      if (s !== seat) this.send(s, 'roster', { type: 'roster', changed: [this.entry(seat)] });
    }
    this.#welcome(seat, true);
    this.#offer(seat);
  }

  async end(seat) {
    if (seat.ended) return;
    this.#endSilently(seat);
    for (const s of this.here()) this.send(s, 'roster', { type: 'roster', left: [{ participant: seat.n }] });
    await this.#removeLeavesOf(seat);
  }

  async #removeLeavesOf(seat) {
    const ik = unbase64url(seat.announce).slice(0, 32);
    for (const leaf of [...(seat.leaves ?? [])].slice(-4)) this.removals.push({ leaf, ik, refs: [] });
    for (const log of this.logs()) await this.signRemovals(log);
  }

  /** signs what is to be removed for the epoch that is next to have candidates */
  async signRemovals(log) {
    for (const r of this.removals) await this.signRemoval(log, r);
  }

  async signRemoval(log, r) {
    if (!this.groupId || !this.signs) return;
    const content = {
      groupId: unbase64url(this.groupId),
      epoch: BigInt(log.newest + 1),
      sender: { type: 2, index: 0 },
      authenticatedData: r.ik,
      contentType: 2,
      proposal: { type: 3, removed: r.leaf },
    };
    const signature = await signContent(WIRE.public, content, NONE, this.key);
    const auth = { signature, confirmationTag: null };
    r.refs.push(hex(await proposalRef({ wireFormat: WIRE.public, content, auth })));
    const bytes = encodeMessage({ wireFormat: WIRE.public, message: { content, auth, membershipTag: null } });
    this.append(log, bytes, 0, 'remove');
  }

  append(log, bytes, from, kind) {
    const entry = { position: (log.entries.at(-1)?.position ?? 0) + 1, data: base64url(bytes), from };
    log.entries.push(entry);
    for (const s of [...this.here(), ...this.replaced]) {
      if (this.logOf(s) !== log) continue;
      this.send(s, kind === 'remove' ? 'remove' : 'log', { type: 'log', entries: [entry] }, this.seats.get(from));
    }
  }

  /** what a session asks for */
  async request(seat, what, fields, about) {
    if (seat.ended || !seat.connected) return undefined;
    switch (what) {
      case 'found':
        if (!this.groupId) {
          this.groupId = fields.group_id;
          seat.leaves = [fields.leaf];
          seat.since = this.clock.now;
        }
        return undefined;
      case 'key_package':
        seat.package = { data: fields.data, done: false };
        return this.#offer(seat);
      case 'commit':
        return this.#commit(seat, fields);
      case 'propose':
        return this.append(this.logOf(seat), unbase64url(fields.data), seat.n, 'log');
      case 'log_get': {
        const entries = this.logOf(seat).entries.filter((e) => e.position >= fields.from);
        return this.send(seat, 'log', { type: 'log', entries });
      }
      case 'stuck':
        for (const s of this.here()) {
          if (this.together(s, seat)) this.send(s, 'stuck', { type: 'stuck', ...fields, participant: seat.n }, seat);
        }
        return undefined;
      case 'relay':
        for (const { participant, data } of fields.to) {
          const to = this.seats.get(participant);
          if (!to?.inside || to.ended || !this.together(to, seat)) continue;
          this.send(to, 'relays', { type: 'relays', relays: [{ from: seat.n, data }] }, seat);
        }
        return undefined;
      case 'broadcast':
        for (const s of this.here()) {
          if (!this.together(s, seat)) continue;
          const kinds = ['broadcast', ...(about === 'beat' ? ['beat'] : about === 'here' ? ['here', 'beat'] : [])];
          const m = {
            type: 'broadcast',
            from: seat.n,
            kind: fields.kind,
            at: '2026-11-30T12:00:00.000Z',
            data: fields.data,
          };
          this.send(s, kinds, m, seat);
        }
        return undefined;
      default:
        throw new Error(`what is ${what}`);
    }
  }

  #members(log) {
    return this.here()
      .filter((s) => s.leaves?.length && s.connected && this.logOf(s) === log)
      .sort((a, b) => a.since - b.since);
  }

  #offer(seat, from = 0) {
    const p = seat.package;
    if (!p || p.done || p.pending || seat.ended) return;
    const log = this.logOf(seat);
    const members = this.#members(log).filter((s) => s !== seat);
    const four = members.slice(from, from + 4);
    four.forEach((s, turn) => {
      const m = { type: 'key_packages', turn, packages: [{ participant: seat.n, data: p.data }] };
      this.send(s, 'key_packages', m, seat);
    });
    this.clock.in(1000, () => {
      if (seat.package === p) this.#offer(seat, from + 4 < members.length ? from + 4 : 0);
    });
  }

  async #commit(seat, { data, group_info: info, added = [] }) {
    const log = this.logOf(seat);
    const bytes = unbase64url(data);
    const refuse = () => this.send(seat, 'refused', { type: 'refused', what: 'commit' });
    const head = readHead(bytes);
    if (head?.contentType !== 3) return refuse();
    const epoch = Number(head.epoch);
    const before = log.candidates.get(epoch) ?? [];
    if (epoch > log.newest + 1 || before.length >= 8 || before.some((c) => c.seat === seat.n)) return refuse();
    if (before.length > 0 && !before.some((c) => includes(head.authenticatedData, c.hash))) return refuse();
    log.candidates.set(epoch, [...before, { hash: await entryHash(bytes), seat: seat.n, added }]);
    log.newest = Math.max(log.newest, epoch);
    const proposals = proposalsOf(bytes);
    const refs = proposals.map((p) => ('reference' in p ? hex(p.reference) : ''));
    const removed = proposals.flatMap((p) => ('proposal' in p && p.proposal.type === 3 ? [p.proposal.removed] : []));
    this.removals = this.removals.filter((r) => !r.refs.some((x) => refs.includes(x)) && !removed.includes(r.leaf));
    this.append(log, bytes, seat.n, 'log');
    const { position } = log.entries.at(-1);
    for (const a of before.flatMap((c) => c.added)) {
      const s = this.seats.get(a.participant);
      if (s?.package) s.package.pending = false;
      if (s && !added.some((x) => x.participant === a.participant)) this.clock.in(1, () => this.#offer(s));
    }
    for (const s of this.here()) if (s.package?.pending && s.package.epoch < epoch) s.package.done = true;
    for (const { participant, leaf, secrets } of added) {
      const s = this.seats.get(participant);
      if (!s || s.ended) continue;
      s.leaves = [...(s.leaves ?? []), leaf];
      s.since ??= this.clock.now;
      if (s.package) Object.assign(s.package, { pending: true, epoch });
      const joiners = [{ participant, leaf, secrets }];
      this.send(s, 'secrets', { type: 'secrets', group_info: info, joiners, position }, seat);
    }
    await this.signRemovals(log);
    if (epoch === 0) for (const s of this.here()) this.#offer(s);
    return undefined;
  }
}

/** what a commit commits; nothing where it cannot be read */
function proposalsOf(bytes) {
  try {
    return decodeMessage(bytes).message.content.commit?.proposals ?? [];
  } catch {
    return [];
  }
}

const includes = (data, hash) => hex(data).includes(hex(hash)) && !equal(data, NONE);

/** one bit in the middle of the data of a message is another */
function flipped(msg) {
  const flip = (data) => {
    const bytes = unbase64url(data);
    bytes[bytes.length >> 1] ^= 1;
    return base64url(bytes);
  };
  const m = structuredClone(msg);
  if (m.bytes) m.bytes[m.bytes.length >> 1] ^= 1;
  else if (m.entries) m.entries = m.entries.map((e) => ({ ...e, data: flip(e.data) }));
  else if (m.relays) m.relays = m.relays.map((r) => ({ ...r, data: flip(r.data) }));
  else if (m.packages) m.packages = m.packages.map((p) => ({ ...p, data: flip(p.data) }));
  else if (m.data) m.data = flip(m.data);
  return m;
}

export const randomKey = () => base64url(random(32));
