// The state machine, with a server that is only a list: who is there, and what is passed on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64url } from '../js/e2ee/bytes.js';
import { rawKey } from '../js/e2ee/announce.js';
import { TRACKS, readKid } from '../js/e2ee/chain.js';
import * as link from '../js/e2ee/link.js';
import { Session } from '../js/e2ee/session.js';
import * as sframe from '../js/e2ee/sframe.js';

const MEETING = 'k7qm-2f9x-w3dj-8hrt';

const identity = async () => {
  const ik = await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
  return { ik, ikPublic: await rawKey(ik.publicKey) };
};

/** A meeting in memory; time passes when it is told to. */
class Meeting {
  now = 1_800_000_000_000;
  seats = new Map();
  nextNumber = 1;
  relayed = 0;
  /** changes a relay on its way, or swallows it (null) */
  tamper = (r) => r;

  constructor(l) {
    this.link = l;
  }

  static async make(lobby = false) {
    const host = await identity();
    const m = new Meeting(await link.make(host.ikPublic, lobby));
    m.hostIdentity = host;
    return m;
  }

  entry(n) {
    const { announce, admit, connected = true, kind } = this.seats.get(n);
    return { participant: n, announce, admit, connected, kind };
  }

  async seat(name, o = {}) {
    const session = await Session.create({
      meeting: MEETING,
      link: o.link ?? this.link,
      identity: o.identity ?? (await identity()),
      name,
    });
    return { session, name, n: this.nextNumber++, log: [], announce: session.announce, ...o };
  }

  async join(name, o) {
    const seat = await this.seat(name, o);
    return this.enter(seat);
  }

  async enter(seat) {
    this.seats.set(seat.n, seat);
    const others = [...this.seats.keys()].filter((n) => n !== seat.n);
    await this.tell(seat, {
      type: 'welcome',
      participant: seat.n,
      participants: others.map((n) => this.entry(n)),
      admit: seat.admit,
      resumed: false,
    });
    await this.all({ type: 'roster', joined: [this.entry(seat.n)] }, seat.n);
    return seat;
  }

  async leave(seat) {
    this.seats.delete(seat.n);
    await this.all({ type: 'roster', left: [{ participant: seat.n }] });
  }

  async all(event, except = 0) {
    for (const s of [...this.seats.values()]) if (s.n !== except) await this.tell(s, event);
  }

  async tell(seat, event) {
    const out = await seat.session.handle(event, this.now);
    for (const o of out) {
      if (o.type === 'relay') {
        for (const { participant, data } of o.to) {
          this.relayed += data.length;
          const passed = this.tamper({ from: seat.n, to: participant, data });
          const to = passed && (this.seats.get(passed.to) ?? this.lobby?.get(passed.to));
          if (to) await this.tell(to, { type: 'relays', relays: [{ from: passed.from, data: passed.data }] });
        }
      } else if (o.type === 'broadcast') {
        await this.all({
          type: 'broadcast',
          from: seat.n,
          kind: o.kind,
          at: new Date(this.now).toISOString(),
          data: o.data,
        });
      } else {
        seat.log.push(o);
      }
    }
  }

  async pass(ms) {
    for (const end = this.now + ms; this.now < end;) {
      this.now += 100;
      await this.all({ type: 'tick' });
    }
  }
}

/** A frame of one, opened by another, as the pipes do it. */
async function frameOf(seat, track = TRACKS.camera) {
  const key = seat.session.sender.key(track);
  if (!key) return null;
  return sframe.seal(key.key, key.next++, new Uint8Array(0), Uint8Array.of(1, 2, 3));
}

async function opens(seat, from, data) {
  const header = sframe.parseHeader(data);
  const key = await seat.session.keyring.key(from.n, header.kid);
  if (!key) return false;
  try {
    await sframe.open(key.key, header, new Uint8Array(0), data);
    return true;
  } catch {
    return false;
  }
}

const person = async (seat, n) => (await seat.session.view()).people.find((p) => p.participant === n);

test('everybody who joins opens everybody, knows their names, and sees the same code', async () => {
  const m = await Meeting.make();
  const seats = [];
  for (const name of ['Ana', 'Ben', 'Cem', 'Dora']) seats.push(await m.join(name));
  for (const a of seats) {
    for (const b of seats) {
      if (a === b) continue;
      assert(await opens(b, a, await frameOf(a)), `${b.name} opens ${a.name}`);
      assert.equal((await person(b, a.n)).name, a.name);
    }
  }
  const codes = await Promise.all(seats.map(async (s) => (await s.session.view()).code));
  assert.match(codes[0], /^(\d{5} ){5}\d{5}$/);
  assert.equal(new Set(codes).size, 1);
  await m.leave(seats[3]);
  assert.notEqual((await seats[0].session.view()).code, codes[0]);
});

