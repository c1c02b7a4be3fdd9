// What every screen owes everybody: the strict policy is kept, nothing comes from elsewhere, axe finds nothing serious,
// and a narrow window needs no sideways scrolling.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';

const widths = [320, 768, 1440];

for (const kind of kinds) {
  describe(`the page in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let person;

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
        await person.page.waitForTimeout(150); // one layout and one transition
        await person.screenshot(`screens/${kind}-${state}-${width}`);
        await person.assertNoSidewaysScroll(`${state} at ${width} px`);
      }
      await person.assertAccessible(state);
    }

    test('sign-in', async () => {
      await person.screen('sign-in');
      await inspect('sign-in');
    });

    test('a wrong address gets a clear error', async () => {
      await person.at('email').fill('nobody@nowhere@example.org');
      await person.at('email-submit').click();
      await person.at('error').first().waitFor();
      await inspect('sign-in-error');
    });

    test('the code', async () => {
      await person.at('email').fill(person.email);
      await person.at('email-submit').click();
      await person.screen('code');
      await inspect('code');
    });

    test('a wrong code gets a clear error, and the right one still works', async () => {
      const code = await person.server.code(person.email);
      const wrong = String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
      await person.enterCode(wrong);
      await person.at('error').first().waitFor();
      await inspect('code-error');
      await person.enterCode(code);
      await person.screen('home');
    });

    test('home', async () => {
      await inspect('home');
    });

    test('before joining', async () => {
      await person.createMeeting({ lobby: false });
      await person.screen('prejoin');
      await inspect('prejoin');
    });

    test('alone in the call', async () => {
      await person.page.setViewportSize({ width: 1280, height: 800 });
      await person.join();
      await inspect('alone');
    });

    test('after the call', async () => {
      await person.page.setViewportSize({ width: 1280, height: 800 });
      await person.leave();
      await inspect('left');
    });

    test('a meeting that does not exist gets a clear answer', async () => {
      await person.page.goto(`${server.url}/m/aaaa-bbbb-cccc-dddd`);
      await person.at('error').or(person.page.locator('[data-screen="ended"]')).first().waitFor();
      await inspect('no-such-meeting');
    });

    test('no violation of the policy, no console error, nothing from another origin', async () => {
      // The refused requests of the tests above are shown in the console by the browser itself.
      person.complaints = person.complaints.filter((line) => !/\b(400|401|403|404|422)\b/.test(line));
      await person.assertUntroubled();
      assert(person.requests.length > 5, 'requests were watched');
    });
  });
}
