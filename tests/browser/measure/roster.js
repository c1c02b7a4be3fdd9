// How the list of people bears a thousand names, in Chromium: the longest task of the page's main thread, and how
// many rows exist, while a thousand come at once, while a person scrolls from end to end, and types into
// the search, and while a hundred of them change every tenth of a second. A task of more than 50 ms is what people
// feel as a hitch.
//
//   tests/browser/isolated node tests/browser/measure/roster.js [--people 1000]
import { parseArgs } from 'node:util';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { deliver, installSwitches } from '../states-switches.js';
import { until } from '../harness/wait.js';
import { tasksOf } from './tasks.js';

const { values } = parseArgs({ options: { people: { type: 'string', default: '1000' } } });
const people = Number(values.people);
const given = ['Amélie', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', 'Fátima', 'Günther', 'Hana', 'İlker', 'João'];
const family = ['Abe', 'Bianchi', 'Čapek', 'Dubois', 'Eriksen', 'Fernández', 'García', 'Hansen', 'Ito', 'Jovanović'];

/** @param {number} n @param {boolean} mic */
const entry = (n, mic) => ({
  participant: 10_000 + n,
  name: `${given[n % 10]} ${family[Math.floor(n / 10) % 10]} ${n}`,
  role: 'participant',
  sources: mic ? ['mic'] : [],
  hand: 0,
  connected: true,
});

const server = await Server.start('measure-roster');
const browser = await launch('chromium');

/** @param {string} what @param {Person} person @param {() => Promise<unknown>} act */
async function watched(what, person, act) {
  const { main } = await tasksOf(browser, person.page, act);
  const rows = await person.at('person').count();
  console.log(
    `${what}: longest task ${main.longest.toFixed(1)} ms (${main.longestCpu.toFixed(1)} ms CPU), ` +
      `${main.long} over 50 ms; ${rows} rows exist`,
  );
  return { what, longest_ms: main.longest, longest_cpu_ms: main.longestCpu, over_50_ms: main.long, rows };
}

try {
  const person = await Person.arrive(browser, server, 'Ana');
  await person.context.addInitScript(installSwitches);
  await person.page.reload();
  await person.signIn();
  await person.createMeeting({ lobby: false, e2ee: false });
  await person.join({ mic: false, camera: false });
  await person.press('people', true);
  const results = [];
  results.push(
    await watched(`${people} come at once`, person, async () => {
      await deliver(person, {
        type: 'roster',
        joined: Array.from({ length: people }, (_, n) => entry(n, n % 3 === 0)),
      });
      await until('the list is long', async () =>
        (await person.at('panel-people').innerText()).includes(`(${people + 1})`),
      );
    }),
  );
  results.push(
    await watched('scrolling from end to end in 60 steps', person, () =>
      person.at('roster').evaluate(async (el) => {
        for (let i = 0; i <= 60; i++) {
          el.scrollTop = ((el.scrollHeight - el.clientHeight) * i) / 60;
          await new Promise((resolve) => {
            requestAnimationFrame(resolve);
          });
        }
      }),
    ),
  );
  results.push(
    await watched('typing "dubois 3" into the search', person, async () => {
      await person.at('people-search').focus();
      await person.page.keyboard.type('dubois 3', { delay: 60 });
    }),
  );
  await person.write('people-search', '');
  results.push(
    await watched('100 people mute or unmute, ten times a second for 2 s', person, async () => {
      for (let round = 0; round < 20; round++) {
        await deliver(person, {
          type: 'roster',
          changed: Array.from({ length: 100 }, (_, i) => entry((round * 100 + i) % people, round % 2 === 0)),
        });
        await person.page.waitForTimeout(100);
      }
    }),
  );
  console.log(JSON.stringify({ people, results }));
} finally {
  await browser.close();
  await server.stop();
}
