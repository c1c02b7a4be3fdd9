// Nobody's camera, microphone or screen starts but by their own act, and nothing leaves before they join.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { sleep, until } from './harness/wait.js';

for (const kind of kinds) {
  describe(`before: consent, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let host;
    /** @type {Person} */
    let guest;
    const step = story();

    before(async () => {
      server = await Server.start(`consent-${kind}`);
      browser = await launch(kind);
      host = await Person.arrive(browser, server, 'Host');
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    step('signing in and making a meeting captures nothing and connects nothing', async () => {
      await host.signIn();
      await host.createMeeting();
      const { captures, connections, sockets } = await host.probe();
      assert.deepEqual(
        captures.filter((capture) => capture.screen !== 'prejoin'),
        [],
      );
      assert.equal(connections, 0, 'no PeerConnection before joining');
      assert.equal(sockets, 0, 'no WebSocket before joining');
      assert.equal(await liveTracksSent(host), 0);
    });

    step('joining muted and without camera asks for no device and sends nothing', async () => {
      await host.join({ mic: false, camera: false });
      await sleep(1500);
      assert.equal(await liveTracksSent(host), 0);
    });

    step('a guest waits in the lobby without any media connection', async () => {
      guest = await Person.arrive(browser, server, 'Guest', { path: host.link() });
      await guest.signIn();
      await guest.screen('prejoin');
      await guest.write('name', guest.name);
      await guest.at('join').click();
      await guest.screen('lobby');
      await sleep(1000);
      assert.equal((await guest.probe()).connections, 0, 'no PeerConnection before admission');
    });

    step('the host sees the verified address, admits, and only then media flows', async () => {
      await host.press('people', true);
      await host.at('waiting').getByText(guest.email).waitFor();
      await host.at('admit').first().click();
      await guest.screen('call');
      await until('the guest has a connection', async () => (await guest.probe()).connections > 0);
    });

    step('a host who asks to unmute starts no microphone', async () => {
      await guest.press('mic', false);
      const earlier = (await guest.probe()).captures.length;
      await host.askToUnmute(guest.name);
      await guest.at('ask-unmute').waitFor();
      await sleep(1000);
      assert.equal(await guest.at('mic').getAttribute('aria-pressed'), 'false');
      assert.equal((await guest.probe()).captures.length, earlier);
    });
  });
}

/**
 * How many tracks with live media the person's page sends.
 * @param {Person} person
 * @returns {Promise<number>}
 */
function liveTracksSent(person) {
  return person.page.evaluate(() => {
    /** @type {import('./harness/hooks.js').Probe} */
    const probe = Reflect.get(window, 'conclaveProbe');
    return probe.connections
      .flatMap((connection) => connection.getSenders())
      .filter((sender) => sender.track?.readyState === 'live' && sender.track.enabled).length;
  });
}
