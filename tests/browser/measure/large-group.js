// How a page bears a large encrypted meeting, in Chromium: the longest task of its main thread, and what its workers
// take, while it comes in, while nothing happens, and while people leave and come back all the time. The others are
// bots, and members of the group. A task of more than 50 ms is what people feel as a hitch.
//
//   tests/browser/isolated node tests/browser/measure/large-group.js [--people 300] [--seconds 20] [--churn 1]
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';
import { tasksOf } from './tasks.js';

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '300' },
    seconds: { type: 'string', default: '20' },
    churn: { type: 'string', default: '1' },
  },
});
const people = Number(values.people);
const seconds = Number(values.seconds);
const churn = Number(values.churn);

const server = await Server.start('large-group', ['--sockets-per-client', '2000']);
const browser = await launch('chromium');
/** @type {object[]} */
const results = [];

/** @param {string} what @param {Person} person @param {() => Promise<unknown>} act */
async function watched(what, person, act) {
  const { main, workers } = await tasksOf(browser, person.page, act);
  const ms = (/** @type {number} */ n) => n.toFixed(1);
  console.log(
    `${what}: longest task ${ms(main.longest)} ms (${ms(main.longestCpu)} ms CPU), ${main.long} over 50 ms; ` +
      `CPU: page ${ms(main.cpu)} ms, workers ${workers.map((w) => ms(w.cpu)).join(', ')} ms; ` +
      `longest task of a worker ${ms(Math.max(0, ...workers.map((w) => w.longestCpu)))} ms CPU`,
  );
  results.push({ what, main, workers });
}

/** @param {string} name @param {number} count @param {string} meeting @param {string[]} args */
const start = (name, count, meeting, args) =>
  startBots(server, meeting, {
    name,
    count,
    seconds: 600,
    args: ['--publishers', '0', '--slots-audio', '1', '--slots-video', '1', '--profile', 'bench', ...args],
  });

try {
  const bots = await start('large-group', people - 1, '', [
    ...['--ramp', '40ms', '--print-address', '--settle', `${2 * seconds}s`],
    ...['--churn', `${churn}s`, '--away', '500ms'],
  ]);
  const found = async () => /^address (\S+)$/m.exec(bots.said())?.[1];
  await until('the bots have made their meeting', async () => Boolean(await found()), 30_000);
  const { pathname, hash } = new URL(String(await found()));
  const all = async () => new RegExp(` ${people - 1}/${people - 1} in`).test(bots.said());
  await until('the bots are in', all, 120_000);
  const person = await Person.arrive(browser, server, 'Ana', { path: pathname + hash });
  await person.signIn();
  await person.screen('prejoin');
  await watched('coming in', person, async () => {
    await person.join({ mic: false, camera: false });
    await person.press('people', true);
    await until('all are listed', async () => (await person.at('panel-people').innerText()).includes(`(${people})`));
    await sleep(2000);
  });
  await watched(`${seconds} s in which nothing happens`, person, () => sleep(seconds * 1000));
  await sleep(2 * seconds * 1000);
  await watched(`${seconds} s in which one leaves every ${churn} s and comes back`, person, () =>
    sleep(seconds * 1000),
  );
  console.log(JSON.stringify({ people, results }));
  bots.stop();
  await bots.done;
} finally {
  await browser.close();
  await server.stop();
}
