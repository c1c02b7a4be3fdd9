// Who is who in an encrypted meeting: keys that changed, a server that says it is not encrypted, and whose word lets
// somebody in. In each story one looks on from Chromium and one from Firefox.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Relay } from './harness/relay.js';
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
  server = await Server.start('e2ee-people');
  [chromium, firefox] = await Promise.all([launch('chromium'), launch('firefox')]);
});

after(async () => {
  await Promise.all([chromium, firefox].map((browser) => browser?.close()));
  await server?.stop();
});

/**
 * @param {Person} person who sees @param {string} name whose tile @param {string} trust
 */
const sees = (person, name, trust) =>
  person.page
    .locator(`[data-testid="tile"][data-trust="${trust}"]`)
    .filter({ has: person.page.getByTestId('tile-name').filter({ hasText: name }) })
    .waitFor({ timeout: patience });

/** @param {Person} person @param {string} text to all */
async function says(person, text) {
  await person.press('chat', true);
  await person.write('chat-input', text);
  await person.at('chat-send').click();
}

/** @param {Person} person @param {string} text */
const reads = async (person, text) => {
  await person.press('chat', true);
  await person.at('chat-message').filter({ hasText: text }).waitFor({ timeout: patience });
};

/** @param {Person} person how many frames they have opened, in a second that is long over or that passes */
const openedWithin = async (person) => {
  const { opened } = await person.sealing();
  await sleep(1000);
  return (await person.sealing()).opened - opened;
};

/** @param {Relay} relay @returns {Server} the same server, at the relay's address */
const through = (relay) =>
  /** @type {Server} */ (
    /** @type {unknown} */ ({ url: relay.url, code: (/** @type {string} */ email) => server.code(email) })
  );

/** Who looks on, and what the other has. */
const pairs = /** @type {const} */ ([
  ['chromium', 'firefox'],
  ['firefox', 'chromium'],
]);

for (const [kind, other] of process.env.E2EE_PEOPLE_SHORT ? pairs.slice(0, 1) : pairs) {
  describe(`a key that is not the one known for a name, seen in ${kind}`, () => {
    const step = story();
    const browsers = () => ({
      mine: kind === 'chromium' ? chromium : firefox,
      theirs: other === 'chromium' ? chromium : firefox,
    });
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let impostor;

    after(async () => {
      for (const p of [ana, impostor]) await p?.context.close();
    });

    step('somebody met before is known, as long as the key is theirs', async () => {
      ana = await Person.arrive(browsers().mine, server, 'Ana', small);
      ana.email = `ana-${kind}@example.org`;
      await ana.signIn();
      await ana.createMeeting({ lobby: false });
      await ana.join({ mic: false });
      const ben = await Person.arrive(browsers().theirs, server, 'Ben', { path: ana.link(), ...small });
      ben.email = `ben-${kind}@example.org`;
      await ben.signIn();
      await ben.join({ mic: false, camera: false });
      await sees(ana, 'Ben', 'new');
      await ana.leave();
      await ana.at('rejoin').click();
      await ana.join({ mic: false });
      await sees(ana, 'Ben', 'known');
      await ben.leave();
      await ben.context.close();
    });

    step(
      'another key under that name is changed: on tile, message, chip and panel; in the next meeting too',
      async () => {
        impostor = await Person.arrive(browsers().theirs, server, 'Ben', { path: ana.link(), ...small });
        impostor.email = `not-ben-${kind}@example.org`;
        await impostor.signIn();
        await impostor.join({ mic: false, camera: false });
        for (const meeting of ['first', 'next']) {
          await sees(ana, 'Ben', 'changed');
          await ana
            .at('changed-key')
            .getByText(words('security.changed.name', { name: 'Ben' }))
            .waitFor();
          await ana.tileOf('Ben').getByTestId('tile-key').waitFor();
          assert.equal(await ana.at('security').getAttribute('data-troubled'), 'true');
          await ana.code();
          await ana.page
            .locator('[data-testid="e2ee-person"][data-trust="changed"]')
            .getByText(words('security.trust.changed'))
            .waitFor();
          if (meeting === 'next') return;
          await ana.leave();
          await ana.at('rejoin').click();
          await ana.join({ mic: false });
        }
      },
    );

    step('whom one compares the number with is verified, and no one is warned of any more', async () => {
      await ana.code();
      await ana.at('e2ee-verify').click();
      await sees(ana, 'Ben', 'verified');
      assert.equal(await ana.at('security').getAttribute('data-troubled'), 'false');
    });
  });
}

