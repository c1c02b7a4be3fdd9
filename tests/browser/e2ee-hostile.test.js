// What a server can do to an encrypted meeting, done to people's pages by a relay that lies (docs/e2ee.md,
// section 16).
// The same is done to the group's code alone by e2ee/testdata/hostile.json.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Relay, replaceOnce } from './harness/relay.js';
import { Server } from './harness/server.js';
import { patience, sleep, until } from './harness/wait.js';
import { words } from './harness/words.js';

const small = { viewport: { width: 900, height: 600 } };

/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {import('playwright-core').Browser} */
let firefox;

before(async () => {
  server = await Server.start('e2ee-hostile');
  [chromium, firefox] = await Promise.all([launch('chromium'), launch('firefox')]);
});

after(async () => {
  await Promise.all([chromium, firefox].map((browser) => browser?.close()));
  await server?.stop();
});

/**
 * Has every frame that comes to the page come again a second or more later. What opens twice is complained of in the
 * page's console. Runs in the page's worker.
 * @param {{readable: ReadableStream, writable: WritableStream}} transformer
 */
function twice({ readable, writable }) {
  /** @type {object[]} */
  const old = [];
  const again = new TransformStream({
    transform(frame, controller) {
      const [data, meta] = [frame.data.slice(0), frame.getMetadata()];
      old.push({
        type: frame.type,
        getMetadata: () => meta,
        get data() {
          return data;
        },
        set data(_) {
          // What opened is shorter, or is with the decoder: a frame that was dropped may open when it comes again.
          if (frame.data.byteLength !== data.byteLength) console.error('a frame was opened twice');
        },
      });
      controller.enqueue(frame);
      if (old.length > 60) controller.enqueue(old.shift());
    },
  });
  return { readable: readable.pipeThrough(again), writable };
}

/** @param {Relay} relay serves pages that get every frame twice */
const replaysFrames = (relay) =>
  relay.scripts.set(
    '/e2ee/mediaworker.js',
    (text) => replaceOnce(text, 'run(transformer, opener, took)', 'run(twice(transformer), opener, took)') + twice,
  );

/**
 * Keeps pictures of what somebody is told, in a wide window and in a narrow one: E2EE_PICTURES=1.
 * @param {Person} person @param {string} name
 */
async function picture(person, name) {
  if (!process.env.E2EE_PICTURES) return;
  for (const [width, height] of [
    [1280, 800],
    [320, 640],
  ]) {
    await person.page.setViewportSize({ width, height });
    await person.settled();
    await person.screenshot(`hostile-${name}-${width}`);
  }
  await person.page.setViewportSize(small.viewport);
}

/** @param {any} m @param {...string} types @returns {boolean} */
const is = (m, ...types) => types.includes(m.type);

/** What is the group's, and comes from others. */
const ofGroup = ['log', 'secrets', 'key_packages', 'broadcast', 'relays'];

/** @param {Person} person @param {string} name whose tile @param {string} trust */
const sees = (person, name, trust) =>
  person.page
    .locator(`[data-testid="tile"][data-trust="${trust}"]`)
    .filter({ has: person.page.getByTestId('tile-name').filter({ hasText: name }) })
    .waitFor({ timeout: patience });

/** @param {Person} person @param {string} name */
const loses = (person, name) => person.tileOf(name).waitFor({ state: 'detached', timeout: patience });

/** @param {Person} person @param {string} text */
const messages = (person, text) => person.at('chat-message').filter({ hasText: text });

/** @param {Person} person @param {string} text @param {string} [to] nobody: all */
async function says(person, text, to = '') {
  await person.press('chat', true);
  if (to) await person.at('chat-to').selectOption({ label: to });
  await person.write('chat-input', text);
  await person.at('chat-send').click();
}

/** @param {Person} person @param {string} text */
async function reads(person, text) {
  await person.press('chat', true);
  await messages(person, text).waitFor({ timeout: patience });
}

/** @param {Person} person @param {string} name */
async function admits(person, name) {
  await person.press('people', true);
  await person.at('waiting').filter({ hasText: name }).getByTestId('admit').click();
}

/** @param {Person} person @param {string} name @returns {import('playwright-core').Locator} in the list of people */
const rowOf = (person, name) => person.at('person').filter({ hasText: name });

/** @param {Person} person nothing is sealed for a second */
async function isMute(person) {
  const { sealed } = await person.sealing();
  await sleep(1000);
  assert.equal((await person.sealing()).sealed, sealed, `${person.name} sends`);
}

