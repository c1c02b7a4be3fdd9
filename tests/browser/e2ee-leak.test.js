// Does anything ever leave in the clear? The page is made to attach its transforms too late, in several ways, and the
// server counts the frames that are not SFrame. With the page's rule (docs/e2ee.md, section 13, In browsers) there are
// none; with the rule broken there are, so that the count is known to see them, and the page notices and stops by
// itself.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { sleep, until } from './harness/wait.js';

const FRAMES = 'conclave_sfu_encrypted_frames_total';
/** How late, in ms; 0 is a microtask; -1 is never. */
const late = process.env.E2EE_LEAK_SHORT ? [300] : [0, 1, 50, 300, 2000, -1];

/**
 * Makes transforms of senders late. Runs in the page before its own scripts.
 * @param {{ms: number, broken: boolean}} how broken: also without Chromium's switch, and with a track in the sender
 *   from the beginning
 */
function delayTransforms({ ms, broken }) {
  const native = /** @type {PropertyDescriptor} */ (
    Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, 'transform')
  );
  Object.defineProperty(RTCRtpSender.prototype, 'transform', {
    configurable: true,
    get: native.get,
    /** @this {RTCRtpSender} @param {unknown} value */
    set(value) {
      const attach = () => {
        try {
          native.set?.call(this, value);
        } catch {
          /* too late even for that */
        }
      };
      if (ms === 0) queueMicrotask(attach);
      else if (ms > 0) setTimeout(attach, ms);
    },
  });
  if (!broken) return;
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration & {encodedInsertableStreams?: boolean}} [configuration] */
    constructor(configuration = {}) {
      super(/** @type {RTCConfiguration} */ ({ ...configuration, encodedInsertableStreams: false }));
    }

    /**
     * @override
     * @param {string | MediaStreamTrack} kind
     * @param {RTCRtpTransceiverInit} [init]
     */
    addTransceiver(kind, init) {
      const transceiver = super.addTransceiver(kind, init);
      const { sender } = transceiver;
      const replace = sender.replaceTrack.bind(sender);
      // The page's own call waits for its worker; this one does not.
      if (init?.direction === 'sendonly') {
        void navigator.mediaDevices
          .getUserMedia(kind === 'audio' ? { audio: true } : { video: { width: 320, height: 180 } })
          .then((stream) => replace(stream.getTracks()[0]));
      }
      return transceiver;
    }
  };
}

for (const kind of kinds) {
  describe(`late transforms in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    const step = story();

    /** @returns {Promise<{valid: number, clear: number}>} what the server has seen so far */
    const seen = async () => {
      const { valid = 0, ...rest } = await server.metric(FRAMES);
      return { valid, clear: Object.values(rest).reduce((sum, n) => sum + n, 0) };
    };

    /** @param {{ms: number, broken: boolean}} how */
    const join = async (how) => {
      const person = await Person.arrive(browser, server, `P${Math.random().toString(36).slice(2, 8)}`);
      await person.context.addInitScript(delayTransforms, how);
      await person.signIn();
      await person.page.reload();
      await person.createMeeting({ lobby: false });
      await person.join();
      return person;
    };

    before(async () => {
      server = await Server.start(`e2ee-leak-${kind}`, ['--admin-listen', '127.0.0.1:19465']);
      browser = await launch(kind);
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    for (const ms of late) {
      const how = ms < 0 ? 'no transform at all' : `a transform ${ms === 0 ? 'a microtask' : `${ms} ms`} late`;
      step(`${how}: not one frame in the clear`, async () => {
        const earlier = await seen();
        const person = await join({ ms, broken: false });
        if (ms < 0) await sleep(3000);
        else await until('sealed frames arrive', async () => (await seen()).valid > earlier.valid + 20);
        const { valid, clear } = await seen();
        console.log(
          `${kind}, ${ms} ms late: ${valid - earlier.valid} sealed frames, ${clear - earlier.clear} in the clear`,
        );
        assert.equal(clear - earlier.clear, 0);
        if (ms < 0) assert.equal(valid - earlier.valid, 0);
        await person.context.close();
      });
    }

    step(
      'with the rule broken frames leave in the clear, the server counts them, and the page stops them by itself',
      async () => {
        const earlier = await seen();
        const person = await join({ ms: -1, broken: true });
        await until('the server sees frames in the clear', async () => (await seen()).clear > earlier.clear);
        await person.at('leaked').first().waitFor();
        let { clear } = await seen();
        await until('nothing more leaves for 2.5 s', async () => {
          const last = clear;
          await sleep(2500);
          ({ clear } = await seen());
          return clear === last;
        });
        console.log(`${kind}, rule broken: ${clear - earlier.clear} frames in the clear until the page stopped them`);
        await person.context.close();
      },
    );
  });
}