describe('a server that calls the meeting a plain one', () => {
  const step = story();
  /** @type {Relay} */
  let relay;
  /** @type {Person} */
  let ana;

  before(async () => {
    relay = await Relay.start(server.url);
  });
  after(async () => {
    await ana?.context.close();
    relay.stop();
  });

  step('the encryption is not taken off by the answer to joining either: the page leaves', async () => {
    ana = await Person.arrive(firefox, through(relay), 'Ana', small);
    ana.email = 'ana-plain@example.org';
    await ana.signIn();
    await ana.createMeeting({ lobby: false });
    relay.tamper = (m) => (m.type === 'welcome' ? { ...m, meeting: { ...m.meeting, e2ee: false } } : m);
    await ana.write('name', 'Ana');
    await ana.at('join').click();
    await ana.at('ended-downgrade').getByText(words('bye.downgrade.text')).waitFor({ timeout: patience });
    assert.equal((await ana.probe()).connections, 0);
  });
});

describe('whose word lets somebody in', () => {
  const step = story();
  /** @type {Relay} */
  let relay;
  /** @type {Person} */
  let ana;
  /** @type {Person} */
  let ben;
  /** @type {Person} */
  let cem;
  /** @type {Person[]} */
  const people = [];

  /**
   * @param {import('playwright-core').Browser} browser
   * @param {string} name
   * @param {string} [path]
   * @param {Server} [at]
   */
  const arrive = async (browser, name, path = '/', at = server) => {
    const person = await Person.arrive(browser, at, name, { path, ...small });
    person.email = `${name}-lobby@example.org`.toLowerCase();
    people.push(person);
    await person.signIn();
    return person;
  };

  /** @param {Person} host @param {string} name */
  const admits = async (host, name) => {
    await host.press('people', true);
    await host.at('waiting').filter({ hasText: name }).getByTestId('admit').click();
  };

  /** @param {string} name @param {string} item of the menu */
  const anaChooses = async (name, item) => {
    await ana.press('people', true);
    await ana.at('person').filter({ hasText: name }).getByTestId('person-menu').click();
    await ana.at(item).click();
  };

  before(async () => {
    relay = await Relay.start(server.url);
    relay.withClock();
  });
  after(async () => {
    for (const p of people) await p.context.close();
    relay.stop();
  });

  step("a co-host by the creator's signature lets somebody in, whom all believe", async () => {
    ana = await arrive(chromium, 'Ana', '/', through(relay));
    await ana.createMeeting();
    await ana.join({ mic: false });
    ben = await arrive(firefox, 'Ben', ana.link(), through(relay));
    await ben.knock({ mic: false });
    await admits(ana, 'Ben');
    await ben.screen('call');
    await sees(ana, 'Ben', 'new');
    await anaChooses('Ben', 'make-cohost');
    cem = await arrive(chromium, 'Cem', ana.link());
    await cem.knock({ mic: false });
    await admits(ben, 'Cem');
    await cem.screen('call');
    for (const person of [ana, ben]) await sees(person, 'Cem', 'new');
    for (const name of ['Ana', 'Ben']) await sees(cem, name, 'new');
    await until('Cem sees a picture', async () => (await openedWithin(cem)) > 0);
    assert.equal(await cem.code(), await ana.code());
  });

  step('with a forged signature the server lets somebody in, and nobody else does', async () => {
    relay.tamper = (m, direction) => {
      if (direction !== 'up' || m.type !== 'admit') return m;
      const forged = (/** @type {string} */ admit) =>
        `${admit.slice(0, -20)}${admit.at(-20) === 'A' ? 'B' : 'A'}${admit.slice(-19)}`;
      return {
        ...m,
        admissions: m.admissions.map((/** @type {{admit: string}} */ a) => ({ ...a, admit: forged(a.admit) })),
      };
    };
    const dan = await arrive(chromium, 'Dan', ana.link());
    await dan.knock({ mic: false });
    await admits(ben, 'Dan');
    await dan.screen('call');
    relay.tamper = (m) => m;
    await dan.at('e2ee-unconfirmed').getByText(words('security.unconfirmed.self')).waitFor();
    for (const person of [ana, ben, cem]) assert.equal(await person.tileOf('Dan').count(), 0);
    await says(ana, 'not for Dan');
    await reads(cem, 'not for Dan');
    assert.equal((await dan.sealing()).opened, 0);
    assert.equal(await dan.at('chat-message').count(), 0);
    await dan.leave();
  });

  step('when the creator has gone, an heir of the group becomes host, and can let others in', async () => {
    await ana.leave();
    await ben.tileOf('Ana').waitFor({ state: 'detached' });
    await ben.ahead(60_000); // heirs wait for so long
    await ben.at('promoted').getByText(words('security.promoted.self')).waitFor();
    const eve = await arrive(chromium, 'Eve', ben.link());
    await eve.knock({ mic: false });
    await admits(ben, 'Eve');
    await eve.screen('call');
    for (const person of [ben, cem]) await sees(person, 'Eve', 'new');
    await sees(eve, 'Ben', 'new');
  });
});