test('who comes cannot open what was sent before; those who were there need no message to go on', async () => {
  const m = await Meeting.make();
  const [ana, ben] = [await m.join('Ana'), await m.join('Ben')];
  const before = await frameOf(ana);
  m.relayed = 0;
  const cem = await m.join('Cem');
  const after = await frameOf(ana);
  assert(await opens(ben, ana, before));
  assert(await opens(ben, ana, after));
  assert(await opens(cem, ana, after));
  assert(!(await opens(cem, ana, before)));
  assert.equal(readKid(sframe.parseHeader(after).kid).step, readKid(sframe.parseHeader(before).kid).step + 1);
});

test('who leaves cannot open what is sent half a second and an acknowledgement later, however many left', async () => {
  const m = await Meeting.make();
  const [ana, ben, cem, dora] = [await m.join('Ana'), await m.join('Ben'), await m.join('Cem'), await m.join('Dora')];
  await m.leave(cem);
  await m.leave(dora);
  await m.pass(400);
  assert(await opens(cem, ana, await frameOf(ana)), 'not yet: more may leave');
  await m.pass(200);
  const after = await frameOf(ana);
  assert(!(await opens(cem, ana, after)));
  assert(!(await opens(dora, ana, after)));
  assert(await opens(ben, ana, after));
  assert.equal(readKid(sframe.parseHeader(after).kid).gen, 1, 'one generation for both');
});

test('a key that was lost is sealed again, and a fresh generation does not wait for it for ever', async () => {
  const m = await Meeting.make();
  const [ana, ben, cem] = [await m.join('Ana'), await m.join('Ben'), await m.join('Cem')];
  await m.leave(cem);
  m.tamper = () => null;
  await m.pass(1700);
  const frame = await frameOf(ana);
  assert.equal(readKid(sframe.parseHeader(frame).kid).gen, 1, 'used after a second without an answer');
  assert(!(await opens(ben, ana, frame)));
  m.tamper = (r) => r;
  await m.pass(3000);
  assert(await opens(ben, ana, await frameOf(ana)));
});

test('a changed, repeated, redirected or re-attributed relay is refused', async () => {
  for (const change of [
    (r) => ({
      ...r,
      data: base64url(
        Uint8Array.from(
          atob(r.data.replace(/-/g, '+').replace(/_/g, '/')),
          (c, i) => c.charCodeAt(0) ^ (i === 20 ? 1 : 0),
        ),
      ),
    }),
    (r) => ({ ...r, to: r.to === 1 ? 2 : 1 }),
    (r) => ({ ...r, from: r.from === 3 ? 1 : 3 }),
    (r) => ({ ...r, data: 'AQ' }),
  ]) {
    const m = await Meeting.make();
    const [ana, ben] = [await m.join('Ana'), await m.join('Ben')];
    m.tamper = change;
    const cem = await m.join('Cem');
    for (const from of [ana, ben]) {
      const f = await frameOf(from);
      assert(!f || !(await opens(cem, from, f)));
      assert.equal((await person(cem, from.n)).name, '');
    }
  }
  const m = await Meeting.make();
  /** @type {any[]} */
  const kept = [];
  m.tamper = (r) => {
    kept.push(r);
    return r;
  };
  const [ana, ben] = [await m.join('Ana'), await m.join('Ben')];
  const before = await person(ben, ana.n);
  for (const r of kept) await m.tell(m.seats.get(r.to), { type: 'relays', relays: [{ from: r.from, data: r.data }] });
  assert.deepEqual(await person(ben, ana.n), before);
});

test('another announcement for a number, or the same for another number, makes it invalid for good', async () => {
  const m = await Meeting.make();
  const [ana, ben] = [await m.join('Ana'), await m.join('Ben')];
  const other = await m.seat('Eve');
  await m.tell(ana, {
    type: 'roster',
    joined: [
      { participant: 90, announce: ben.announce },
      { participant: 91, announce: ana.announce },
    ],
  });
  assert.equal((await person(ana, 90)).status, 'invalid');
  assert.equal((await person(ana, 91)).status, 'invalid');
  await m.tell(ana, { type: 'roster', changed: [{ participant: ben.n, announce: other.announce }] });
  assert.equal((await person(ana, ben.n)).status, 'invalid');
  await m.tell(ana, { type: 'roster', changed: [{ participant: ben.n, announce: ben.announce }] });
  assert.equal((await person(ana, ben.n)).status, 'invalid');
  await m.pass(700);
  assert(!(await opens(ben, ana, await frameOf(ana))));
});

