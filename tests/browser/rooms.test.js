// Links that last: a room is planned, opened, opened again on a server that knows nothing of it, and taken to another
// device. In each story the owner has one browser and the others have the other.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe } from 'node:test';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { artefact } from './harness/paths.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';

const small = { viewport: { width: 900, height: 700 } };

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

/** @param {Server} server ends at once, as a machine does that loses its power */
async function kill(server) {
  const died = new Promise((resolve) => {
    server.process?.once('exit', resolve);
  });
  server.process?.kill('SIGKILL');
  await died;
}

/** @param {Person} host ends the meeting for everyone */
async function ends(host) {
  await host.at('leave').click();
  await host.at('end-for-all').click();
  await host.at('dialog-yes').click();
  await host.screen('ended');
}

/** @param {Person} host @param {Person} guest who waits in the lobby */
async function admits(host, guest) {
  await host.press('people', true);
  await host.at('waiting').filter({ hasText: guest.name }).getByTestId('admit').click();
  await guest.screen('call');
}

/** @param {Person} person @param {string} name of the other, whose frames open */
async function hears(person, name) {
  await person.tileOf(name).waitFor();
  const { opened } = await person.sealing();
  await until(`${person.name} opens frames`, async () => (await person.sealing()).opened > opened);
}

for (const [kind, other] of /** @type {const} */ ([
  ['chromium', 'firefox'],
  ['firefox', 'chromium'],
])) {
  describe(`a room made in ${kind}`, () => {
    const step = story();
    const mine = () => (kind === 'chromium' ? chromium : firefox);
    const theirs = () => (other === 'chromium' ? chromium : firefox);
    /** @type {Server} */
    let server;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    let link = '';

    before(async () => {
      server = await Server.start(`rooms-${kind}`);
    });
    after(async () => {
      for (const p of [ana, ben]) await p?.context.close();
      await server?.stop();
    });

    step('a room has its link before the server has heard of it', async () => {
      ana = await Person.arrive(mine(), server, 'Ana', small);
      await ana.signIn();
      await ana.at('room-new').click();
      await ana.write('options-title', 'Weekly');
      await ana.at('options-create').click();
      await ana.at('room').filter({ hasText: 'Weekly' }).waitFor();
      await ana.page.evaluate(() => {
        Object.defineProperty(navigator, 'clipboard', {
          configurable: true,
          value: { writeText: async (/** @type {string} */ text) => Reflect.set(window, 'copied', text) },
        });
      });
      await ana.at('room-more').click();
      await ana.at('room-copy').click();
      link = String(await until('the link', () => ana.page.evaluate(() => Reflect.get(window, 'copied'))));
      assert.match(link, /\/m\/[0-9a-z-]{19}#k=[\w-]{43}&c=[\w-]{22}&l=1$/);
      await ana.screenshot(`rooms-${kind}-home`);
    });

    step('who comes early waits, and goes on by himself when the owner opens', async () => {
      ben = await Person.arrive(theirs(), server, 'Ben', {
        path: new URL(link).pathname + new URL(link).hash,
        ...small,
      });
      await ben.signIn();
      await ben.at('not-open').waitFor();
      await ben.screenshot(`rooms-${kind}-not-open`);
      await ana.at('room-open').click();
      await ana.join({ camera: false });
      await ben.screen('prejoin');
      await ben.write('name', 'Ben');
      await ben.press('mic', true);
      await ben.at('join').click();
      await ben.screen('lobby');
      await admits(ana, ben);
      await Promise.all([hears(ana, 'Ben'), hears(ben, 'Ana')]);
    });

    step('after the end, and on a server that has just started, the link is the same', async () => {
      await ends(ana);
      await Promise.all([ana.screen('ended'), ben.screen('ended')]);
      await kill(server);
      server = await Server.start(`rooms-${kind}-again`, ['--listen', new URL(server.url).host]);
      ana.server = ben.server = server;
      await ana.page.goto(server.url);
      await ana.signIn();
      await ben.page.goto('about:blank'); // the address is the one that is shown
      await ben.page.goto(link);
      await ben.signIn();
      await ben.at('not-open').waitFor();
      await ana.page.goto(link);
      await ana.at('open-room').waitFor();
      await ana.screenshot(`rooms-${kind}-mine`);
      await ana.at('open-room').click();
      await ana.join({ camera: false });
      await ben.screen('prejoin');
      await ben.write('name', 'Ben');
      await ben.press('mic', true);
      await ben.at('join').click();
      await admits(ana, ben);
      await Promise.all([hears(ana, 'Ben'), hears(ben, 'Ana')]);
      await ends(ana);
    });

    step('a file takes the room to another device, which opens it and admits', async () => {
      await ana.page.goto(server.url);
      // Firefox's driver tells of no downloads: look at what is saved instead.
      await ana.page.evaluate(() => {
        const make = URL.createObjectURL;
        URL.createObjectURL = (/** @type {any} */ blob) => {
          void blob.text().then((/** @type {string} */ text) => Reflect.set(window, 'saved', text));
          return make(blob);
        };
      });
      await ana.at('room-more').click();
      await ana.at('room-export').click();
      await ana.at('dialog-yes').click();
      const saved = artefact(`rooms-${kind}.json`);
      writeFileSync(saved, await until('a file', () => ana.page.evaluate(() => Reflect.get(window, 'saved') ?? '')));

      const desk = await Person.arrive(theirs(), server, 'Ana', small);
      desk.email = 'ana@desk.example.org';
      await desk.signIn();
      await desk.at('room-file').setInputFiles(saved);
      await desk.at('room-open').click();
      assert.equal(
        server.url + (await until('there', async () => desk.page.url().includes('/m/') && desk.link())),
        link,
      );
      await desk.join({ camera: false });
      await ben.page.goto('about:blank');
      await ben.page.goto(link);
      await ben.screen('prejoin');
      await ben.write('name', 'Ben');
      await ben.press('mic', true);
      await ben.at('join').click();
      await admits(desk, ben);
      await Promise.all([hears(desk, 'Ben'), hears(ben, 'Ana')]);
      await desk.context.close();
    });

    step('an erased room opens nothing', async () => {
      await ana.page.goto(server.url);
      await ana.at('room-more').click();
      await ana.at('room-erase').click();
      await ana.at('dialog-yes').click();
      await ana.at('room').waitFor({ state: 'detached' });
    });
  });
}