/** @param {Person} person */
const speaks = async (person) => {
  const { sealed } = await person.sealing();
  await until(`${person.name} sends`, async () => (await person.sealing()).sealed > sealed);
};

const orders = /** @type {const} */ ([
  ['chromium', 'firefox'],
  ['firefox', 'chromium'],
]);

for (const [kind, other] of process.env.E2EE_PEOPLE_SHORT ? orders.slice(0, 1) : orders) {
  describe(`a hostile server, the host in ${kind}`, () => {
    const step = story();
    /** @typedef {Person & {relay: Relay}} Victim */
    /** @type {Victim[]} */
    const people = [];
    /** @type {Victim} */
    let ana;
    /** @type {Victim} */
    let ben;
    /** @type {Victim} */
    let cem;
    /** What the server said to the host, to be said again. @type {any[]} */
    const said = [];

    /** @param {string} name @param {{path?: string, theirs?: boolean, frames?: boolean}} [o] */
    const arrive = async (name, { path = '/', theirs = false, frames = false } = {}) => {
      const relay = await Relay.start(server.url);
      relay.withClock();
      if (frames) replaysFrames(relay);
      const at = /** @type {Server} */ (
        /** @type {unknown} */ ({ url: relay.url, code: (/** @type {string} */ email) => server.code(email) })
      );
      const browser = (theirs ? other : kind) === 'chromium' ? chromium : firefox;
      const person = Object.assign(await Person.arrive(browser, at, name, { path, ...small }), { relay });
      person.email = `${name}-${kind}@example.org`.toLowerCase();
      people.push(person);
      await person.signIn();
      return person;
    };

    after(async () => {
      for (const p of people) {
        await p.context.close();
        p.relay.stop();
      }
    });

    step('"the same" verifies whom one compared with, and who came later is not', async () => {
      ana = await arrive('Ana');
      await ana.createMeeting();
      await ana.join({ mic: false });
      ben = await arrive('Ben', { path: ana.link(), theirs: true, frames: true });
      await ben.knock({ mic: false });
      await admits(ana, 'Ben');
      await ben.screen('call');
      await sees(ana, 'Ben', 'new');
      const number = await ana.code();
      assert.match(number, /^(\d{5} ){5}\d{5}$/);
      assert.equal(await ben.code(), number);
      await picture(ben, 'compare');
      // Whom the server hides from Ben he sees all the same.
      ben.relay.tamper = (m, direction) => (direction === 'down' && is(m, 'roster') ? { ...m, joined: [] } : m);
      ana.relay.tamper = (m, direction) => {
        if (direction === 'down' && is(m, 'key_packages')) said.push(m);
        return m;
      };
      cem = await arrive('Cem', { path: ana.link() });
      await cem.knock({ mic: false, camera: false });
      await admits(ana, 'Cem');
      await cem.screen('call');
      for (const person of [ana, ben]) await sees(person, 'Cem', 'new');
      ben.relay.tamper = (m) => m;
      await ana.at('security').click();
      await ana.at('e2ee-verify').click();
      await sees(ana, 'Ben', 'verified');
      await sees(ana, 'Cem', 'new');
    });

    step('old messages and old frames are not taken a second time', async () => {
      /** @type {any[]} */
      const heard = [];
      ben.relay.tamper = (m, direction) => {
        if (direction === 'down' && is(m, 'broadcast', 'relays')) heard.push(m);
        return m;
      };
      await says(ana, 'heron for one', 'Ben');
      await reads(ben, 'heron for one');
      await says(cem, 'pelican for all');
      await reads(ben, 'pelican for all');
      for (const m of [...heard, ...heard]) ben.relay.tell(m);
      await says(cem, 'gull for all');
      await reads(ben, 'gull for all');
      for (const text of ['heron', 'pelican']) assert.equal(await messages(ben, text).count(), 1, text);
      await until('old frames came to Ben', async () => (await ben.sealing()).repeated > 30);
      await ben.plays('[data-testid="tile"]');
      assert(!ben.complaints.some((line) => line.includes('a frame was opened twice')));
    });

    step('roles are those of the group, and whom the server alone speaks of is not in it', async () => {
      const known = await ana.entryOf(cem.relay.participant);
      const entry = { ...known, role: 'host', hand: 1 };
      const ghost = { participant: 9000, name: '', role: 'participant', sources: ['mic'], hand: 0, connected: true };
      const announce = `x${String(known.announce).slice(1)}`; // the right form, and nobody's key
      for (const { relay } of [ana, ben]) {
        relay.tell({ type: 'roster', changed: [entry] });
        relay.tell({ type: 'roster', joined: [{ ...ghost, announce }] });
        relay.tell({ type: 'roster', joined: [{ ...ghost, participant: 9001, announce: 'AAAA', kind: 'bot' }] });
      }
      await ana.press('people', true);
      await rowOf(ana, 'Cem').locator('.badge.hand').waitFor();
      assert.equal(
        await rowOf(ana, 'Cem')
          .filter({ hasText: words('role.host') })
          .count(),
        0,
      );
      assert.equal(await ana.at('person').count(), 4, 'Ana, Ben, Cem and the bot');
      await ana.at('security').click();
      const outside = ana.page.locator('[data-testid="e2ee-person"][data-trust="outside"]');
      await until('both are shown as outside', async () => (await outside.count()) === 2);
      await picture(ana, 'outside');
      for (const { relay } of [ana, ben]) {
        relay.tell({ type: 'roster', left: [9000, 9001].map((participant) => ({ participant, reason: 'left' })) });
      }
      /** @type {any[]} */
      const commits = [];
      cem.relay.tamper = (m, direction) => {
        if (direction === 'up' && is(m, 'commit')) commits.push(m);
        if (direction === 'down' || !is(m, 'remove')) return m;
        cem.relay.tell({ type: 'ok', id: m.id });
        return null;
      };
      cem.relay.tell({ type: 'permissions', role: 'host', permissions: ['chat', 'remove', 'roles'] });
      await cem.onPerson('Ben', 'remove');
      await cem.at('dialog-yes').click();
      await says(cem, 'not the host');
      await reads(ben, 'not the host');
      assert.deepEqual(commits, []);
      await cem.press('people', true);
      const own = cem.at('person').filter({ hasText: words('tile.you', { name: 'Cem' }) });
      assert.equal(await own.filter({ hasText: words('role.host') }).count(), 0);
      cem.relay.tamper = (m) => m;
    });

    step('removals that the server withholds: a second after the leaver nothing is sent', async () => {
      await speaks(ana);
      ana.relay.tamper = (m, direction) => (direction === 'down' && is(m, 'log') ? null : m);
      await cem.leave();
      await loses(ben, 'Cem');
      await ana.at('e2ee-waiting').getByText(words('security.waiting')).waitFor();
      await isMute(ana);
      await picture(ana, 'waiting');
      ana.relay.tamper = (m) => m;
      await loses(ana, 'Cem');
      await ana.at('e2ee-waiting').waitFor({ state: 'hidden' });
      await speaks(ana);
    });

    step('who was removed is not put back by what they said before', async () => {
      said.length = 0;
      ana.relay.tamper = (m, direction) => {
        if (direction === 'down' && is(m, 'key_packages')) said.push(m);
        return m;
      };
      await cem.at('rejoin').click();
      await cem.knock({ mic: false, camera: false });
      await admits(ana, 'Cem');
      for (const person of [ana, ben]) await sees(person, 'Cem', 'new');
      const entry = await ana.entryOf(cem.relay.participant);
      await ana.onPerson('Cem', 'remove');
      await ana.at('dialog-yes').click();
      for (const person of [ana, ben]) await loses(person, 'Cem');
      await cem.screen('ended');
      /** @type {any[]} */
      const commits = [];
      assert(said.length > 0);
      for (const { relay } of [ana, ben]) {
        relay.tamper = (m, direction) => {
          if (direction === 'up' && is(m, 'commit')) commits.push(m);
          return m;
        };
        relay.tell({ type: 'roster', joined: [entry] });
        for (const m of said) relay.tell({ ...m, turn: 0 });
      }
      await sleep(1500); // a commit would be due after 200 ms
      assert.deepEqual(commits, []);
      for (const { relay } of [ana, ben]) {
        relay.tell({ type: 'roster', left: [{ participant: entry.participant, reason: 'removed' }] });
        relay.tamper = (m) => m;
      }
    });

    step('a co-host who is none any more lets nobody in, whatever the server thinks', async () => {
      await ana.onPerson('Ben', 'make-cohost');
      await ben.press('people', true);
      await rowOf(ben, 'Ben')
        .filter({ hasText: words('role.cohost') })
        .waitFor();
      const dan = await arrive('Dan', { path: ana.link() });
      await dan.knock({ mic: false });
      /** @type {any} */
      let admit;
      ben.relay.tamper = (m, direction) => {
        if (direction === 'down' || !is(m, 'admit')) return m;
        admit = m;
        ben.relay.tell({ type: 'ok', id: m.id });
        return null;
      };
      await admits(ben, 'Dan');
      await until('Ben has admitted Dan', () => admit);
      ana.relay.tamper = (m, direction) => {
        if (direction === 'down' || !is(m, 'role')) return m;
        ana.relay.tell({ type: 'ok', id: m.id });
        return null;
      };
      await ana.onPerson('Ben', 'make-participant');
      await rowOf(ben, 'Ben')
        .filter({ hasNotText: words('role.cohost') })
        .waitFor();
      ben.relay.ask(admit);
      await dan.screen('call');
      await dan.at('e2ee-unconfirmed').getByText(words('security.unconfirmed.self')).waitFor();
      for (const person of [ana, ben]) assert.equal(await person.tileOf('Dan').count(), 0);
      assert.equal((await dan.sealing()).sealed, 0);
      await dan.leave();
      for (const { relay } of [ana, ben]) relay.tamper = (m) => m;
    });

    step('a meeting that the server splits warns after 45 s, and is silent after 75 s', async () => {
      for (const { relay } of [ana, ben]) {
        relay.tamper = (m, direction) => (direction === 'down' && is(m, ...ofGroup) ? null : m);
      }
      for (const person of [ana, ben]) await person.ahead(34_000); // less than 45 s, even with the last beat 10 s ago
      for (const person of [ana, ben]) {
        await person.at('e2ee-silence').getByText(words('security.silence')).waitFor();
        await speaks(person);
        await picture(person, `silence-${person.name}`);
        await person.ahead(20_000);
      }
      for (const person of [ana, ben]) {
        await person.at('e2ee-stopped').getByText(words('security.stopped')).waitFor();
        await isMute(person);
        await picture(person, `stopped-${person.name}`);
      }
      for (const { relay } of [ana, ben]) relay.tamper = (m) => m;
      for (const person of [ana, ben]) {
        await person.at('e2ee-stopped').waitFor({ state: 'hidden' });
        await speaks(person);
      }
    });

    step('a newcomer who is shown a false meeting says nothing in it', async () => {
      const eve = await arrive('Eve', { path: ana.link() });
      await eve.knock({ mic: false });
      /** @type {any[]} */
      const offered = [];
      /** @type {any[]} */
      const sent = [];
      eve.relay.tamper = (m, direction) => {
        if (direction === 'down') return is(m, ...ofGroup) ? null : m;
        sent.push(m);
        if (!is(m, 'key_package')) return m;
        offered.push(m);
        eve.relay.tell({ type: 'ok', id: m.id });
        return null;
      };
      await admits(ana, 'Eve');
      await eve.screen('call');
      const { data } = await until('Eve asks to be let in', () => offered[0]);
      const { participant } = eve.relay;
      await until('Ben is told of Eve', () => ben.entryOf(participant).catch(() => null));
      // Ben's page plays the member who makes a false meeting with the server: only Eve hears of what it commits.
      let { position } = ben.relay;
      const from = ben.relay.participant;
      ben.relay.tamper = (m, direction) => {
        if (direction === 'down') return is(m, ...ofGroup) ? null : m;
        if (is(m, 'broadcast')) eve.relay.tell({ ...m, id: undefined, from, at: new Date().toISOString() });
        if (!is(m, 'broadcast', 'commit')) return m;
        ben.relay.tell({ type: 'ok', id: m.id });
        if (is(m, 'broadcast')) return null;
        position++;
        for (const { relay } of [ben, eve]) {
          relay.tell({ type: 'log', entries: [{ position, from, data: m.data }] });
          if (m.added) relay.tell({ type: 'secrets', position, group_info: m.group_info, joiners: m.added });
        }
        return null;
      };
      ben.relay.tell({ type: 'key_packages', turn: 0, packages: [{ participant, data }] });
      for (const name of ['Ana', 'Ben']) await sees(eve, name, 'new');
      await eve.at('e2ee-unconfirmed').getByText(words('security.unconfirmed.self')).waitFor();
      await picture(eve, 'unconfirmed');
      await says(eve, 'not for a false meeting');
      await isMute(eve);
      assert.equal((await eve.sealing()).sealed, 0);
      assert.equal(await ana.tileOf('Eve').count(), 0);
      eve.relay.tamper = (m) => m;
      assert(!sent.some((m) => m.kind === 'chat'));
      await eve.ahead(10_000); // a meeting that no host confirms is given up
      await sees(ana, 'Eve', 'new');
      await eve.at('e2ee-unconfirmed').waitFor({ state: 'hidden' });
      await reads(ana, 'not for a false meeting');
      await speaks(eve);
    });

    step('nobody saw a policy violation, a console error or a request to another origin', async () => {
      for (const person of people) await person.assertUntroubled();
    });
  });
}
