// A server that is killed in a call of three and started again: what each person has to do, and how long it takes. The
// host has one browser, and one other person the other.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';

const small = { viewport: { width: 900, height: 600 } };

/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {import('playwright-core').Browser} */
let firefox;

before(async () => {
  [chromium, firefox] = await Promise.all([launch('chromium'), launch('firefox')]);
});

after(async () => {
  await Promise.all([chromium, firefox].map((browser) => browser?.close()));
});

for (const kind of /** @type {const} */ (['chromium', 'firefox'])) {
  describe(`a server that is killed, with the host in ${kind}`, () => {
    const step = story();
    /** @type {Server} */
    let server;
    /** @type {Person[]} */
    let people = [];
    let began = 0;

    before(async () => {
      server = await Server.start(`crash-${kind}`);
    });
    after(async () => {
      for (const p of people) await p.context.close();
      await server?.stop();
    });

    /** @param {Person} host @param {number} n who wait */
    const admitsAll = async (host, n) => {
      await host.press('people', true);
      for (let i = 0; i < n; i++) await host.at('waiting').first().getByTestId('admit').click();
    };
    /** @param {Person} person has got a code, and writes it: all there is to do */
    const writesCode = async (person) => {
      await person.screen('code');
      await person.write('signin-code', await server.code(person.email));
      await person.on('code').waitFor({ state: 'detached' });
    };
    /** @param {Person} person @param {string} what */
    const took = (person, what) =>
      process.stderr.write(
        `${kind}: ${person.name} ${what} after ${((performance.now() - began) / 1000).toFixed(1)} s\n`,
      );

    step('three in an encrypted call with a waiting room', async () => {
      const [mine, theirs] = kind === 'chromium' ? [chromium, firefox] : [firefox, chromium];
      const ana = await Person.arrive(mine, server, 'Ana', small);
      people = [ana];
      await ana.signIn();
      await ana.createMeeting();
      await ana.join({ camera: false });
      for (const [name, browser] of /** @type {const} */ ([
        ['Ben', theirs],
        ['Cem', chromium],
      ])) {
        const person = await Person.arrive(browser, server, name, { path: ana.link(), ...small });
        people.push(person);
        await person.signIn();
        await person.screen('prejoin');
        await person.write('name', name);
        await person.at('join').click();
        await person.screen('lobby');
        await admitsAll(ana, 1);
        await person.screen('call');
      }
    });

    step('the server is killed, and started again on its port', async () => {
      const died = new Promise((resolve) => {
        server.process?.once('exit', resolve);
      });
      server.process?.kill('SIGKILL');
      await died;
      server = await Server.start(`crash-${kind}-again`, ['--listen', new URL(server.url).host]);
      for (const p of people) p.server = server;
      began = performance.now();
    });

    step('each page asks for one thing: the code, which is on its way', async () => {
      for (const p of people) {
        await p.screen('code');
        await p.at('signin-note').waitFor();
        took(p, 'is asked for the code');
      }
      await people[1].screenshot(`crash-${kind}-code`);
    });

    step('who is there before the host waits', async () => {
      await writesCode(people[1]);
      await people[1].at('not-open').waitFor();
      await people[1].screenshot(`crash-${kind}-waits`);
    });

    step('the host signs in and is in the call again, at the same address, and has opened it', async () => {
      const [ana] = people;
      const link = ana.link();
      await writesCode(ana);
      await ana.screen('call');
      took(ana, 'is in the call');
      assert.equal(ana.link(), link);
    });

    step('the others are waiting to be let in, under their names, without a form', async () => {
      const [ana, ben, cem] = people;
      await ben.screen('lobby');
      await writesCode(cem);
      await cem.screen('lobby');
      await ana.press('people', true);
      for (const { name } of [ben, cem]) await ana.at('waiting').filter({ hasText: name }).waitFor();
      await admitsAll(ana, 2);
      for (const p of [ben, cem]) {
        await p.screen('call');
        took(p, 'is in the call');
      }
    });

    step('they hear one another, and nothing was switched on for them', async () => {
      const [ana, ben] = people;
      assert.equal(await ana.at('mic').getAttribute('aria-pressed'), 'false');
      await ben.press('mic', true);
      const { opened } = await ana.sealing();
      await until('frames open', async () => (await ana.sealing()).opened > opened);
    });
  });
}
