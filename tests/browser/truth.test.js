// The bots measure what a browser measures: bots and a Chromium receive the same picture and voice over the same bad
// line, which is dark now and then, and their reports agree with its getStats. Run it under tests/browser/isolated.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe } from 'node:test';
import { startBots } from './harness/bots.js';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Line } from './harness/line.js';
import { artefact } from './harness/paths.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';

const conditions = { delay_ms: 25, loss: 5, dark_every_ms: 5000, dark_ms: 500 }; // each way
const seconds = Number(process.env.TRUTH_SECONDS ?? 20);

/**
 * @typedef {object} Counts of one stream, as getStats has them
 * @property {number} at ms since 1970 @property {string} kind
 * @property {number} received @property {number} again retransmissions among them @property {number} lost
 * @property {number} samples @property {number} concealed
 * @property {number} freezes @property {number} frozen ms
 * @property {number} rtt ms
 */

/** Looks at what is received five times a second. Runs in the page. */
function watch() {
  /** @type {Counts[]} */
  const seen = [];
  Object.defineProperty(window, 'truth', { value: seen });
  const look = async () => {
    const { connections } = /** @type {import('./harness/hooks.js').Probe} */ (Reflect.get(window, 'conclaveProbe'));
    const stats = [...(await connections[connections.length - 1].getStats()).values()];
    const at = performance.timeOrigin + performance.now();
    const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated);
    for (const s of stats) {
      if (s.type !== 'inbound-rtp' || !s.packetsReceived) continue;
      seen.push({
        at,
        kind: s.kind,
        received: s.packetsReceived,
        again: s.retransmittedPacketsReceived ?? 0,
        lost: s.packetsLost,
        samples: s.totalSamplesReceived ?? 0,
        concealed: s.concealedSamples ?? 0,
        freezes: s.freezeCount ?? 0,
        frozen: (s.totalFreezesDuration ?? 0) * 1000,
        rtt: (pair?.currentRoundTripTime ?? NaN) * 1000,
      });
    }
    setTimeout(look, 200);
  };
  void look();
}

/** @param {Counts[]} list of one stream, in order @returns {Counts} by how much each grew */
function grown(list) {
  const [first, last] = [list[0], list[list.length - 1]];
  const growth = Object.entries(last).map(([key, value]) => [key, Number(value) - Number(Reflect.get(first, key))]);
  return /** @type {Counts} */ (Object.fromEntries(growth));
}

/** @param {string} who @param {Record<string, number>} figures */
function print(who, figures) {
  console.log(
    who,
    JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Number(v.toFixed(4)) : v)),
  );
}

/** @param {string} what @param {number} bot @param {number} browser @param {number} bound */
function agree(what, bot, browser, bound) {
  assert.ok(Math.abs(bot - browser) <= bound, `${what}: the bot measures ${bot}, Chromium ${browser}; bound ${bound}`);
}

describe('bots beside a Chromium', () => {
  /** @type {Line} */
  let line;
  /** @type {Server} */
  let server;
  /** @type {import('playwright-core').Browser} */
  let browser;
  /** @type {Person} */
  let ana;
  const step = story();

  before(async () => {
    line = await Line.open(conditions);
    [server, browser] = await Promise.all([Server.start('truth', [], { line }), launch('chromium')]);
    ana = await Person.arrive(browser, server, 'Ana', { viewport: { width: 640, height: 480 } });
    await ana.signIn();
    await ana.createMeeting({ lobby: false, e2ee: false });
    await ana.join({ mic: false, camera: false });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    await line?.close();
  });

  step('loss, delay, freezes and concealment agree with getStats', async () => {
    const report = artefact('truth.json');
    const meeting = ana.link();
    const speaker = await startBots(server, meeting, { count: 1, seconds: 600, name: 'truth-speaker' });
    await ana.page.evaluate(watch);
    const listeners = await startBots(server, meeting, {
      count: 2,
      seconds,
      name: 'truth-listeners',
      near: true,
      args: ['--publishers', '0', '--slots-audio', '1', '--slots-video', '1', '--json', report, '--no-default-limits'],
    });
    await listeners.done;
    /** @type {Counts[]} */
    const seen = await ana.page.evaluate(() => Reflect.get(window, 'truth'));
    speaker.stop();
    await speaker.done;
    const run = JSON.parse(readFileSync(report, 'utf8'));
    const from = Date.parse(run.window.start);
    const within = seen.filter((s) => s.at >= from && s.at <= from + 1000 * run.window.seconds);
    const [sound, picture] = ['audio', 'video'].map((kind) => grown(within.filter((s) => s.kind === kind)));
    const round = within.map((s) => s.rtt).toSorted((a, b) => a - b)[within.length >> 1];
    const truth = {
      delay: round / 2, // the speaker is beside the server: what it sends comes over one half of the round trip
      lost: picture.lost / (picture.received - picture.again + picture.lost),
      repaired: Math.min(1, picture.again / Math.max(1, picture.lost)), // probes are packets sent again, too
      silent: sound.lost / (sound.received + sound.lost), // what is sent again comes as it was, and counts as received
      concealed: sound.concealed / sound.samples,
      freezes: picture.freezes,
      frozen: picture.frozen,
    };
    print('Chromium', truth);
    for (const bot of run.bots) {
      const [audio, video] = bot.received;
      const measured = {
        delay: bot.audio_delay.p50_ms,
        lost: video.lost_before_rtx / video.expected_packets,
        repaired: 1 - video.lost_after_rtx / Math.max(1, video.lost_before_rtx),
        silent: audio.lost_after_rtx / audio.expected_packets,
        concealed: audio.concealed_ms / (audio.played_ms + audio.concealed_ms),
        freezes: video.freezes,
        frozen: video.freeze_ms,
      };
      print(`bot ${bot.bot}`, measured);
      // A busy machine makes all of it later. What is lost at random differs from one receiver to the next: the bounds
      // of loss and concealment are three times the deviation of that.
      agree('delay', measured.delay, truth.delay, 10);
      agree('loss', measured.lost, truth.lost, 0.04);
      agree('repair', measured.repaired, truth.repaired, 0.1);
      agree('sound that never came', measured.silent, truth.silent, 0.04);
      agree('concealment', measured.concealed, truth.concealed, 0.04);
      // A bot shows no frame before all earlier ones are there; Chromium leaves out those that later ones do not need.
      agree('freezes', measured.freezes, truth.freezes, 3);
      agree('frozen time', measured.frozen, truth.frozen, 0.6 * truth.frozen);
      // What the line did is in all of them: dark for a tenth of the time, and 5 % lost of the rest.
      assert.ok(measured.lost > 0.08 && measured.concealed > 0.05 && measured.freezes >= (seconds / 5) * 0.5);
    }
  });
});
