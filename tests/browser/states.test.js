// Every state the page can be in, in three widths and in both browsers, light in Chromium and dark in Firefox: a
// picture of each is kept, axe finds nothing in it, and it needs no sideways scrolling.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { startBots } from './harness/bots.js';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { artefact } from './harness/paths.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { installSwitches, turn } from './states-switches.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

const password = 'open sesame';
const widths = /** @type {const} */ ([
  [1440, 900],
  [768, 1024],
  [320, 640],
]);

for (const kind of kinds) {
  describe(`states: every state in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {Server} a meeting of its has a hard end after a minute */
    let brief;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    /** @type {Person} */
    let guest;
    /** @type {Person} */
    let eve;
    let path = '';
    /** @type {Awaited<ReturnType<typeof startBots>> | undefined} */
    let bots;
    const step = story();

    before(async () => {
      [server, brief, browser] = await Promise.all([
        Server.start(`states-${kind}`, ['--guests']),
        Server.start(`states-brief-${kind}`, ['--max-meeting', '1m']),
        launch(kind),
      ]);
      ana = await arrive('Ana');
    });

    after(async () => {
      bots?.stop();
      await browser?.close();
      await Promise.all([server?.stop(), brief?.stop()]);
    });

    /**
     * @param {string} name
     * @param {{path?: string, at?: Server, signedIn?: boolean}} [options] signedIn: without the two pages for it
     */
    async function arrive(name, { path: to = '/', at = server, signedIn = false } = {}) {
      const person = await Person.arrive(browser, at, name, {
        axe: true,
        path: to,
        viewport: { width: 1440, height: 900 },
      });
      await person.context.addInitScript(installSwitches);
      if (kind === 'firefox') {
        await person.page.evaluate(() => localStorage.setItem('conclave.choices', '{"theme":"dark"}'));
      }
      if (signedIn) {
        await person.context.addCookies([{ name: 'conclave', value: await at.token(person.email), url: at.url }]);
      }
      await person.page.reload();
      return person;
    }

    /**
     * Looks at what a person sees, in each width and with axe.
     * @param {Person} person
     * @param {string} state
     */
    async function inspect(person, state) {
      for (const [width, height] of widths) {
        await person.page.setViewportSize({ width, height });
        await person.settled();
        await person.page.screenshot({ path: artefact(`states/${kind}-${state}-${width}.png`), caret: 'initial' });
        await person.assertToastsCoverNothing(`${state} at ${width} px`);
        if (width === 320) await person.assertNoSidewaysScroll(`${state} at ${width} px`);
      }
      await person.page.setViewportSize({ width: 1440, height: 900 });
      if (kind === 'chromium') await person.assertAccessible(state);
      else await assertReadable(person, state);
    }

    step(
      'sign-in',
      () => ana.screen('sign-in'),
      () => inspect(ana, 'sign-in'),
    );

    step(
      'the code',
      async () => {
        await ana.write('signin-email', ana.email);
        await ana.at('signin-send').click();
        await ana.screen('code');
      },
      () => inspect(ana, 'code'),
    );

    step(
      'home',
      async () => {
        await ana.write('signin-code', await server.code(ana.email));
        await ana.screen('home');
      },
      () => inspect(ana, 'home'),
    );

    step('somebody on the other server starts a meeting that lasts a minute', async () => {
      eve = await arrive('Eve', { at: brief, signedIn: true });
      await eve.createMeeting({ lobby: false });
      await eve.join({ mic: false, camera: false });
    });

    step(
      'the options of a meeting',
      async () => {
        await ana.at('create-options').click();
        await ana.write('options-title', 'Weekly planning');
        await ana.write('options-password', password);
      },
      () => inspect(ana, 'options'),
    );

    step(
      'before joining, with camera and microphone',
      async () => {
        await ana.at('options-create').click();
        await ana.screen('prejoin');
        path = ana.link();
        await ana.write('name', 'Ana');
        await ana.press('mic', true);
        await ana.press('camera', true);
      },
      () => inspect(ana, 'prejoin'),
    );

    step(
      'alone',
      async () => {
        await ana.at('join').click();
        await ana.screen('call');
      },
      () => inspect(ana, 'alone'),
    );

    step(
      'sign-in by a link, with the way in for guests',
      async () => {
        guest = await arrive('Gus', { path });
        await guest.screen('prejoin');
        await guest.at('guest-signin').click();
        await guest.screen('sign-in');
        await guest.at('guest').waitFor();
      },
      () => inspect(guest, 'sign-in-meeting'),
    );

    step(
      'a guest before joining',
      async () => {
        await guest.at('guest').click();
        await guest.screen('prejoin');
        await guest.write('name', 'Gus');
      },
      () => inspect(guest, 'guest'),
    );

    step(
      'a wrong password gets a clear answer',
      async () => {
        await guest.write('password', 'open barley');
        await guest.at('join').click();
        await guest.at('join-error').waitFor();
      },
      () => inspect(guest, 'wrong-password'),
    );

    step(
      'the lobby',
      async () => {
        await guest.write('password', password);
        await guest.at('join').click();
        await guest.screen('lobby');
      },
      () => inspect(guest, 'lobby'),
    );

    step(
      'camera and microphone denied',
      async () => {
        ben = await arrive('Ben', { path, signedIn: true });
        await ben.screen('prejoin');
        await turn(ben, { devices: 'denied' });
        await ben.at('enable-devices').click();
        await ben.at('device-problem').waitFor();
      },
      () => inspect(ben, 'denied-devices'),
    );

    step(
      'no camera and no microphone',
      async () => {
        await turn(ben, { devices: 'missing' });
        await ben.at('enable-devices').click();
        await until('the problem is named', async () =>
          words('device.missing.both').test(await ben.at('device-problem').innerText()),
        );
      },
      () => inspect(ben, 'no-devices'),
    );

    step(
      'somebody waits: the host is told wherever they look',
      async () => {
        await turn(ben, { devices: '' });
        await ben.write('name', 'Ben');
        await ben.write('password', password);
        await ben.press('mic', true);
        await ben.press('camera', true);
        const told = ana
          .at('toast')
          .filter({ hasText: words('call.waiting', { n: 2 }) })
          .waitFor(); // it goes after 15 s, which Ben's page may take on a busy machine
        await Promise.all([told, ben.at('join').click(), ben.screen('lobby')]);
      },
      () => inspect(ana, 'told-of-waiting'),
    );

    step(
      'the waiting list shows the verified address, and that a guest has none',
      async () => {
        await ana.press('people', true);
        await ana.at('waiting').filter({ hasText: 'Ben' }).getByText(ben.email).waitFor();
        await ana.at('waiting').filter({ hasText: 'Gus' }).getByText(words('people.guest')).waitFor();
      },
      () => inspect(ana, 'waiting'),
    );

    step(
      'not let in',
      async () => {
        await ana.at('waiting').filter({ hasText: 'Gus' }).getByTestId('deny').click();
        await guest.at('ended-denied').waitFor();
      },
      () => inspect(guest, 'ended-denied'),
    );

    step(
      'two',
      async () => {
        await ana.at('admit').first().click();
        await ben.screen('call');
        await ana.press('people', false);
        await showsVideoOf(ana, 'Ben');
      },
      () => inspect(ana, 'two'),
    );

    step(
      'six',
      async () => {
        await ben.press('camera', false);
        await ben.page.setViewportSize({ width: 700, height: 320 }); // two cores draw all of this
        await ana.press('people', true);
        await ana.at('lobby-switch').click();
        await until('the waiting room is off', async () => !(await ana.at('lobby-switch').isChecked()));
        bots = await startBots(server, server.url + ben.link(), {
          count: 4,
          seconds: 1800,
          name: `states-${kind}`,
          args: [
            '--meeting-password',
            password,
            '--publishers',
            '2',
            '--slots-video',
            '1',
            '--view',
            '1',
            '--mute-audio',
          ],
        });
        await until('six are here', async () => (await ana.at('person').count()) === 6);
        await ana.press('people', false);
        await ana.at('consent-yes').waitFor();
        await until('no bot asks any more', async () => {
          await ana.agree(); // they are seen by all once one person lets them hear
          return ana.at('consent-asked').isHidden();
        });
        await showsVideoOf(ana, 'Bot');
      },
      () => inspect(ana, 'six'),
    );

    step(
      'six, with the list of people',
      async () => {
        await ben.more('sheet-hand');
        await ana.press('people', true);
        await ana.page.locator('[data-testid="tile-hand"]:visible').first().waitFor();
      },
      () => inspect(ana, 'six-people'),
    );

    step(
      'told of a message with a long address',
      async () => {
        await ana.press('people', false);
        await ben.press('chat', true);
        await ben.write('chat-input', `Shall we start with the plan? https://example.org/${'plan/'.repeat(20)}`);
        await ben.page.keyboard.press('Enter');
        await ana.at('toast').filter({ hasText: 'example.org' }).waitFor();
      },
      () => inspect(ana, 'told-of-message'),
    );

    step(
      'six, with the chat',
      async () => {
        await ana.press('chat', true);
        await ana.write(
          'chat-input',
          'Yes. It is short today, so that we are done before noon and everybody gets a walk.',
        );
        await ana.page.keyboard.press('Enter');
        await ana.at('chat-message').nth(1).waitFor();
      },
      () => inspect(ana, 'six-chat'),
    );

    step(
      "six, with the meeting's details",
      async () => {
        await ana.more('open-info');
        await ana.at('panel-info').waitFor();
      },
      () => inspect(ana, 'six-info'),
    );

    step(
      'six, with the connection',
      async () => {
        await ana.more('open-stats');
        await ana.at('panel-stats').waitFor();
        await ana.page.waitForTimeout(2200); // one measurement
      },
      () => inspect(ana, 'six-connection'),
    );

    step(
      'six, with the settings',
      async () => {
        await ana.at('panel-close').click();
        await ana.more('open-settings');
        await ana.at('settings').waitFor();
      },
      () => inspect(ana, 'six-settings'),
    );

    step(
      'six, with the menu',
      async () => {
        await ana.at('dialog-close').click();
        await ana.at('more').click();
        await ana.at('open-settings').waitFor();
      },
      () => inspect(ana, 'six-menu'),
    );

    step(
      'muted by the host',
      async () => {
        bots?.stop();
        await ana.page.keyboard.press('Escape');
        await ben.press('chat', false);
        await ana.press('people', true);
        await ana.onPerson('Ben', 'mute-one');
        await until('Ben is muted', async () => (await ben.at('mic').getAttribute('aria-pressed')) === 'false');
        await ben.at('toast').first().waitFor();
      },
      () => inspect(ben, 'muted'),
    );

    step(
      'reconnecting',
      async () => {
        await turn(ben, { blockSockets: true, dropSockets: true });
        await ben.page.locator('[data-testid="ladder"][data-step="resume"]').waitFor();
      },
      () => inspect(ben, 'reconnecting'),
    );

    step(
      'removed',
      async () => {
        await turn(ben, { blockSockets: false });
        await ben.at('ladder').waitFor({ state: 'hidden' });
        await ana.onPerson('Ben', 'remove');
        await ana.at('dialog-yes').click();
        await ben.at('ended-removed').waitFor();
      },
      () => inspect(ben, 'ended-removed'),
    );

    step(
      'a session that is over leads to sign-in, with words',
      async () => {
        await ben.page.evaluate(() => fetch('/api/auth/logout', { method: 'POST' }));
        await ben.at('rejoin').click();
        await ben.at('signin-note').waitFor();
      },
      () => inspect(ben, 'signed-out'),
    );

    step(
      'ended',
      async () => {
        await ana.at('leave').click();
        await ana.at('end-for-all').click();
        await ana.at('dialog-yes').click();
        await ana.at('ended-ended').waitFor();
      },
      () => inspect(ana, 'ended'),
    );

    step(
      'a meeting that takes no guests says so to a guest',
      async () => {
        await ana.at('go-home').click();
        await ana.createMeeting({ lobby: false });
        await guest.page.goto(ana.page.url());
        await guest.at('no-guests').waitFor();
      },
      () => inspect(guest, 'no-guests'),
    );

    step(
      'the connection check',
      async () => {
        await ana.page.goto(`${server.url}/check`);
        await ana.at('check-run').click();
        await ana.page.locator('[data-testid="check-run"][data-done]').waitFor();
      },
      () => inspect(ana, 'check'),
    );

    step(
      'a browser that cannot',
      async () => {
        await ana.context.addInitScript(() => {
          Reflect.deleteProperty(window, 'RTCPeerConnection');
        });
        await ana.page.goto(server.url);
        await ana.at('unsupported').waitFor();
      },
      () => inspect(ana, 'unsupported'),
    );

    step(
      'expired',
      () => eve.at('ended-expired').waitFor(),
      () => inspect(eve, 'expired'),
    );
  });
}

/**
 * Waits until a tile shows somebody's picture.
 * @param {Person} person
 * @param {string} name
 */
async function showsVideoOf(person, name) {
  await until(`${person.name} sees ${name}`, () => person.tileOf(name).first().locator('video:not(.stale)').count());
}

/**
 * The rules of axe that depend on what is drawn: the second browser shows the same elements, but dark.
 * @param {Person} person
 * @param {string} state
 */
async function assertReadable(person, state) {
  const bad = await person.page.evaluate(async () => {
    // What is fading in has little contrast yet: a toast does so again at each width.
    const rising = document.getAnimations().filter((a) => 'animationName' in a && a.animationName === 'rise');
    await Promise.all(rising.map((a) => a.finished.catch(() => {})));
    const { violations } = await Reflect.get(window, 'axe').run(document, {
      runOnly: ['color-contrast', 'target-size', 'scrollable-region-focusable'],
      preload: false,
    });
    return violations.map(
      (/** @type {{id: string, nodes: {html: string}[]}} */ v) =>
        `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`,
    );
  });
  assert.deepEqual(bad, [], `${state}: findings of axe`);
}
