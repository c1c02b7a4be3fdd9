// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// Runs scenarios of the hostile-server suite (e2ee/testdata/hostile.md) against sessions of this implementation.
import assert from 'node:assert/strict';
import { base64url, hex } from '../../../static/js/e2ee/bytes.js';
import { writeSecrets } from '../../../static/js/e2ee/entries.js';
import { NONE } from '../../../static/js/e2ee/encoding.js';
import { Keyring } from '../../../static/js/e2ee/keyring.js';
import { newPair } from '../../../static/js/e2ee/mls/x25519.js';
import { open, parseHeader } from '../../../static/js/e2ee/sframe.js';
import { encodeTalk } from '../../../static/js/e2ee/talk.js';
import { badCommit, badProposal, forgedMeeting } from './bad.js';
import { Outsider } from './outsider.js';
import { World } from './world.js';

const list = (who) => (Array.isArray(who) ? who : [who]);

/** @returns {Promise<string[]>} what was not as expected */
export async function runScenario(scenario) {
  const world = new World(scenario);
  world.steps = scenario.steps.map((s) => s.at);
  await world.begin();
  const problems = [];
  for (const step of scenario.steps) {
    await world.runUntil(step.at);
    try {
      await (step.expect ? expect(world, step) : act(world, step));
    } catch (err) {
      if (!(err instanceof assert.AssertionError)) throw err;
      problems.push(`at ${step.at}: ${JSON.stringify(step)}: ${err.message}`);
    }
  }
  return problems;
}

/** @type {Record<string, (world: any, step: any) => any>} */
const ACTS = {
  join: (w, s) => w.join(s.join, { link: linkOf(w, s) }),
  leave: async (w, s) => {
    const seat = w.seat(s.leave);
    await w.tell(seat, { type: 'leave' });
    w.clock.in(21, () => w.server.end(seat));
  },
  close: (w, s) => w.server.end(w.seat(s.close)),
  cut: async (w, s) => {
    w.server.cut(w.seat(s.cut));
    await w.tell(w.seat(s.cut), { type: 'connection', up: false });
  },
  resume: async (w, s) => {
    await w.tell(w.seat(s.resume), { type: 'connection', up: true });
    w.server.resume(w.seat(s.resume));
  },
  live: async (w, s) => {
    w.seat(s.live).live = s.tracks ?? [];
    await w.tell(w.seat(s.live), { type: 'live', sources: s.tracks ?? [] });
  },
  consent: (w, s) => w.tell(w.seat(s.consent), { type: 'consent', key: keyOf(w, s.to), given: s.given }),
  say: (w, s) => w.tell(w.seat(s.say), { type: 'say', kind: 'chat', text: s.text }),
  private: (w, s) => w.tell(w.seat(s.private), { type: 'private', kind: 'chat', to: w.seat(s.to).n, text: s.text }),
  remove: async (w, s) => {
    const key = w.seat(s.remove).session.key;
    await w.tell(w.seat(s.by), { type: 'remove', keys: [key], lock: Boolean(s.lock) });
  },
  role: (w, s) => w.tell(w.seat(s.by), { type: 'role', key: w.seat(s.of).session.key, role: s.role }),
  policy: (w, s) => w.tell(w.seat(s.by), { type: 'policy', lobby: s.policy }),
  compare: (w, s) => w.tell(w.seat(s.compare), { type: 'compare' }),
  same: (w, s) => {
    const seat = w.seat(s.same);
    const shown = seat.numbers.at(-1);
    const key = w.seat(s.with).session.key;
    if (shown?.people.includes(key) && w.clock.now < shown.at + 300_000) seat.person.verified.add(s.with);
  },
  server: (w, s) => SERVER[s.server](w, s),
  bad: (w, s) => bad(w, s),
  asks: (w, s) => w.does(w.seat(s.asks), (o) => o.ask(w.seat(s.of).n, w.seat(s['meant for'] ?? s.of).n)),
};

const keyOf = (w, name) => base64url(w.person(name).identity.ikPublic);

function linkOf(w, s) {
  if (s.link === 'other') return w.other;
  return s.flip === 'lobby' ? { ...w.link, lobby: !w.link.lobby } : w.link;
}

async function act(world, step) {
  const kind = Object.keys(ACTS).find((k) => k in step);
  if (!kind) throw new Error(`no such step: ${JSON.stringify(step)}`);
  await ACTS[kind](world, step);
}

