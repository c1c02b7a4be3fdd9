// How long interruptions last for ears and eyes: a cable pulled out, a network that drops everything, sleep, another
// network, the WebSocket alone cut, and UDP blocked in the middle of a call. Needs root, and a quiet machine:
//
//   tests/browser/networks node tests/browser/measure/interrupt.js --browser firefox --only cable5,network --rounds 3
//
// One line of JSON for each, then a table of medians. What does not come back is said, and the others are measured on.
import { parseArgs } from 'node:util';
import { interruptionKinds, startCall } from '../harness/interrupt.js';

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    only: { type: 'string', default: interruptionKinds.join() },
    rounds: { type: 'string', default: '1' },
  },
});
const browser = /** @type {import('../harness/browsers.js').Kind} */ (values.browser);
const columns = /** @type {const} */ (['sound', 'picture', 'theirs', 'told', 'tile']);

/** @param {number[]} list */
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

const call = await startCall(browser);
try {
  console.log(`| ${browser} | ${columns.join(' | ')} | seat kept | route |`);
  console.log(`|---|${columns.map(() => '---|').join('')}---|---|`);
  for (const kind of interruptionKinds.filter((k) => values.only.split(',').includes(k))) {
    /** @type {import('../harness/interrupt.js').Result[]} */
    const results = [];
    for (let i = 0; i < Number(values.rounds); i++) {
      try {
        results.push(await call.interrupt(kind));
        console.error(JSON.stringify({ browser, ...results.at(-1) }));
      } catch (error) {
        console.error(`${browser}, ${kind}: ${error}`);
        process.exitCode = 1;
      }
      call.host.block();
    }
    if (results.length === 0) continue;
    const cells = columns.map((column) => median(results.map((r) => r[column])));
    const last = results[results.length - 1];
    console.log(`| ${kind} | ${cells.join(' | ')} | ${results.every((r) => r.sameSeat)} | ${last.route} |`);
  }
} finally {
  await call.stop();
}