test('a ghost without the link gets nothing and nobody hears it', async () => {
  const m = await Meeting.make();
  const ana = await m.join('Ana');
  const stranger = await m.join('Eve', { link: link.parse('') });
  assert.equal((await person(ana, stranger.n)).status, 'invalid');
  assert(!(await opens(stranger, ana, await frameOf(ana))));
  assert(!(await opens(ana, stranger, await frameOf(stranger))));
});

test('with a lobby only those whom a host admitted get keys, whatever the server says', async () => {
  const m = await Meeting.make(true);
  const host = await m.join('Ana', { identity: m.hostIdentity });
  const ghost = await m.join('Eve');
  assert.equal((await person(host, ghost.n)).status, 'outside');
  assert(!(await opens(ghost, host, await frameOf(host))));
  const ben = await m.seat('Ben');
  m.lobby = new Map([[ben.n, ben]]);
  await m.tell(host, { type: 'waiting', waiting: [{ participant: ben.n, announce: ben.announce }] });
  await m.tell(ben, { type: 'lobby', hosts: [m.entry(host.n), m.entry(ghost.n)] });
  assert.equal((await person(host, ben.n)).name, 'Ben', 'the name reaches who may admit');
  assert.equal(await person(ghost, ben.n), undefined);
  ben.admit = await host.session.issue(ben.n, 'participant', m.now);
  assert(ben.admit);
  assert.equal(await ben.session.issue(host.n, 'participant', m.now), null, 'a participant admits nobody');
  m.lobby.clear();
  await m.enter(ben);
  assert(await opens(ben, host, await frameOf(host)));
  assert(await opens(host, ben, await frameOf(ben)));
  assert(!(await opens(ghost, ben, await frameOf(ben))));
  const [a, b] = await Promise.all([host.session.view(), ben.session.view()]);
  assert.equal(a.code, b.code);
});

test("the owner of a room is admitted by the room's key, under the key of the device, and admits others", async () => {
  const [room, mine] = await Promise.all([identity(), identity()]);
  const m = new Meeting(await link.make(room.ikPublic, true));
  const owner = async (o) => {
    const session = await Session.create({ meeting: MEETING, link: m.link, name: 'Ana', now: m.now, ...o });
    return m.enter({
      session,
      name: 'Ana',
      n: m.nextNumber++,
      log: [],
      announce: session.announce,
      admit: session.admit,
    });
  };
  const ana = await owner({ identity: mine, room });
  assert.ok(ana.admit);
  assert.equal(ana.admit, ana.session.admit);
  const ben = await m.seat('Ben');
  ben.admit = '';
  await m.enter(ben);
  const seen = async (seat) => (await seat.session.view()).people.map(({ status, ik }) => [status, ik]);
  assert.deepEqual(await seen(ben), [['ok', base64url(mine.ikPublic)]], 'under the key of the device');
  assert.equal((await ana.session.view()).people[0].status, 'outside');
  ben.admit = await ana.session.issue(ben.n, 'participant', m.now);
  assert.ok(ben.admit);
  await m.all({ type: 'roster', changed: [m.entry(ben.n)] });
  assert.equal((await ana.session.view()).people[0].status, 'ok');
  assert.ok((await ben.session.view()).admitted);

  const eve = await owner({ identity: await identity(), room: await identity() });
  assert.equal(eve.admit, '', "another room's key is worth nothing");
  assert.equal(await eve.session.issue(ben.n, 'participant', m.now), null);
});

test('a creator who leaves first makes another host, and that one can let people in', async () => {
  const m = await Meeting.make(true);
  const host = await m.join('Ana', { identity: m.hostIdentity });
  const ben = await m.seat('Ben');
  await m.tell(host, { type: 'waiting', waiting: [{ participant: ben.n, announce: ben.announce }] });
  ben.admit = await host.session.issue(ben.n, 'participant', m.now);
  await m.enter(ben);
  m.now += 1000;
  const credential = await host.session.issue(ben.n, 'host', m.now);
  await m.tell(host, { type: 'credential', participant: ben.n, credential });
  await m.leave(host);
  const cem = await m.seat('Cem');
  await m.tell(ben, { type: 'waiting', waiting: [{ participant: cem.n, announce: cem.announce }] });
  cem.admit = await ben.session.issue(cem.n, 'participant', m.now);
  assert(cem.admit);
  await m.enter(cem);
  await m.pass(1200);
  assert(await opens(cem, ben, await frameOf(ben)));
  assert(await opens(ben, cem, await frameOf(cem)));
});