/** @type {Record<string, (world: any, step: any) => any>} */
const SERVER = {
  drop: (w, s) => w.server.filters.push({ kind: 'drop', ...s }),
  delay: (w, s) => w.server.filters.push({ kind: 'delay', ...s }),
  flip: (w, s) => w.server.filters.push({ kind: 'flip', ...s }),
  record: (w, s) => {
    w.server.records.set(s.id, []);
    w.server.filters.push({ kind: 'record', ...s });
  },
  pass: (w, s) => {
    w.server.filters = w.server.filters.filter((f) => f.id !== s.id);
  },
  replay: (w, s) => {
    for (const r of w.server.records.get(s.id) ?? []) {
      for (const name of s.to ?? w.present()) {
        const seat = w.seat(name);
        const as = s.as ? w.seat(s.as) : null;
        const m = structuredMessage(r.msg, as);
        w.clock.in(20, () => w.deliver(seat, m));
      }
    }
  },
  reverse: (w, s) => {
    const f = { kind: 'reverse', ...s, held: [] };
    w.server.filters.push(f);
    w.clock.in(s.for, async () => {
      w.server.filters = w.server.filters.filter((x) => x !== f);
      for (const { seat, msg } of f.held.reverse()) await w.deliver(seat, msg);
    });
  },
  split: (w, s) => w.server.split(s.groups),
  ended: (w, s) => {
    const { n } = w.seat(s.seat);
    for (const name of s.to ?? w.present()) {
      if (name !== s.seat) w.server.send(w.seat(name), 'roster', { type: 'roster', left: [{ participant: n }] });
    }
  },
  there: (w, s) => {
    const seat = w.seat(s.seat);
    const entry = { participant: seat.n, announce: seat.announce, connected: true };
    for (const name of s.to ?? w.present()) {
      if (name !== s.seat) w.server.send(w.seat(name), 'roster', { type: 'roster', joined: [entry] });
    }
  },
  removes: async (w, s) => {
    const seat = w.seat(s['leaf of']);
    const r = { leaf: leafIn(w, seat), ik: seat.session.identity.ikPublic, refs: [] };
    w.server.removals.push(r);
    for (const log of w.server.logs()) await w.server.signRemoval(log, r);
  },
  'wrong removal': async (w, s) => {
    const r = { leaf: leafIn(w, w.seat(s['leaf of'])), ik: w.person(s['data of']).identity.ikPublic, refs: [] };
    for (const log of w.server.logs()) await w.server.signRemoval(log, r);
  },
  names: (w, s) => {
    w.server.owners = new Map([...(w.server.owners ?? []), [s.of, w.seat(s.owner)]]);
  },
  shows: (w, s) => {
    const seat = w.seat(s.seat);
    seat.shownAnnounce = w.seat(s['announce of']).announce;
    for (const other of w.server.here()) {
      if (other !== seat) w.server.send(other, 'roster', { type: 'roster', changed: [w.server.entry(seat)] });
    }
  },
  'signs nothing': (w) => {
    w.server.signs = false;
  },
  clock: () => {},
  empties: (w) => {
    for (const log of w.server.logs()) {
      log.base = log.entries.at(-1)?.position ?? 0;
      log.gone = true;
    }
  },
};

function leafIn(w, seat) {
  const { session } = seat;
  for (const s of w.server.here()) {
    const leaf = s.session.epoch?.members.get(session.key)?.leaf;
    if (leaf !== undefined) return leaf;
  }
  return seat.leaves?.at(-1) ?? 0;
}

function structuredMessage(msg, as) {
  if (msg.frame) return { ...msg, as };
  const m = structuredClone(msg);
  if (as && m.type === 'broadcast') m.from = as.n;
  if (as && m.type === 'relays') m.relays = m.relays.map((r) => ({ ...r, from: as.n }));
  return m;
}

async function bad(w, s) {
  const mal = w.seat(s.bad);
  if (s.commits) return badCommit(w, mal, s.commits, s.of ? w.seat(s.of) : null, s['cannot open']);
  if (s.proposes) return badProposal(w, mal, w.seat(s.of));
  if (s.says !== undefined) {
    const data = base64url(await mal.session.epoch.group.seal(encodeTalk({ type: 'chat', text: s.says })));
    const from = s.as ? w.seat(s.as).n : mal.n;
    for (const seat of w.server.here()) {
      if (seat === mal) continue;
      const m = { type: 'broadcast', from, kind: 'chat', at: '2026-11-30T12:00:00.000Z', data };
      w.server.send(seat, 'broadcast', m, mal);
    }
    return undefined;
  }
  if (s['joins again with']) {
    const data = mal.oldPackage ?? mal.package?.data ?? w.person(s.bad).seats[0].package?.data;
    if (mal.ended || !mal.inside) {
      mal.ended = false;
      mal.connected = true;
      mal.inside = true;
    }
    return w.server.request(mal, 'key_package', { data });
  }
  if (s.listens) {
    w.listener = mal; // a seat of these tests keeps all keys that it ever had
    return undefined;
  }
  if (s.shows) return shows(w, mal, s);
  if (s.asks) {
    const { identity, secrets } = mal.session;
    const asks = Object.assign(new Outsider(), { identity, secrets, pair: await newPair() });
    const of = w.seat(s.asks);
    const data = base64url(await asks.question(of.session.identity.ikPublic));
    return w.server.send(of, 'relays', { type: 'relays', relays: [{ from: mal.n, data }] }, mal);
  }
  if (s.speaks) {
    if (s.speaks === 'not admitted') mal.session.admit = new Uint8Array(97);
    if (mal.session.heard) await w.does(mal, (o) => o.speak());
  }
  return undefined;
}

