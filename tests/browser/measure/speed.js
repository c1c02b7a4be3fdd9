// How fast the client is, in Chromium, with bots in the meeting: what is transferred until the page can be used, from
// the join click to the first picture, from a page flip to its pictures, and how busy the page's main thread is with
// many tiles. Medians on the standard output, one JSON line at the end. The meetings are end-to-end encrypted unless
// --plain is said.
//
//   tests/browser/isolated node tests/browser/measure/speed.js [--only join,flip,tiles] [--bots 10] [--crowd 50]
//     [--rounds 7] [--tiles 25] [--plain]
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep } from '../harness/wait.js';
import { installStopwatch, time } from './stopwatch.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'join,flip,tiles' },
    bots: { type: 'string', default: '10' },
    crowd: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '7' },
    tiles: { type: 'string', default: '25' },
    plain: { type: 'boolean', default: false },
  },
});
const only = values.only.split(',');
const bots = Number(values.bots);
const crowd = Number(values.crowd);
const rounds = Number(values.rounds);
const tiles = Number(values.tiles);

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

/**
 * A person at the pre-join page of a meeting with bots in it.
 * @param {string} name whose address is not in use yet
 * @param {number} count of the bots
 * @param {{tiles: number, wide?: boolean, args?: string[]}} options
 */
async function arrive(name, count, { tiles: onAPage, wide = false, args = [] }) {
  const person = await Person.arrive(browser, server, name, {
    viewport: wide ? { width: 1600, height: 900 } : { width: 1280, height: 720 },
  });
  await person.signIn();
  await person.createMeeting({ lobby: false, e2ee: !values.plain });
  const load = await startBots(server, server.url + person.link(), {
    count,
    seconds: 600,
    name: `measure-${name}`,
    args: ['--view', '1', '--slots-video', '1', '--slots-audio', '1', ...args],
  });
  await sleep(2000 + 100 * count);
  await person.context.addInitScript(installStopwatch);
  await person.page.evaluate(
    (n) => localStorage.setItem('conclave.choices', JSON.stringify({ mode: 'grid', tiles: n })),
    onAPage,
  );
  await person.page.reload();
  await person.screen('prejoin');
  await person.write('name', name);
  return { person, load };
}

/**
 * The share of its main thread's time that the page works, by the browser's own trace.
 * @param {Person} person
 * @param {number} ms
 */
async function mainThread(person, ms) {
  await browser.startTracing(person.page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await sleep(ms);
  /**
   * @type {{traceEvents: {name: string, ph: string, pid: number, tid: number, dur?: number, tdur?: number, args:
   *   {name?: string}}[]}}
   */
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const mains = traceEvents.filter((e) => e.ph === 'M' && e.name === 'thread_name' && e.args.name === 'CrRendererMain');
  const shares = mains.map(({ pid, tid }) => {
    const tasks = traceEvents.filter(
      (e) =>
        e.pid === pid &&
        e.tid === tid &&
        e.ph === 'X' &&
        (e.name === 'RunTask' || e.name === 'ThreadControllerImpl::RunTask'),
    );
    const sum = (/** @type {'dur' | 'tdur'} */ key) =>
      tasks.reduce((total, task) => total + (task[key] ?? 0), 0) / 1000 / ms;
    return { wall: sum('dur'), cpu: sum('tdur') };
  });
  return shares.sort((a, b) => b.wall - a.wall)[0] ?? { wall: NaN, cpu: NaN };
}

/** @returns {Promise<Record<string, number>>} */
async function measureJoin() {
  const { person, load } = await arrive('Joan', bots, { tiles: 4 });
  const interactive = await person.page.evaluate(() => {
    // What was fetched before the page could be used; the parts that are fetched later are not in the page's own list.
    const named = new Set(
      [...document.querySelectorAll('link, script')].map(
        (el) => el.getAttribute('href') ?? el.getAttribute('src') ?? '',
      ),
    );
    const of = performance.getEntriesByType('resource').filter((e) => named.has(new URL(e.name).pathname));
    const page = performance.getEntriesByType('navigation');
    return [...of, ...page].reduce((sum, e) => sum + /** @type {PerformanceResourceTiming} */ (e).encodedBodySize, 0);
  });
  console.log(`transferred until a meeting's page is interactive: ${interactive} bytes`);
  const joins = [];
  for (let i = 0; i < rounds; i++) {
    joins.push(await time(person, 'join', 1));
    if (i === 0) await sleep(3000); // the statistics
    if (i === rounds - 1) break;
    await person.leave();
    await person.at('rejoin').click();
    await person.screen('prejoin');
  }
  await person.page.getByTestId('quality').click();
  const phases = await person.at('panel-stats').locator('dd').filter({ hasText: / · / }).first().innerText();
  const join = median(joins.map((j) => j.first));
  console.log(
    `join click to first picture, ${bots} bots: ${join.toFixed(0)} ms ` +
      `(${joins.map((j) => j.first.toFixed(0)).join(', ')}); the last one's phases: ${phases}`,
  );
  await person.context.close();
  load.stop();
  await load.done;
  return { interactive_bytes: interactive, join_bots: bots, join_ms: join };
}

/** @returns {Promise<Record<string, number>>} */
async function measureFlip() {
  const { person, load } = await arrive('Flip', crowd, { tiles: 9, args: ['--mute-audio'] });
  await person.at('join').click();
  await person.at('pager').waitFor();
  await sleep(3000);
  const flips = [];
  for (let i = 0; i < rounds; i++) {
    const next = await person.at('page-next').isEnabled();
    flips.push(await time(person, next ? 'page-next' : 'page-previous', 1));
    await sleep(1500);
  }
  const flip = median(flips.map((f) => f.first));
  console.log(
    `page flip to first picture, ${crowd} bots, 9 tiles: ${flip.toFixed(0)} ms ` +
      `(${flips.map((f) => f.first.toFixed(0)).join(', ')})`,
  );
  await person.context.close();
  load.stop();
  await load.done;
  return { flip_bots: crowd, flip_ms: flip };
}

/** @returns {Promise<Record<string, number>>} */
async function measureTiles() {
  const { person, load } = await arrive('Tilda', tiles - 1, { tiles, wide: true, args: ['--mute-audio'] });
  await time(person, 'join', tiles - 1);
  await sleep(3000);
  const busy = await mainThread(person, 8000);
  const decoded = (await person.frameRates(2000)).filter((rate) => !rate.self);
  const fps = median(decoded.map((rate) => rate.decoded));
  const height = median(decoded.map((rate) => rate.height));
  console.log(
    `main thread with ${decoded.length + 1} tiles at ${height} lines: ${(busy.wall * 100).toFixed(1)} % of the time, ` +
      `${(busy.cpu * 100).toFixed(1)} % CPU; ${fps.toFixed(0)} frames a second decoded`,
  );
  await person.context.close();
  load.stop();
  await load.done;
  return { tiles: decoded.length + 1, tile_height: height, main_wall: busy.wall, main_cpu: busy.cpu, fps };
}

const measures = { join: measureJoin, flip: measureFlip, tiles: measureTiles };
const server = await Server.start('measure');
const browser = await launch('chromium');
try {
  let all = {};
  for (const [name, measure] of Object.entries(measures)) {
    if (only.includes(name)) all = { ...all, ...(await measure()) };
  }
  console.log(JSON.stringify({ encrypted: !values.plain, ...all }));
} finally {
  await browser.close();
  await server.stop();
}
