// How fast the client is, in Chromium, with bots in the meeting: from the join click to the first picture, from a page flip to
// its pictures, and how busy the page's main thread is. Medians on the standard output, one JSON line at the end.
//
//   tests/browser/isolated node tests/browser/measure/speed.js [--bots 10] [--rounds 7] [--tiles 25]
import { parseArgs } from 'node:util';
import { startBots } from '../harness/bots.js';
import { launch } from '../harness/browsers.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep, until } from '../harness/wait.js';

const { values } = parseArgs({ options: {
  bots: { type: 'string', default: '10' }, rounds: { type: 'string', default: '7' }, tiles: { type: 'string', default: '25' },
} });
const bots = Number(values.bots);
const rounds = Number(values.rounds);
const tiles = Number(values.tiles);

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

/** Installs window.conclaveStopwatch. Runs in the page. */
function installStopwatch() {
  /** @type {{from: number, first: number, all: number, wanted: number, pressed: string, done: boolean}} */
  const watch = { from: 0, first: 0, all: 0, wanted: 1, pressed: '', done: true };
  Object.defineProperty(window, 'conclaveStopwatch', { value: watch });
  /** @type {Set<string>} */
  let before = new Set();
  // A picture counts when it is a tile's, is that tile's person's own (not stale), and was not there before the click.
  const pictures = () => [...document.querySelectorAll('[data-testid="tile"]:not([data-self]) video:not(.stale)')]
    .map((video) => video.closest('[data-testid="tile"]')?.getAttribute('data-participant') ?? '');
  document.addEventListener('click', (event) => {
    const id = event.target instanceof Element ? event.target.closest('[data-testid]')?.getAttribute('data-testid') : '';
    if (id !== watch.pressed) return;
    before = new Set(pictures());
    Object.assign(watch, { from: performance.now(), first: 0, all: 0, done: false });
  }, { capture: true });
  const look = () => {
    if (watch.done) return;
    const fresh = pictures().filter((who) => !before.has(who)).length;
    const now = performance.now() - watch.from;
    if (fresh > 0) watch.first ||= now;
    if (fresh >= watch.wanted) Object.assign(watch, { all: now, done: true });
  };
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver(look).observe(document.body, { attributes: true, attributeFilter: ['class'], childList: true, subtree: true });
  });
}

/**
 * Presses a button and waits for so many new pictures.
 * @param {Person} person
 * @param {string} pressed
 * @param {number} wanted
 */
async function time(person, pressed, wanted) {
  await person.page.evaluate(([id, n]) => {
    Object.assign(Reflect.get(window, 'conclaveStopwatch'), { pressed: id, wanted: n, done: true, from: 0 });
  }, /** @type {const} */ ([pressed, wanted]));
  await person.at(pressed).click();
  return until(`${wanted} pictures after ${pressed}`, () => person.page.evaluate(() => {
    const watch = Reflect.get(window, 'conclaveStopwatch');
    return watch.from > 0 && watch.done ? { first: watch.first, all: watch.all } : undefined;
  }), 15_000);
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {Server} server
 * @param {string} meeting
 * @param {{tiles: number, wide?: boolean}} options
 */
async function arrive(browser, server, meeting, { tiles: onAPage, wide = false }) {
  const person = await Person.arrive(browser, server, 'Ana', { viewport: wide ? { width: 1600, height: 900 } : { width: 1280, height: 720 } });
  await person.signIn();
  await person.context.addInitScript(installStopwatch);
  await person.page.evaluate((n) => localStorage.setItem('conclave.choices', JSON.stringify({ mode: 'grid', tiles: n })), onAPage);
  await person.page.goto(`${server.url}/m/${meeting}`);
  await person.screen('prejoin');
  await person.write('name', 'Ana');
  return person;
}

/**
 * The share of its main thread's time that the page works, by the browser's own trace.
 * @param {import('playwright-core').Browser} browser
 * @param {Person} person
 * @param {number} ms
 */
async function mainThread(browser, person, ms) {
  await browser.startTracing(person.page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await sleep(ms);
  /** @type {{traceEvents: {name: string, ph: string, pid: number, tid: number, dur?: number, tdur?: number, args: {name?: string}}[]}} */
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  const mains = traceEvents.filter((e) => e.ph === 'M' && e.name === 'thread_name' && e.args.name === 'CrRendererMain');
  const shares = mains.map(({ pid, tid }) => {
    const tasks = traceEvents.filter((e) => e.pid === pid && e.tid === tid && e.ph === 'X' && (e.name === 'RunTask' || e.name === 'ThreadControllerImpl::RunTask'));
    const sum = (/** @type {'dur' | 'tdur'} */ key) => tasks.reduce((total, task) => total + (task[key] ?? 0), 0) / 1000 / ms;
    return { wall: sum('dur'), cpu: sum('tdur') };
  });
  return shares.sort((a, b) => b.wall - a.wall)[0] ?? { wall: NaN, cpu: NaN };
}

const server = await Server.start('measure');
const browser = await launch('chromium');
try {
  const meeting = await server.createMeeting(await server.token('host@example.org'), { lobby: false });
  const few = ['--view', '1', '--slots-video', '1', '--slots-audio', '1'];
  let load = await startBots(server, meeting, { count: bots, seconds: 600, name: 'measure', args: few });
  await sleep(2000 + 100 * bots);

  const joins = [];
  let ana = await arrive(browser, server, meeting, { tiles: 4 });
  for (let i = 0; i < rounds; i++) {
    joins.push(await time(ana, 'join', 1));
    if (i === rounds - 1) break;
    await ana.leave();
    await ana.at('rejoin').click();
    await ana.screen('prejoin');
  }
  const join = median(joins.map((j) => j.first));
  console.log(`join click to first picture, ${bots} bots: ${join.toFixed(0)} ms (${joins.map((j) => j.first.toFixed(0)).join(', ')})`);

  const flips = [];
  await ana.at('pager').waitFor();
  await sleep(1500);
  for (let i = 0; i < rounds; i++) {
    const next = await ana.at('page-next').isEnabled();
    flips.push(await time(ana, next ? 'page-next' : 'page-previous', 1));
    await sleep(1500);
  }
  const flip = median(flips.map((f) => f.first));
  console.log(`page flip to first picture, ${bots} bots: ${flip.toFixed(0)} ms (${flips.map((f) => f.first.toFixed(0)).join(', ')})`);
  await ana.context.close();
  load.stop();
  await load.done;

  const many = await server.createMeeting(await server.token('host2@example.org'), { lobby: false });
  load = await startBots(server, many, { count: tiles - 1, seconds: 600, name: 'measure-tiles', args: [...few, '--mute-audio'] });
  await sleep(2000 + 100 * tiles);
  ana = await arrive(browser, server, many, { tiles, wide: true });
  await time(ana, 'join', tiles - 1);
  await sleep(3000);
  const busy = await mainThread(browser, ana, 8000);
  const decoded = (await ana.frameRates(2000)).filter((rate) => !rate.self);
  const fps = median(decoded.map((rate) => rate.decoded));
  console.log(`main thread with ${decoded.length + 1} tiles: ${(busy.wall * 100).toFixed(1)} % of the time, ${(busy.cpu * 100).toFixed(1)} % CPU; ${fps.toFixed(0)} frames a second decoded`);
  load.stop();
  console.log(JSON.stringify({ bots, join_ms: join, flip_ms: flip, tiles: decoded.length + 1, main_wall: busy.wall, main_cpu: busy.cpu, fps }));
} finally {
  await browser.close();
  await server.stop();
}
