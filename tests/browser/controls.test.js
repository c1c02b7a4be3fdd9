// What a person can set in a call: emoji, how their picture and voice are treated, and which device is used.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { installSwitches } from './states-switches.js';
import { until } from './harness/wait.js';

for (const kind of kinds) {
  describe(`controls, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`controls-${kind}`), launch(kind)]);
      ana = await Person.arrive(browser, server, 'Ana', { path: '/check', axe: true });
      await ana.context.addInitScript(installSwitches);
      const value = await server.token(ana.email);
      await ana.context.addCookies([{ name: 'conclave', value, url: server.url }]);
      await ana.page.goto(server.url);
      await ana.createMeeting();
      await ana.join({ mic: true, camera: true });
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    step(
      'chat: an emoji is written where the caret is, by keyboard too',
      async () => {
        await ana.at('chat').click();
        await ana.write('chat-input', 'ab');
        await ana.at('chat-input').press('ArrowLeft');
        await ana.at('chat-emoji').click();
        await ana.at('emoji-menu').waitFor();
      },
      async () => {
        await ana.assertAccessible('the emoji');
        await ana.screenshot(`controls/${kind}-emoji`);
        const chosen = () => ana.page.evaluate(() => document.activeElement?.textContent ?? '');
        const first = await chosen();
        await ana.page.keyboard.press('ArrowDown');
        const below = await chosen();
        await ana.page.keyboard.press('ArrowUp');
        assert.equal(await chosen(), first);
        await ana.page.keyboard.press('ArrowRight');
        assert.notEqual(below, await chosen(), 'down goes by a line');
        const right = await chosen();
        await ana.page.keyboard.press('Enter');
        assert.equal(await ana.at('chat-input').inputValue(), `a${right}b`);
        await until('the caret is back in the text', () =>
          ana.at('chat-input').evaluate((el) => el === document.activeElement),
        );
        await ana.page.keyboard.press('Enter');
        await ana
          .at('chat-message')
          .filter({ hasText: `a${right}b` })
          .waitFor();
        await ana.at('panel-close').click();
      },
    );

    /** The size and the treatment of what is captured now. */
    const captured = () =>
      ana.page.evaluate(() => {
        /** @type {{shared: MediaStreamTrack[], connections: RTCPeerConnection[]}} */
        const { connections } = Reflect.get(window, 'conclaveSwitches');
        const tracks = connections.flatMap((pc) => pc.getSenders().map(({ track }) => track));
        // What is asked of the device: Firefox's test devices have one size and do nothing with a sound.
        const of = (/** @type {string} */ what) =>
          tracks.find((track) => track?.kind === what && track.readyState === 'live')?.getConstraints() ?? {};
        const { height } = of('video');
        return { height: typeof height === 'object' ? height.ideal : height, noise: of('audio').noiseSuppression };
      });

    step(
      'settings: the quality of one’s picture changes while it is sent, and is remembered',
      async () => {
        await ana.more('open-settings');
        await ana.at('settings').waitFor();
        await ana.at('quality-select').selectOption('low');
      },
      async () => {
        await until('the picture is small', async () => (await captured()).height === 180);
        await ana.at('quality-select').selectOption('high');
        await until('the picture is large', async () => (await captured()).height === 720);
        const kept = await ana.page.evaluate(() => JSON.parse(localStorage.getItem('conclave.choices') ?? '{}'));
        assert.equal(kept.quality, 'high');
      },
    );

    step(
      'settings: noise suppression is offered by the browser that can switch it; what no device here has is not',
      async () => {
        assert.equal(await ana.at('backgroundBlur').count(), 0);
        assert.equal((await captured()).noise, true);
      },
      async () => {
        const offered = await ana.page.evaluate(() => {
          /** @type {{connections: RTCPeerConnection[]}} */
          const { connections } = Reflect.get(window, 'conclaveSwitches');
          const track = connections.flatMap((pc) => pc.getSenders()).find((s) => s.track?.kind === 'audio')?.track;
          const values = /** @type {any} */ (track?.getCapabilities?.() ?? {}).noiseSuppression;
          return Array.isArray(values) && values.includes(true) && values.includes(false);
        });
        assert.equal(await ana.at('noiseSuppression').count(), offered ? 1 : 0);
        if (offered) {
          await ana.at('noiseSuppression').setChecked(false);
          await until('noise is no longer suppressed', async () => (await captured()).noise === false);
        }
        await ana.assertAccessible('the settings');
        await ana.screenshot(`controls/${kind}-settings`);
        await ana.at('dialog-close').click();
      },
    );

    step(
      'devices: one that is connected is offered, and used only when that is wanted',
      async () => {
        await ana.page.evaluate(() => {
          const { mediaDevices } = navigator;
          const native = mediaDevices.enumerateDevices.bind(mediaDevices);
          mediaDevices.enumerateDevices = async () => [
            ...(await native()),
            /** @type {any} */ ({ kind: 'audioinput', deviceId: 'new-one', label: 'Headset', groupId: '' }),
          ];
          mediaDevices.dispatchEvent(new Event('devicechange'));
        });
        await ana.at('device-connected').filter({ hasText: 'Headset' }).waitFor();
      },
      async () => {
        const chosen = () =>
          ana.page.evaluate(() => JSON.parse(localStorage.getItem('conclave.choices') ?? '{}').micId ?? '');
        assert.notEqual(await chosen(), 'new-one');
        await ana.at('device-connected').getByRole('button').first().click();
        await until('the new device is chosen', async () => (await chosen()) === 'new-one');
        await until(
          'the microphone is still on',
          async () => (await ana.at('mic').getAttribute('aria-pressed')) === 'true',
        );
      },
    );

    for (const what of /** @type {const} */ (['mic', 'camera'])) {
      step(
        `devices: the list at the button of the ${what} says which is in use, and follows a choice`,
        async () => {
          await ana.at(`${what}-menu`).click();
          await ana.at(`${what}-devices`).waitFor();
        },
        async () => {
          await ana.settled();
          await ana.screenshot(`controls/${kind}-${what}-menu`);
          await ana.assertAccessible(`the list of the ${what}`);
          assert.equal(await ana.at(`${what}-devices`).locator('.meter').count(), what === 'mic' ? 1 : 0);
          const last = ana.at('device').last();
          await last.click();
          await until('the choice is kept', async () => {
            await ana.at(`${what}-menu`).click();
            const checked = await ana.at('device').last().getAttribute('aria-checked');
            await ana.page.keyboard.press('Escape');
            return checked === 'true';
          });
          await until('it stays on', async () => (await ana.at(what).getAttribute('aria-pressed')) === 'true');
        },
      );
    }

    step(
      'screen share: who shares sees what the others see',
      async () => {
        await ana.page.evaluate(() => {
          Reflect.get(window, 'conclaveSwitches').fakeScreen = true;
        });
        await ana.at('screen').click();
        await ana.at('sharing').waitFor();
      },
      async () => {
        await until('the preview has a picture', () =>
          ana.at('share-preview').evaluate((el) => (el.querySelector('video')?.videoWidth ?? 0) > 0),
        );
        await ana.settled();
        await ana.screenshot(`controls/${kind}-sharing`);
        await ana.assertAccessible('sharing');
        await ana.at('screen').click();
        await ana.at('share-preview').locator('video').waitFor({ state: 'detached' });
      },
    );

    step('controls leave no complaint in any console', () => ana.assertUntroubled());
  });
}
