// What end-to-end encryption costs a browser: how long the worker takes a frame, from reading it to writing it, with
// many remote videos. Medians and 95th percentiles on the standard output, one JSON line at the end.
//
//   tests/browser/isolated node tests/browser/measure/e2ee.js [--bots 25] [--seconds 10] [--browser chromium]
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';

const { values } = parseArgs({
  options: {
    bots: { type: 'string', default: '25' },
    seconds: { type: 'string', default: '10' },
    browser: { type: 'string', default: 'chromium' },
  },
});

/** Asks the encryption worker how long its last frames took. Runs in the page. */
function askTimes() {
  /** @type {Worker} */
  const worker = Reflect.get(window, 'conclaveProbe').workers.at(-1);
  return new Promise((resolve) => {
    worker.addEventListener('message', (event) => {
      if (event.data.call === -7) resolve(event.data.answer);
    });
    worker.postMessage({ do: 'times', call: -7 });
  });
}

/** @param {number[]} list @param {number} at */
const quantile = (list, at) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * at))] ?? NaN;

const server = await Server.start('measure-e2ee');
const browser = await launch(/** @type {import('../harness/browsers.js').Kind} */ (values.browser));
const ana = await Person.arrive(browser, server, 'Ana', { viewport: { width: 1600, height: 900 } });
await ana.signIn();
await ana.page.evaluate(() => localStorage.setItem('conclave.choices', JSON.stringify({ mode: 'grid', tiles: 49 })));
await ana.createMeeting({ lobby: false });
await ana.join();
const bots = await startBots(server, server.url + ana.link(), {
  count: Number(values.bots),
  seconds: 120,
  name: 'measure-e2ee',
  args: ['--slots-video', '0', '--slots-audio', '0'],
});
await until('every bot is seen', async () => (await ana.at('tile').count()) === Number(values.bots) + 1, 60_000);
await sleep(Number(values.seconds) * 1000);
const before = await ana.sealing();
await sleep(5000);
const after = await ana.sealing();
const { seal, open } = /** @type {{seal: number[], open: number[]}} */ (await ana.page.evaluate(askTimes));
const rates = await ana.frameRates(2000);
const playing = rates.filter((rate) => !rate.self && rate.decoded > 0).length;
const result = {
  browser: values.browser,
  remote: playing,
  opened_per_s: (after.opened - before.opened) / 5,
  sealed_per_s: (after.sealed - before.sealed) / 5,
  open: { n: open.length, median_ms: quantile(open, 0.5), p95_ms: quantile(open, 0.95) },
  seal: { n: seal.length, median_ms: quantile(seal, 0.5), p95_ms: quantile(seal, 0.95) },
  failed: after.failed,
};
console.log(
  `${playing} remote videos play; ${result.opened_per_s.toFixed(0)} frames/s opened, ` +
    `${result.sealed_per_s.toFixed(0)} sealed`,
);
console.log(`opening a frame: median ${result.open.median_ms.toFixed(3)} ms, p95 ${result.open.p95_ms.toFixed(3)} ms`);
console.log(`sealing a frame: median ${result.seal.median_ms.toFixed(3)} ms, p95 ${result.seal.p95_ms.toFixed(3)} ms`);
console.log(JSON.stringify(result));
bots.stop();
await browser.close();
await server.stop();
