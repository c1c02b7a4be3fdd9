// What reaches a person in a call: counts, sounds and notifications; toasts that cover nothing; and a phone, upright
// and on its side.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

const sizes = /** @type {const} */ ([
  [320, 640],
  [390, 844],
  [844, 390],
  [768, 1024],
  [1440, 900],
]);

/** Puts the page into the background, as far as it can tell, and keeps what it does then. Runs in the page. */
function lookAway() {
  const kept = { notes: /** @type {string[]} */ ([]), sounds: 0 };
  Reflect.set(window, 'kept', kept);
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
  localStorage.setItem('conclave.choices', '{"notify":true}');
  Reflect.set(
    window,
    'Notification',
    class {
      static permission = 'granted';
      /** @param {string} text */
      constructor(text) {
        kept.notes.push(text);
      }
      close() {}
    },
  );
  const native = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () {
    kept.sounds += 1;
    return native.call(this);
  };
}

/** Runs in the page. @returns {string[]} what can be touched and is smaller than 44 px */
function smallTargets() {
  return [...document.querySelectorAll('.call button, .menu button')]
    .filter((el) => el.checkVisibility())
    .map((el) => ({ el, box: el.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
    .map(({ el, box }) => `${el.getAttribute('data-testid')} ${Math.round(box.width)} × ${Math.round(box.height)}`);
}

for (const kind of kinds) {
  describe(`attention and phones, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let gus;
    const step = story();
    const kept = () => ana.page.evaluate(() => Reflect.get(window, 'kept'));

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`phone-${kind}`, ['--guests']), launch(kind)]);
      ana = await Person.arrive(browser, server, 'Ana', { path: '/check', axe: true });
      const value = await server.token(ana.email);
      await ana.context.addCookies([{ name: 'conclave', value, url: server.url }]);
      await ana.page.goto(server.url);
      await ana.createMeeting();
      await ana.join({ mic: false, camera: false });
      gus = await Person.arrive(browser, server, 'Gus', {
        path: ana.link(),
        viewport: { width: 390, height: 844 },
        axe: true,
        ...(kind === 'chromium' && { isMobile: true, hasTouch: true }), // Firefox cannot be made a phone
      });
      await gus.screen('prejoin');
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    step(
      'attention: a host in another tab learns of a waiting guest by title, icon, sound and notification',
      async () => {
        const title = await ana.page.title();
        await ana.page.evaluate(lookAway);
        await gus.write('name', 'Gus');
        await gus.at('join').click();
        await gus.screen('lobby');
        await until('the title counts', async () => (await ana.page.title()) === `(1) ${title}`);
        assert.match((await ana.page.locator('link[rel="icon"]').getAttribute('href')) ?? '', /^data:image\/svg/);
        await until('it sounds', async () => (await kept()).sounds > 0);
        assert.equal((await kept()).notes.length, 1);
        assert.doesNotMatch((await kept()).notes[0], /Gus/, 'a name in the list of the system');
      },
    );

    step('toasts: they cover no face, no screen and no control, on any window', async () => {
      await ana.at('toast-admit').waitFor();
      for (const [width, height] of sizes) {
        await ana.page.setViewportSize({ width, height });
        await ana.settled();
        assert(await ana.at('toast-admit').isVisible(), `${width}`);
        await ana.assertToastsCoverNothing(`${width} × ${height}`);
        await ana.assertNoSidewaysScroll(`${width} × ${height}`);
      }
    });

    step('attention: what is done is not counted any more', async () => {
      await ana.at('toast-admit').click();
      await gus.screen('call');
      await until('nothing is due', async () => !(await ana.page.title()).startsWith('('));
      assert.match((await ana.page.locator('link[rel="icon"]').getAttribute('href')) ?? '', /favicon/);
    });

    step('attention: sounds can be switched off, each by itself', async () => {
      await ana.page.setViewportSize({ width: 1280, height: 800 });
      const { sounds } = await kept();
      await ana.page.evaluate(() => localStorage.setItem('conclave.choices', '{"soundHand":false}'));
      await gus.more('sheet-hand');
      await ana.page.locator('[data-testid="tile-hand"]:visible').first().waitFor();
      assert.equal((await kept()).sounds, sounds);
      await gus.press('chat', true);
      await gus.write('chat-input', 'Hello');
      await gus.page.keyboard.press('Enter');
      await until('a message sounds', async () => (await kept()).sounds > sounds);
      await gus.at('panel-close').click();
    });

    step('order: who lowers whose hand is told', async () => {
      await ana.onPerson('Gus', 'lower-hand');
      const told = gus.at('toast').filter({ hasText: words('news.hand_lowered') });
      await told.waitFor();
      await told.getByRole('button').click();
      await gus.more('sheet-hand');
      await ana.page.locator('[data-testid="tile-hand"]:visible').first().waitFor();
      await gus.more('sheet-hand');
      await ana.page.locator('[data-testid="tile-hand"]:visible').first().waitFor({ state: 'detached' });
      assert.equal(await told.count(), 0, 'of one’s own act');
    });

    step('order: the menu that a sheet opens on its button is told as open', async () => {
      await gus.more('sheet-react');
      await gus.at('react-menu').waitFor();
      await gus.settled();
      assert.equal(await gus.at('more').getAttribute('aria-expanded'), 'true');
      await gus.page.keyboard.press('Escape');
      await until('it is closed', async () => (await gus.at('more').getAttribute('aria-expanded')) === 'false');
    });

    step('speaking: each participant is as loud as one chose, for oneself', async () => {
      await gus.press('mic', true);
      const volumes = () =>
        ana.page.locator('.media-pool audio').evaluateAll((all) => all.map((a) => Reflect.get(a, 'volume')));
      await ana.onPerson('Gus', 'volume');
      await ana.at('volume-range').fill('30');
      await until('one voice is softer', async () => (await volumes()).filter((v) => v === 0.3).length === 1);
      await ana.at('dialog-close').click();
      await ana.press('people', false);
    });

    step('before: a device that vanishes is told, and another starts only by a click', async () => {
      await ana.press('mic', true);
      const { captures } = await ana.probe();
      await ana.page.evaluate(() => {
        const connections = /** @type {RTCPeerConnection[]} */ (Reflect.get(window, 'conclaveProbe').connections);
        const senders = connections.flatMap((c) => (c.connectionState === 'closed' ? [] : c.getSenders()));
        senders.find((s) => s.track?.kind === 'audio')?.track?.dispatchEvent(new Event('ended'));
      });
      await ana.at('lost-mic').waitFor();
      assert.equal(await ana.at('mic').getAttribute('aria-pressed'), 'false');
      assert.equal((await ana.probe()).captures.length, captures.length, 'captured without a click');
      await gus.more('sheet-hand');
      const hand = ana.at('toast').filter({ hasText: words('news.hand') });
      await hand.waitFor({ state: 'attached' });
      assert(await ana.at('lost-mic').isVisible(), 'news hides a question');
      await gus.more('sheet-hand');
      await ana.at('lost-mic').getByTestId('restart-mic').click();
      await until('it is on', async () => (await ana.at('mic').getAttribute('aria-pressed')) === 'true');
      await ana.at('lost-mic').waitFor({ state: 'detached' });
      await ana.press('mic', false);
    });

    step('attention: a small window over other programs has microphone, camera and leave', async () => {
      await ana.at('more').click();
      const item = ana.at('float');
      if (kind === 'firefox') {
        const can = await ana.page.evaluate(() => 'requestPictureInPicture' in HTMLVideoElement.prototype);
        assert.equal(await item.count(), can ? 1 : 0, 'offered exactly where the browser can');
        await ana.page.keyboard.press('Escape');
        return;
      }
      await item.click();
      const inside = (/** @type {string} */ id, /** @type {boolean} */ click) =>
        ana.page.evaluate(([testid, press]) => {
          const page = Reflect.get(window, 'documentPictureInPicture')?.window?.document;
          const el = page?.querySelector(`[data-testid="${testid}"]`);
          if (press) el?.click();
          return el?.getAttribute('aria-pressed') ?? '';
        }, /** @type {const} */ ([id, click]));
      await until('the window is there', async () => (await inside('float-mic', false)) === 'false');
      await inside('float-mic', true);
      await until('the microphone is on', async () => (await ana.at('mic').getAttribute('aria-pressed')) === 'true');
      assert.equal(await inside('float-mic', false), 'true');
      await ana.more('float');
      await until('the window is closed', async () => (await inside('float-mic', false)) === '');
    });

    step('mobile: tiles take the whole width, and what is touched is 44 px, upright and on its side', async () => {
      for (const [width, height] of [
        [390, 844],
        [844, 390],
      ]) {
        await gus.page.setViewportSize({ width, height });
        await gus.settled();
        const tile = await gus.page.locator('[data-testid="tile"][data-role="main"]').boundingBox();
        assert.equal(Math.round(tile?.width ?? 0), width);
        if (kind === 'chromium') assert.deepEqual(await gus.page.evaluate(smallTargets), [], `${width} × ${height}`);
        await gus.at('more').click();
        const first = gus.page.locator('.menu-first [role="menuitem"]');
        assert.deepEqual(
          (await first.evaluateAll((items) => items.map((item) => item.getAttribute('data-testid')))).slice(0, 3),
          ['sheet-people', 'sheet-hand', 'sheet-react'],
        );
        if (kind === 'chromium') {
          assert.equal(await gus.at('open-shortcuts').count(), 0, 'shortcuts without a keyboard');
          assert.deepEqual(await gus.page.evaluate(smallTargets), [], `the sheet at ${width} × ${height}`);
          await gus.settled();
          await gus.assertAccessible('the sheet');
        }
        await gus.page.keyboard.press('Escape');
      }
    });

    step('mobile: "back" asks before it ends the call', async () => {
      const link = gus.page.url();
      await gus.page.goBack();
      await gus.at('back-asks').waitFor();
      await gus.page.goBack();
      assert.equal(await gus.at('back-asks').count(), 1, 'one question at a time');
      await gus.at('dialog-close').click();
      await gus.at('back-asks').waitFor({ state: 'detached' });
      await gus.page.evaluate(() => {
        location.hash = '#k=another';
      });
      await gus.at('back-asks').waitFor();
      assert.equal(gus.page.url(), link, 'the address of another key');
      await gus.at('dialog-close').click();
      assert(await gus.on('call').isVisible());
      await gus.page.goBack();
      await gus.at('dialog-yes').click();
      await gus.at('ended-left').waitFor();
    });

    step('host: who ends the meeting reads that they did', async () => {
      await ana.at('leave').click();
      await ana.at('end-for-all').click();
      await ana.at('dialog-yes').click();
      await ana.at('ended-ended').getByText(words('bye.ended.own')).waitFor();
      for (const person of [ana, gus]) await person.assertUntroubled();
    });
  });
}
