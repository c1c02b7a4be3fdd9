// One person in Chromium in a meeting of a thousand, of whom ten speak and show themselves: how long it takes from the
// join click to the first picture, the longest task of the page's main thread while it comes
// in, while nothing happens and while a name is searched for, and how long that takes. The others are bots, most of
// which read a sample of what they receive (docs/bots.md); their own report follows. Nothing else should run.
//
//   tests/browser/isolated node tests/browser/measure/thousand.js [--people 1000] [--rounds 5] [--seconds 20] [--plain]
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';
import { installStopwatch, time } from './stopwatch.js';
import { tasksOf } from './tasks.js';

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '20' },
    plain: { type: 'boolean', default: false },
  },
});
const people = Number(values.people);
const seconds = Number(values.seconds);
const speakers = 10;
const pictures = 9; // that a bot is sent
const perSecond = 20; // joins

const limits = ['--sockets-per-client', '2000', '--max-participants', '2000'];
const server = await Server.start('thousand', limits);
const browser = await launch('chromium');
/** @type {object[]} */
const results = [];

/** @param {string} what @param {Person} person @param {() => Promise<unknown>} act */
async function watched(what, person, act) {
  const { main } = await tasksOf(browser, person.page, act);
  console.log(
    `${what}: longest task ${main.longest.toFixed(1)} ms (${main.longestCpu.toFixed(1)} ms CPU), ` +
      `${main.long} over 50 ms`,
  );
  results.push({ what, main });
}

try {
  const ramp = `${1000 / perSecond}ms`;
  const args = ['--publishers', String(speakers), '--slots-audio', '4', '--slots-video', String(pictures)];
  args.push('--view', String(pictures), '--sample', '32', '--ramp', ramp, '--print-address');
  if (values.plain) args.push('--no-e2ee');
  const bots = await startBots(server, '', {
    name: 'thousand',
    count: people - 1,
    seconds: 120 + 15 * Number(values.rounds),
    args,
  });
  const found = async () => /^address (\S+)$/m.exec(bots.said())?.[1];
  await until('the bots have made their meeting', async () => Boolean(await found()), 30_000);
  const { pathname, hash } = new URL(String(await found()));
  const all = async () => new RegExp(` ${people - 1}/${people - 1} in`).test(bots.said());
  await until('the bots are in', all, people * 150);
  await sleep(5000);
  const person = await Person.arrive(browser, server, 'Ana', { path: pathname + hash });
  await person.context.addInitScript(installStopwatch);
  await person.page.evaluate(
    (n) => localStorage.setItem('conclave.choices', JSON.stringify({ mode: 'grid', tiles: n })),
    pictures,
  );
  await person.page.reload();
  await person.signIn();
  for (let round = 0; round < Number(values.rounds); round++) {
    await person.screen('prejoin');
    await person.write('name', 'Ana');
    const { first } = await time(person, 'join', 1);
    await sleep(3000);
    const seen = await person.page.locator('[data-testid="tile"]:not([data-self]) video:not(.stale)').count();
    console.log(`from the join click: first picture ${first.toFixed(0)} ms, then ${seen} pictures`);
    results.push({ what: 'join', first, seen });
    await person.leave();
    await person.page.goto(server.url + pathname + hash);
  }
  await person.screen('prejoin');
  await watched('coming in', person, async () => {
    await person.join({ mic: false, camera: false });
    await sleep(5000);
  });
  await person.press('people', true);
  await until('all are listed', async () =>
    (await person.at('panel-people').innerText()).replaceAll(/[.,\s]/g, '').includes(`(${people})`),
  );
  await watched(`${seconds} s in which nothing happens`, person, () => sleep(seconds * 1000));
  await watched('typing a name into the search', person, async () => {
    await person.at('people-search').focus();
    await person.page.keyboard.type('Bot 77', { delay: 60 });
    await sleep(300);
  });
  console.log(JSON.stringify({ people, plain: values.plain, results }));
  await bots.done;
  console.log(bots.said().slice(bots.said().lastIndexOf('\nbots ')));
} finally {
  await browser.close();
  await server.stop();
}