test('group chat is signed: a member cannot forge, repeat or re-label it', async () => {
  const m = await Meeting.make();
  const [ana, ben, cem] = [await m.join('Ana'), await m.join('Ben'), await m.join('Cem')];
  const said = [];
  const all = m.all.bind(m);
  m.all = async (event, except) => {
    if (event.type === 'broadcast') said.push(event);
    return all(event, except);
  };
  await m.tell(ana, { type: 'say', kind: 'chat', text: 'Hello\nyou' });
  for (const s of [ana, ben, cem]) {
    assert.deepEqual(
      s.log.filter((o) => o.type === 'chat').map((o) => [o.from, o.text]),
      [[ana.n, 'Hello\nyou']],
    );
  }
  await m.tell(ben, said[0]);
  await m.tell(ben, { ...said[0], from: cem.n });
  await m.tell(ben, { ...said[0], kind: 'reaction' });
  assert.equal(ben.log.filter((o) => o.type === 'chat' || o.type === 'reaction').length, 1);
  await m.tell(ben, { ...said[0], kind: 'app' });
  assert.equal(ben.log.filter((o) => o.type === 'app').length, 0);
  await m.tell(cem, { type: 'say', kind: 'reaction', text: 'clap' });
  assert.deepEqual(ben.log.at(-1), { type: 'reaction', from: cem.n, reaction: 'clap' });
});

test('what pages tell each other reaches all, or one, and is no chat', async () => {
  const m = await Meeting.make();
  const [ana, ben, cem] = [await m.join('Ana'), await m.join('Ben'), await m.join('Cem')];
  const told = (s) => s.log.filter((o) => o.type === 'app').map(({ from, to, text }) => [from, to, text]);
  await m.tell(ana, { type: 'say', kind: 'app', text: '{"poll":"ask"}' });
  await m.tell(ben, { type: 'private', kind: 'app', to: ana.n, text: '{"poll":"vote"}' });
  assert.deepEqual(told(cem), [[ana.n, undefined, '{"poll":"ask"}']]);
  assert.deepEqual(told(ana), [...told(cem), [ben.n, ana.n, '{"poll":"vote"}']]);
  assert.equal([ana, ben, cem].flatMap((s) => s.log).filter((o) => o.type === 'chat').length, 0);
  await m.tell(ana, { type: 'private', kind: 'app', to: ben.n, text: 'x'.repeat(1501) });
  assert.deepEqual(ana.log.at(-1), { type: 'unsent', to: ben.n });
  assert.deepEqual(told(ben), told(cem));
});

test('a private text reaches one', async () => {
  const m = await Meeting.make();
  const [ana, ben, cem] = [await m.join('Ana'), await m.join('Ben'), await m.join('Cem')];
  await m.tell(ana, { type: 'private', kind: 'chat', to: ben.n, text: 'psst' });
  assert.deepEqual(
    [ana, ben, cem].map((s) => s.log.filter((o) => o.type === 'chat').length),
    [1, 1, 0],
  );
});

test('a bot gets nothing until the person agrees, and nothing after they withdraw', async () => {
  const m = await Meeting.make();
  const ana = await m.join('Ana');
  const bot = await m.join('Recorder', { kind: 'bot' });
  assert.equal((await person(ana, bot.n)).hears, false);
  assert(!(await opens(bot, ana, await frameOf(ana))));
  assert.equal((await person(bot, ana.n)).name, '');
  await m.tell(ana, { type: 'consent', participant: bot.n, given: true });
  assert(await opens(bot, ana, await frameOf(ana)));
  await m.tell(ana, { type: 'consent', participant: bot.n, given: false });
  await m.pass(700);
  assert(!(await opens(bot, ana, await frameOf(ana))));
});

test('two who are shown different people are told so, and not before five seconds', async () => {
  const m = await Meeting.make();
  const [ana, ben] = [await m.join('Ana'), await m.join('Ben')];
  const cem = await m.seat('Cem');
  await m.tell(ana, { type: 'roster', joined: [{ participant: cem.n, announce: cem.announce }] }); // Ben is not told
  await m.pass(4000);
  assert(!(await person(ben, ana.n)).differs);
  await m.pass(80_000);
  assert((await person(ben, ana.n)).differs);
  assert((await person(ana, ben.n)).differs);
  await m.tell(ana, { type: 'roster', left: [{ participant: cem.n }] });
  await m.pass(30_000);
  assert(!(await person(ben, ana.n)).differs);
});

test('twenty who join in a burst are let in by one step each', async () => {
  const m = await Meeting.make();
  const ana = await m.join('Ana');
  await m.tell(ana, { type: 'sources', live: true });
  const seats = [];
  for (let i = 0; i < 20; i++) seats.push(await m.join(`P${i}`));
  const last = seats.at(-1);
  await m.pass(1200);
  assert(await opens(last, ana, await frameOf(ana)));
  assert(await opens(seats[0], ana, await frameOf(ana)));
});
