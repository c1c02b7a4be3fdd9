// The way back into a meeting, step by step, in real browsers: what is broken is broken in the page or at the server,
// and what the others see is looked at too.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { installSwitches, stepsShown, turn } from './states-switches.js';

for (const kind of kinds) {
  describe(`trouble: the way back in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {Server | undefined} */
    let restarted;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`ladder-${kind}`), launch(kind)]);
      ana = await Person.arrive(browser, server, 'Ana', { viewport: { width: 640, height: 480 } });
      await ana.signIn();
      await ana.createMeeting({ lobby: false });
      await ana.join({ mic: false, camera: true });
      ben = await Person.arrive(browser, server, 'Ben', { path: ana.link(), viewport: { width: 640, height: 480 } });
      await ben.context.addInitScript(installSwitches);
      await ben.page.reload();
      await ben.signIn();
    });

    after(async () => {
      await browser?.close();
      await Promise.all([server?.stop(), restarted?.stop()]);
    });

    /** @returns {Promise<string>} Ben's number, as his own page has it */
    const number = async () =>
      (await ben.page.locator('[data-testid="tile"][data-self]').first().getAttribute('data-participant')) ?? '';

    /** @returns {Promise<number>} */
    const connections = async () => (await ben.probe()).connections;

    /** Waits until both see each other's moving pictures, and each other once. */
    async function together() {
      await ben.at('ladder').waitFor({ state: 'hidden' });
      for (const [person, other] of /** @type {const} */ ([
        [ana, 'Ben'],
        [ben, 'Ana'],
      ])) {
        await until(`${person.name} sees ${other} move`, async () => {
          const videos = (await person.frameRates(700)).filter((rate) => !rate.self);
          return videos.length === 1 && videos[0].decoded > 1;
        });
        assert.equal(await person.tileOf(other).count(), 1, `${person.name} sees ${other} once`);
      }
    }

    /** @param {string} name of the step that must be shown */
    const shown = (name) => until(`Ben is shown "${name}"`, async () => (await stepsShown(ben)).includes(name));

    step('the first answers cannot be used: said in words, and connected anew until one can', async () => {
      await turn(ben, { failAnswers: 2 });
      await ben.join({ mic: false, camera: true });
      await shown('new_connection');
      await together();
      assert.equal(await connections(), 3);
    });

    step('a lost socket: the seat again, and media untouched', async () => {
      const [made, at] = [await connections(), await number()];
      await turn(ben, { dropSockets: true });
      await until('another socket', async () => (await ben.probe()).sockets === 2);
      await together();
      assert.equal(await connections(), made);
      assert.equal(await number(), at);
    });

    step('media that fails for good: a restart of ICE, then a new connection on the same seat', async () => {
      const [made, at] = [await connections(), await number()];
      await turn(ben, { breakMedia: true });
      await shown('ice_restart');
      await shown('new_connection');
      await together();
      assert.equal(await connections(), made + 1);
      assert.equal(await number(), at, 'the same seat');
    });

    step('nothing can be negotiated on the seat: joined anew, and the old seat given up', async () => {
      const at = await number();
      await turn(ben, { breakMedia: true, failAnswers: 4 }); // the restart's, and those of three new connections
      await shown('rejoin');
      await until('another seat', async () => (await number()) !== at);
      await together();
    });

    step('nothing helps: said so, with a way to try again, which works once things are well', async () => {
      await turn(ben, { breakMedia: true, failAnswers: 1000 });
      await shown('failed');
      const made = await connections();
      await ben.page.waitForTimeout(3000);
      assert.equal(await connections(), made, 'it does not try for ever');
      await turn(ben, { failAnswers: 0 });
      await ben.at('ladder-retry').click();
      await together();
    });

    step('a seat that is gone: joined anew', async () => {
      const at = await number();
      await turn(ben, { spoilResume: true, dropSockets: true });
      await until('another seat', async () => (await number()) !== at);
      await turn(ben, { spoilResume: false });
    });

    step('a server that was killed and is back knows nobody: said at once, and the code is on its way', async () => {
      const died = new Promise((resolve) => {
        server.process?.once('exit', resolve);
      });
      server.process?.kill('SIGKILL');
      await died;
      await shown('resume');
      restarted = await Server.start(`ladder-again-${kind}`, ['--listen', new URL(server.url).host]);
      await ben.screen('code');
      await ben.at('signin-note').waitFor();
    });
  });
}