/** dave is shown a meeting that mal made. */
async function shows(w, mal, s) {
  const dave = await w.join(s.shows);
  w.server.filters.push({ kind: 'drop', what: 'secrets', to: [s.shows], id: `forged ${s.shows}` });
  w.server.filters.push({ kind: 'drop', what: 'log', to: [s.shows], id: `forged ${s.shows}` });
  w.server.filters.push({ kind: 'drop', what: 'broadcast', to: [s.shows], id: `forged ${s.shows}` });
  const go = async () => {
    if (!dave.package) {
      w.clock.in(20, go);
      return;
    }
    const { made, group } = await forgedMeeting(w, mal, dave, s.as === 'host');
    const joiners = [{ participant: dave.n, leaf: made.added[0], secrets: base64url(writeSecrets(made.joiners[0])) }];
    const info = base64url(made.encryptedGroupInfo);
    await w.tell(dave, { type: 'secrets', group_info: info, joiners, position: 1000 });
    const data = base64url(await group.seal(encodeTalk({ type: 'here' })));
    const m = { type: 'broadcast', from: mal.n, kind: 'group', at: '2026-11-30T12:00:00.000Z', data };
    await w.tell(dave, m);
  };
  w.clock.in(60, go);
}

/** @type {Record<string, (world: any, step: any) => any>} */
const EXPECT = {
  hears: (w, s) => {
    for (const who of list(s.who)) assert.equal(w.hears(who, s.of), s.is, who);
  },
  deaf: (w, s) => deaf(w, s),
  sends: (w, s) => {
    for (const who of list(s.who)) assert.equal(w.sends(who), s.is, who);
  },
  people: (w, s) => {
    for (const who of list(s.who)) assert.deepEqual(w.peopleOf(who), [...s.are].sort(), who);
  },
  'one group': (w, s) => {
    const states = list(s.who).map((who) => {
      const { epoch } = w.seat(who).session;
      return epoch ? `${epoch.number} ${hex(epoch.group.authenticator)}` : 'none';
    });
    assert.equal(new Set(states).size === 1 && states[0] !== 'none', s.is ?? true, states.join(' / '));
  },
  epoch: (w, s) => {
    for (const who of list(s.who)) assert.ok((w.seat(who).session.epoch?.number ?? -1n) > BigInt(s.past), who);
  },
  chat: (w, s) => {
    for (const who of list(s.who)) {
      const said = w
        .person(who)
        .chat.filter((c) => c.text === s.text && (!s.from || c.from === s.from) && (!s.private || c.private));
      assert.equal(said.length, s.times, who);
    }
  },
  role: (w, s) => {
    const key = base64url(w.person(s.of).identity.ikPublic);
    for (const who of list(s.who)) {
      const p = w
        .seat(who)
        .session.view(w.clock.now)
        .people.find((x) => x.key === key);
      assert.equal(p?.role ?? 'none', s.is, who);
    }
  },
  confirmed: (w, s) => {
    for (const who of list(s.who)) assert.equal(w.seat(who).session.confirmed, s.is, who);
  },
  asked: (w, s) => {
    for (const who of list(s.who)) assert.equal(w.person(who).asked.filter((by) => by === s.by).length, s.times, who);
  },
  warned: (w, s) => {
    for (const who of list(s.who)) {
      const times = w.person(who).warned.get(s.of) ?? [];
      assert.equal(
        times.some((at) => at >= (s.from ?? 0)),
        s.is,
        `${who} ${JSON.stringify(times.slice(0, 4))}`,
      );
    }
  },
  verified: (w, s) => {
    for (const who of list(s.who)) assert.deepEqual([...w.person(who).verified].sort(), [...s.are].sort());
  },
  number: (w, s) => {
    const numbers = list(s.who).map((who) => w.seat(who).numbers.at(-1)?.number);
    assert.equal(new Set(numbers).size === 1 && numbers[0] !== undefined, s.same, numbers.join(' / '));
  },
  'opened twice': (w, s) => {
    for (const who of list(s.who)) assert.equal(w.seat(who).twice > 0, s.is, who);
  },
  stays: (w, s) => {
    for (const who of list(s.who)) {
      const { session } = w.seat(who);
      assert.equal(session.epoch !== null && !session.stuck, s.is, who);
    }
  },
};

async function expect(w, step) {
  const check = EXPECT[step.expect];
  if (!check) throw new Error(`no such expectation: ${step.expect}`);
  await check(w, step);
}

async function deaf(w, s) {
  const mal = w.seat(s.who);
  const to = w.person(s.to);
  const frames = w.sealed.filter((f) => f.from.person === to && f.at >= s.from && f.at < (s.until ?? Infinity));
  for (const { epoch, base } of mal.bases ?? []) {
    const ring = new Keyring();
    await ring.take({ order: 'epoch', epoch, base: base.slice(), leaf: 0, members: [], removal: true }, 0);
    const held = ring.find(Number(epoch % 1024n), 0);
    for (const f of frames) {
      const header = parseHeader(f.bytes);
      if (!header || Number(header.kid & 0x3ffn) !== Number(epoch % 1024n)) continue;
      const opened = await open(await ring.key(held, header.kid), header, NONE, f.bytes).catch(() => null);
      assert.equal(opened, null, `a frame of ${f.at} opens`);
    }
  }
}
