// Signing in when the network has asked for much: the page proves a little work, says so, stays live meanwhile, and
// goes on.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`access: a proof of work in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let person;
    /** lets the request with the proof go on @type {() => void} */
    let release = () => {};
    /** when the address was sent, and when the proof was ready */
    let asked = 0;
    let proven = 0;
    const step = story();

    before(async () => {
      // One code is free, and somebody else has had it: all on loopback are one network.
      server = await Server.start(`proof-${kind}`, ['--codes-per-client-hour', '1']);
      const body = JSON.stringify({ email: 'first@example.org' });
      const headers = { 'Content-Type': 'application/json' };
      const first = await fetch(`${server.url}/api/auth/code`, { method: 'POST', headers, body });
      assert.equal(first.status, 202);
      browser = await launch(kind);
      person = await Person.arrive(browser, server, 'Ana', { axe: true });
      const held = new Promise((done) => (release = () => done(undefined)));
      await person.page.route('**/api/auth/code', async (route) => {
        if (route.request().headers()['conclave-proof']) {
          proven = performance.now();
          await held;
        }
        await route.continue();
      });
    });

    after(async () => {
      release();
      await browser?.close();
      await server?.stop();
    });

    step('the page says that it is checking the browser', async () => {
      await person.page.evaluate(() => {
        const counts = /** @type {any} */ (globalThis);
        counts.longest = 0;
        let last = performance.now();
        setInterval(() => {
          counts.longest = Math.max(counts.longest, performance.now() - last);
          last = performance.now();
        }, 10);
      });
      await person.write('signin-email', person.email);
      asked = performance.now();
      await person.at('signin-send').click();
      await person.at('signin-checking').waitFor();
      await until('the proof is ready', () => proven > 0);
      const longest = await person.page.evaluate(() => /** @type {any} */ (globalThis).longest);
      const took = proven - asked;
      console.log(
        `${kind}: ready after ${took.toFixed()} ms; the page stood still for ${longest.toFixed()} ms at most`,
      );
      assert.ok(longest < Math.max(200, took / 2), `the page stood still for ${longest} ms of ${took} ms`);
    });

    step('at every width, and accessibly', async () => {
      await person.page
        .getByTestId('live-polite')
        .filter({ hasText: words('signin.checking') })
        .waitFor();
      for (const width of [320, 1440]) {
        await person.page.setViewportSize({ width, height: width < 600 ? 640 : 900 });
        await person.settled();
        await person.screenshot(`screens/${kind}-signin-checking-${width}`);
        await person.assertNoSidewaysScroll(`checking at ${width} px`);
      }
      await person.assertAccessible('checking');
    });

    step('and goes on to the code by itself', async () => {
      release();
      await person.screen('code');
      await person.write('signin-code', await server.code(person.email));
      await person.screen('home');
    });
  });
}
