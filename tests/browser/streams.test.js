// Streams in a plain meeting: a program sends into it by WHIP, another shows it elsewhere by WHEP. The programs are
// pages with nothing but WebRTC and fetch.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';

/**
 * stream connects the page by WHIP or WHEP. Runs in the page.
 * @param {{address: string, key: string, send: boolean}} o
 */
async function stream({ address, key, send }) {
  const pc = new RTCPeerConnection();
  if (send) {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
  } else {
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
    const video = document.createElement('video');
    video.autoplay = video.muted = true;
    video.srcObject = new MediaStream(pc.getReceivers().map((r) => r.track));
    document.body.append(video);
  }
  await pc.setLocalDescription();
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key}` },
    body: pc.localDescription?.sdp,
  });
  if (answer.status !== 201) return answer.status;
  Reflect.set(window, 'stream', { pc, location: answer.headers.get('Location') });
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  return answer.status;
}

/** Counts what a receiving page decoded. Runs in the page. */
async function decoded() {
  const { pc } = /** @type {{pc: RTCPeerConnection}} */ (Reflect.get(window, 'stream'));
  let frames = 0;
  (await pc.getStats()).forEach((s) => (frames += s.type === 'inbound-rtp' ? (s.framesDecoded ?? 0) : 0));
  return frames;
}

for (const kind of kinds) {
  describe(`streams, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let host;
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`streams-${kind}`), launch(kind)]);
      host = await Person.arrive(browser, server, 'Ana');
      await host.signIn();
      await host.createMeeting({ lobby: true, e2ee: false });
      await host.join({ mic: true, camera: true });
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @param {'ingest'|'egress'} what @param {string} name @returns {Promise<{address: string, key: string}>} */
    async function makeKey(what, name) {
      await host.at('stream-name').fill(name);
      await host.at(`stream-${what}`).click();
      const inputs = host.at('stream-card').filter({ hasText: name }).locator('input'); // earlier keys have cards, too
      await inputs.nth(1).waitFor();
      return { address: await inputs.nth(0).inputValue(), key: await inputs.nth(1).inputValue() };
    }

    /** @returns {Promise<import('playwright-core').Page>} a page of no participant */
    async function program() {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${server.url}/check`);
      return page;
    }

    step('a program sends into the meeting, and is seen with its name and what it is', async () => {
      await host.at('people').click();
      await host.at('streams').click();
      const key = await makeKey('ingest', 'Studio');
      await host.screenshot(`streams-${kind}-1-key`);
      const page = await program();
      assert.equal(await page.evaluate(stream, { ...key, key: '0'.repeat(64), send: true }), 401);
      assert.equal(await page.evaluate(stream, { ...key, send: true }), 201);
      await host.at('dialog-close').click();
      await until('the host sees the stream move', async () =>
        (await host.frameRates(500)).some((rate) => !rate.self && rate.decoded > 1),
      );
      assert.match(
        await host
          .at('person-kind')
          .allInnerTexts()
          .then((all) => all.join()),
        /stream/,
      );
      await host.screenshot(`streams-${kind}-2-in`);
    });

    step('another program shows the stage elsewhere, until its key is revoked', async () => {
      await host.at('streams').click();
      const key = await makeKey('egress', 'Broadcast');
      const page = await program();
      assert.equal(await page.evaluate(stream, { ...key, send: false }), 201);
      await until('the program sees the stage', async () => (await page.evaluate(decoded)) > 5);
      await host.screenshot(`streams-${kind}-3-out`);
      await host.at('stream-revoke').last().click();
      await until('the stream is gone', async () => {
        const earlier = await page.evaluate(decoded);
        await new Promise((r) => setTimeout(r, 500));
        return (await page.evaluate(decoded)) === earlier;
      });
      await host.at('dialog-close').click();
    });
  });
}
