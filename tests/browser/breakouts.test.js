// Breakout rooms, in both browsers, of an end-to-end encrypted meeting with a waiting room: Ana hosts, Ben is signed
// in, Gus is a guest with a phone.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`breakout rooms in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    /** @type {Person} */
    let gus;
    let address = '';
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`breakouts-${kind}`, ['--guests']), launch(kind)]);
      ana = await arrive('Ana', '/', { width: 1440, height: 900 });
      await ana.createMeeting();
      address = ana.page.url();
      const path = ana.link();
      await ana.join({ mic: false, camera: false });
      ben = await arrive('Ben', path, { width: 1024, height: 768 });
      await comeIn(ben, { mic: true, camera: true });
      gus = await Person.arrive(browser, server, 'Gus', {
        path,
        viewport: { width: 390, height: 844 },
        colorScheme: 'dark',
        axe: true,
      });
      await comeIn(gus, {});
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @param {string} name @param {string} to @param {{width: number, height: number}} viewport */
    async function arrive(name, to, viewport) {
      const person = await Person.arrive(browser, server, name, { path: to, viewport, axe: true });
      await person.context.addCookies([{ name: 'conclave', value: await server.token(person.email), url: server.url }]);
      await person.page.reload();
      return person;
    }

    /** @param {Person} person @param {{mic?: boolean, camera?: boolean}} devices */
    async function comeIn(person, devices) {
      await person.screen('prejoin');
      await person.write('name', person.name);
      for (const [what, on] of Object.entries(devices)) await person.press(what, on);
      await person.at('join').click();
      await person.screen('lobby');
      await ana.press('people', true);
      await ana.at('admit').first().click();
      await person.screen('call');
      await until(`${person.name} knows Ana`, () => person.tileOf('Ana').count());
    }

    /** @param {Person} person @param {string} state */
    const looks = async (person, state) => {
      await person.settled();
      await person.screenshot(`breakouts/${kind}-${state}`);
      await person.assertNoSidewaysScroll(state);
      await person.assertToastsCoverNothing(state);
      await person.assertAccessible(state);
    };

    /** @param {Person} person @param {string[]} names who is seen, oneself included */
    const sees = (person, ...names) =>
      until(`${person.name} sees ${names.join(', ')}`, async () => {
        const tiles = await person.at('tile').locator('[data-testid="tile-name"]').allInnerTexts();
        return tiles.length === names.length && names.every((n) => tiles.some((tile) => tile.startsWith(n)));
      });

    step(
      'breakouts: the host says how many, spreads people, and opens them',
      async () => {
        await ana.more('open-breakouts');
        await ana.at('breakouts-spread').click();
        const places = await ana.at('breakout-of').evaluateAll((all) => all.map((s) => Reflect.get(s, 'value')));
        assert.deepEqual(places.sort(), ['1', '2']);
        await ana.at('breakouts-open').click();
        await ana.at('breakouts-close').waitFor();
        await ben.at('breakout-go').waitFor();
        await gus.at('breakout-go').waitFor();
      },
      async () => {
        await looks(ana, 'open-1440');
        await looks(gus, 'told-390');
        await gus.page.setViewportSize({ width: 320, height: 640 });
        await looks(gus, 'told-320');
        await gus.page.setViewportSize({ width: 390, height: 844 });
      },
    );

    step(
      'breakouts: one click there, without waiting, with the name and the camera; a guest too; the host visits',
      async () => {
        await ana.at('breakout-person').filter({ hasText: 'Ben' }).getByTestId('breakout-of').selectOption('1');
        await ana.at('breakout-person').filter({ hasText: 'Gus' }).getByTestId('breakout-of').selectOption('1');
        await until('both go to room 1', async () =>
          (await Promise.all([ben, gus].map((p) => p.at('breakout-go').innerText()))).every((text) =>
            words('breakouts.go', { n: 1 }).test(text),
          ),
        );
        await ben.at('breakout-go').click();
        await ben.at('breakout').waitFor();
        await gus.at('breakout-go').click();
        await gus.at('breakout').waitFor();
        await sees(ben, 'Ben', 'Gus');
        await sees(gus, 'Gus', 'Ben');
        await gus.plays('[data-testid="tile"][data-source="camera"]:not([data-self])');
        assert.equal(await ben.at('mic').getAttribute('aria-pressed'), 'true');
        await ana.at('breakout-visit-1').click();
        await ana.at('breakout').waitFor();
        await sees(ana, 'Ana', 'Ben', 'Gus');
        assert.equal(ana.page.url(), address, 'the address bar keeps the meeting');
      },
      async () => {
        await looks(ben, 'room-1024');
        await looks(gus, 'room-390');
        await gus.page.setViewportSize({ width: 844, height: 390 });
        await looks(gus, 'room-landscape');
        await gus.page.setViewportSize({ width: 320, height: 640 });
        await looks(gus, 'room-320');
      },
    );

    step('breakouts: a word to all rooms, one click back, and there again', async () => {
      await ana.more('open-breakouts');
      await ana.write('breakouts-word', 'Five minutes left');
      // The panel is made anew twice.
      for (const room of ['2', '1']) {
        await ana.at('breakout-of').first().selectOption(room);
        await until('what was typed is still there', async () => {
          const moved = (await ana.at('breakout-of').first().inputValue()) === room;
          return moved && (await ana.at('breakouts-word').inputValue()) === 'Five minutes left';
        });
      }
      await ana.at('breakouts-say').click();
      await ben.at('breakouts-said').getByText('Five minutes left').waitFor();
      await gus.at('breakouts-said').waitFor();
      await ana.at('breakout-back').click();
      await ana.at('breakout').waitFor({ state: 'detached' });
      await sees(ana, 'Ana', 'Ben', 'Gus');
      await ben.at('breakout-back').click();
      await ben.at('breakout').waitFor({ state: 'detached' });
      assert.equal(await ben.at('mic').getAttribute('aria-pressed'), 'true');
      await ana.plays('[data-testid="tile"][data-source="camera"]:not([data-self])');
      await ben.at('breakout-go').click();
      await ben.at('breakout').waitFor();
      await sees(ben, 'Ben', 'Gus');
    });

    step('breakouts: closing brings everybody back, unseen and unheard until they say otherwise', async () => {
      await ana.more('open-breakouts');
      await ana.at('breakouts-close').click();
      for (const person of [ben, gus]) {
        await person.at('breakout').waitFor({ state: 'detached' });
        await person.screen('call');
        await sees(person, 'Ana', 'Ben', 'Gus');
      }
      assert.equal(await ben.at('breakout-go').isVisible(), false);
      for (const what of ['mic', 'camera']) {
        assert.equal(await ben.at(what).getAttribute('aria-pressed'), 'false', what);
      }
      await ben.press('camera', true);
      await ana.plays('[data-testid="tile"][data-source="camera"]:not([data-self])');
    });

    step('breakouts: no link of one and no key went through the server in clear', async () => {
      for (const person of [ana, ben, gus]) {
        const { messages } = await person.page.evaluate(() => {
          /** @type {import('./harness/hooks.js').Probe} */
          const probe = Reflect.get(window, 'conclaveProbe');
          return { messages: probe.messages.join('\n') };
        });
        assert.doesNotMatch(messages, /#k=|"breakouts":"go"|Five minutes/);
        assert(!person.requests.some((url) => url.includes('k=')), 'no request holds a key');
        await person.assertUntroubled();
      }
    });
  });
}
