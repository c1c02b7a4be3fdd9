// What every screen owes everybody: the strict policy is kept, nothing comes from elsewhere, axe finds nothing serious,
// and a narrow window needs no sideways scrolling.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';

const widths = [320, 768, 1440];

for (const kind of kinds) {
  describe(`access: the page in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let person;
    let code = '';
    const step = story();

    before(async () => {
      server = await Server.start(`page-${kind}`);
      browser = await launch(kind);
      person = await Person.arrive(browser, server, 'Ana', { axe: true });
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /**
     * Looks at one screen in each width and with axe.
     * @param {string} state
     */
    async function inspect(state) {
      for (const width of widths) {
        await person.page.setViewportSize({ width, height: width < 600 ? 640 : 900 });
        await person.settled();
        await person.screenshot(`screens/${kind}-${state}-${width}`);
        await person.assertNoSidewaysScroll(`${state} at ${width} px`);
      }
      await person.assertAccessible(state);
    }

    step(
      'sign-in',
      async () => {
        await person.screen('sign-in');
      },
      () => inspect('sign-in'),
    );

    step(
      'a wrong address gets a clear error',
      async () => {
        await person.write('signin-email', 'nobody@nowhere@example.org');
        await person.at('signin-send').click();
        await person.page.getByRole('alert').filter({ hasText: /\w/ }).first().waitFor();
      },
      () => inspect('sign-in-error'),
    );

    step(
      'the code',
      async () => {
        await person.write('signin-email', person.email);
        await person.at('signin-send').click();
        await person.screen('code');
      },
      () => inspect('code'),
    );

    step(
      'a wrong code gets a clear error',
      async () => {
        code = await person.server.code(person.email);
        const wrong = String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
        await person.write('signin-code', wrong);
        await person.page.getByRole('alert').filter({ hasText: /\w/ }).first().waitFor();
      },
      () => inspect('code-error'),
    );

    step(
      'the right code still works, and leads home',
      async () => {
        await person.write('signin-code', code);
        await person.screen('home');
      },
      () => inspect('home'),
    );

    step(
      'before joining',
      async () => {
        await person.createMeeting({ lobby: false });
      },
      () => inspect('prejoin'),
    );

    step(
      'alone in the call',
      async () => {
        await person.page.setViewportSize({ width: 1280, height: 800 });
        await person.join();
      },
      () => inspect('alone'),
    );

    step(
      'after the call',
      async () => {
        await person.page.setViewportSize({ width: 1280, height: 800 });
        await person.leave();
      },
      () => inspect('left'),
    );

    step(
      'a meeting that is not open gets a clear answer',
      async () => {
        await person.page.goto(`${server.url}/m/aaaa-bbbb-cccc-dddd`);
        await person.at('not-open').waitFor();
      },
      () => inspect('not-open'),
    );

    step('no violation of the policy, no console error, nothing from another origin', async () => {
      // The refused requests of the tests above are shown in the console by the browser itself.
      person.complaints = person.complaints.filter((line) => !/\b(400|401|403|404|422)\b/.test(line));
      await person.assertUntroubled();
      assert(person.requests.length > 5, 'requests were watched');
    });
  });
}
