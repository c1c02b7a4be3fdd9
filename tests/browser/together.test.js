// What a meeting does together: the queue of hands, the timer. In both browsers, in an end-to-end encrypted meeting
// with a waiting room: Ana hosts on a wide window, Ben is there from the beginning, Cem comes late and has a phone.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { deliver, installSwitches } from './states-switches.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`together in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    /** @type {Person} */
    let cem;
    let path = '';
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`together-${kind}`), launch(kind)]);
      ana = await arrive('Ana', '/', { width: 1440, height: 900 });
      await ana.createMeeting();
      path = ana.link();
      await ana.join({ mic: false, camera: false });
      ben = await arrive('Ben', path, { width: 1024, height: 768 }, kind === 'chromium' ? 'light' : 'dark');
      await comeIn(ben);
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /**
     * @param {string} name @param {string} to @param {{width: number, height: number}} viewport
     * @param {'light'|'dark'} [colorScheme]
     */
    async function arrive(name, to, viewport, colorScheme = 'light') {
      const person = await Person.arrive(browser, server, name, { path: to, viewport, colorScheme, axe: true });
      await person.context.addInitScript(installSwitches);
      await person.context.addCookies([{ name: 'conclave', value: await server.token(person.email), url: server.url }]);
      await person.page.reload();
      return person;
    }

    /** @param {Person} person through the waiting room */
    async function comeIn(person) {
      await person.screen('prejoin');
      await person.write('name', person.name);
      await person.at('join').click();
      await admitted(person);
    }

    /** @param {Person} person waits, or is about to */
    async function admitted(person) {
      await person.screen('lobby');
      await ana.press('people', true);
      await ana.at('admit').first().click();
      await person.screen('call');
      await until(`${person.name} knows Ana`, () => person.tileOf('Ana').count());
    }

    /** @param {Person} person @returns {Promise<string[]>} the queue as this person reads it */
    const queue = async (person) => {
      await person.press('people', true);
      const names = await person.at('hand-row').locator('.person-name').allInnerTexts();
      return names.map((name) => name.split(/[\s(]/)[0]);
    };

    /** @param {Person} person @param {string} text */
    const queued = (person, text) =>
      until(`${person.name} sees ${text}`, async () => (await queue(person)).join(' ') === text);

    /** @param {Person} person @param {string} state */
    const looks = async (person, state) => {
      await person.settled();
      await person.screenshot(`together/${kind}-${state}`);
      await person.assertNoSidewaysScroll(state);
      await person.assertToastsCoverNothing(state);
      await person.assertAccessible(state);
    };

    step(
      'order: the queue of hands is the same for all, who comes late too, and says whose turn it is',
      async () => {
        await ben.at('hand').click();
        await queued(ana, 'Ben');
        await ana.at('hand').click();
        cem = await arrive('Cem', path, { width: 390, height: 844 }, 'dark');
        await comeIn(cem);
        await cem.more('sheet-hand');
        await queued(ana, 'Ben Ana Cem');
        await queued(ben, 'Ben Ana Cem');
        assert.match(await ben.at('hand-place').innerText(), words('hands.place', { n: 1 }));
        assert.match(await ana.at('hand-place').innerText(), words('hands.place', { n: 2 }));
        assert.equal(await ana.at('hand').locator('.badge.count').innerText(), '2');
        assert.equal(await ben.at('call-on').count(), 0, 'only who runs the meeting calls on people');
        await cem.more('sheet-people');
        await until('Cem sees the queue', async () => (await cem.at('hand-row').count()) === 3);
        assert.match(await cem.at('hand-place').innerText(), words('hands.place', { n: 3 }));
      },
      async () => {
        await looks(ana, 'hands-host');
        await looks(cem, 'hands-390');
      },
    );

    step('order: the host calls on the first, lowers one, and lowers all', async () => {
      await ana.at('call-on').click();
      await ben
        .at('ask-unmute')
        .getByText(words('news.called', { name: 'Ana' }))
        .waitFor();
      await queued(ana, 'Ana Cem');
      assert.equal(await ben.at('toasts').getByText(words('news.hand_lowered')).count(), 0);
      await ben.at('accept-mic').click();
      await until(
        'Ben speaks by his own act',
        async () => (await ben.at('mic').getAttribute('aria-pressed')) === 'true',
      );
      await ben.at('hand').click();
      await ana.at('hand').click();
      await queued(ana, 'Cem Ben');
      await ana.at('hand-row').filter({ hasText: 'Cem' }).getByTestId('lower-one').click();
      await queued(ana, 'Ben');
      await cem.at('toasts').getByText(words('news.hand_lowered')).waitFor();
      // Ben is heard: being called on is told, and asks nothing of him.
      await ana.at('call-on').click();
      await ben.at('called').waitFor();
      await queued(ana, '');
      for (const person of [ben, ana]) await person.at('hand').click();
      await until('two hands are up', async () => (await ana.at('hand-row').count()) === 2);
      await ana.at('lower-all').click();
      await until('no hand is up', async () => (await ben.at('hand-row').count()) === 0);
    });

    step(
      'timer: a host starts it, all see the same, who comes late too; a minute more; a soft end',
      async () => {
        await ana.more('open-timer');
        await ana.write('timer-minutes', '0');
        await ana.at('timer-start').click();
        await ana.page.getByText(words('timer.own.bad')).waitFor();
        await ana.at('timer-5').click();
        await ben.at('timer').waitFor();
        await cem.page.reload(); // which asks to join again by itself
        await admitted(cem);
        await cem.at('timer').waitFor();
        const read = async (/** @type {Person} */ p, /** @type {string} */ id) => {
          const [m, s] = (await p.at(id).innerText()).trim().split(':').map(Number);
          return m * 60 + s;
        };
        const [a, b, c] = await Promise.all([read(ana, 'timer-change'), read(ben, 'timer'), read(cem, 'timer')]);
        assert(a <= 300 && a > 200 && Math.abs(a - b) <= 1 && Math.abs(a - c) <= 1, `${a}, ${b}, ${c}`);
        await ana.at('timer-change').click();
        await ana.at('timer-add').click();
        await until('there is a minute more', async () => (await read(ben, 'timer')) > 300);
      },
      async () => {
        await looks(ana, 'timer-1440');
        await looks(cem, 'timer-390');
        await cem.page.setViewportSize({ width: 320, height: 640 });
        await looks(cem, 'timer-320');
        await cem.page.setViewportSize({ width: 844, height: 390 });
        await looks(cem, 'timer-landscape');
      },
    );

    step('timer: its end is told beside the faces, and stopping it takes it away', async () => {
      await ana.at('timer-change').click();
      await ana.at('timer-stop').click();
      await ben.at('timer').waitFor({ state: 'hidden' });
      // The shortest a host can start is a minute: what is left of it is put into the page here.
      for (const person of [ana, ben]) await deliver(person, { type: 'timer', left_ms: 1500, by: 1 });
      for (const person of [ana, ben]) {
        await person.at('timer-over').getByText(words('timer.over')).waitFor();
        await person.assertToastsCoverNothing('the end of the timer');
      }
      assert.equal(await ben.at('timer').innerText(), '0:00');
      await ben.at('timer').waitFor({ state: 'hidden' });
    });

    step("nobody's browser complained, and nothing was asked of another origin", async () => {
      for (const person of [ana, ben, cem]) await person.assertUntroubled();
    });
  });
}
