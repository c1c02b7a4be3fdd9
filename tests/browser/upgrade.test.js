// An upgrade ends no meeting: another build takes over while Chromium, Firefox and bots are in a meeting. Run it under
// tests/browser/isolated.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { startBots } from './harness/bots.js';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { artefact, root } from './harness/paths.js';
import { Person } from './harness/person.js';
import { Server, useBinary } from './harness/server.js';
import { patience, sleep, until } from './harness/wait.js';

/** @typedef {import('./harness/hooks.js').Probe} Probe */

const run = promisify(execFile);
const step = story();
const bots = 3;
const args = [
  ...['--handover-dir', path.join(mkdtempSync(path.join(tmpdir(), 'upgrade-')), 'h')],
  ...['--admin-listen', '127.0.0.1:9181', '--media-ports', '0'],
];

/** @type {Server} */
let old;
/** @type {Server} */
let next;
/** @type {import('playwright-core').Browser[]} */
let browsers = [];
/** @type {Person} */
let ana;
/** @type {Person} */
let ben;
/** @type {Awaited<ReturnType<typeof startBots>> | undefined} */
let load;

/** @returns {Promise<string>} a binary of the same code with another page: its files have other addresses */
async function buildNext() {
  const style = path.join(root, 'static/css/base.css');
  const changed = artefact('upgrade/base.css');
  writeFileSync(changed, `${readFileSync(style, 'utf8')}\n/* the next version */\n`);
  const overlay = artefact('upgrade/overlay.json');
  writeFileSync(overlay, JSON.stringify({ Replace: { [style]: changed } }));
  const file = artefact('upgrade/conclave');
  await run('go', ['build', '-overlay', overlay, '-o', file, './cmd/conclave'], { cwd: root });
  return file;
}

/**
 * What has arrived in a page since it was opened, over all streams.
 * @param {Person} person
 * @returns {Promise<{received: number, lost: number, frames: number}>}
 */
function arrived(person) {
  return person.page.evaluate(async () => {
    /** @type {Probe} */
    const probe = Reflect.get(window, 'conclaveProbe');
    const sum = { received: 0, lost: 0, frames: 0 };
    for (const connection of probe.connections) {
      (await connection.getStats()).forEach((r) => {
        if (r.type !== 'inbound-rtp') return;
        sum.received += r.packetsReceived ?? 0;
        sum.lost += r.packetsLost ?? 0;
        sum.frames += r.framesDecoded ?? 0;
      });
    }
    return sum;
  });
}

/** @param {Person} person @returns {Promise<string>} the version of the page that is loaded */
async function pageVersion(person) {
  return (await person.page.content()).match(/\/assets\/([\w-]+)\//)?.[1] ?? '';
}

/** @param {Person} person */
const seesAll = (person) =>
  until(`${person.name} sees all`, async () => (await person.at('tile').count()) === bots + 2, 2 * patience);

before(async () => {
  old = await Server.start('upgrade-old', args);
  browsers = await Promise.all([launch('chromium'), launch('firefox')]);
});

after(async () => {
  load?.stop();
  await Promise.all(browsers.map((browser) => browser.close()));
  await next?.stop();
  await old?.stop();
});

step('Chromium, Firefox and three bots are in a meeting', async () => {
  ana = await Person.arrive(browsers[0], old, 'Ana', { viewport: { width: 800, height: 520 } });
  await ana.signIn();
  await ana.createMeeting({ lobby: false });
  await ana.join();
  ben = await Person.arrive(browsers[1], old, 'Ben', { path: ana.link(), viewport: { width: 800, height: 520 } });
  await ben.signIn();
  await ben.join();
  load = await startBots(old, old.url + ana.link(), { count: bots, seconds: 1800, name: 'upgrade' });
  for (const person of [ana, ben]) await seesAll(person);
});

step('another build takes over: no packet is lost, and all goes on', async () => {
  const file = await buildNext();
  await sleep(10_000); // until the building is forgotten
  const people = [ana, ben];
  const counted = await Promise.all(people.map(arrived));
  useBinary(file);
  next = await Server.start('upgrade-next', args);
  assert.equal(next.url, old.url);
  await until('it has taken over', () => next.lines.some((line) => line.includes('taken over')));
  await sleep(15_000);
  const now = await Promise.all(people.map(arrived));
  people.forEach((person, i) => {
    const [received, lost, frames] = /** @type {const} */ (['received', 'lost', 'frames']).map(
      (of) => now[i][of] - counted[i][of],
    );
    console.log(`${person.name}: ${received} packets, ${lost} lost, ${frames} frames decoded across the upgrade`);
    assert(received > 500 && frames > 20, `${person.name}: ${received} packets, ${frames} frames`);
    assert.equal(lost, 0, `packets that ${person.name} lost`);
  });
  for (const person of people) await seesAll(person);
  assert.equal(old.exit, undefined);
});

step('a new tab is signed in, has the new page, and makes a meeting', async () => {
  const loaded = await pageVersion(ana);
  const tab = await ana.context.newPage();
  await tab.goto(next.url);
  await tab.locator('[data-testid="home"]').waitFor({ timeout: patience });
  const now = (await tab.content()).match(/\/assets\/([\w-]+)\//)?.[1];
  assert.ok(now && now !== loaded, `the page is ${loaded}, then ${now}`);
  await tab.getByTestId('create').click();
  await tab.locator('[data-testid="prejoin"]').waitFor({ timeout: patience });
  await tab.close();
  // The page that was loaded before gets more of its own files.
  assert.equal((await fetch(`${next.url}/assets/${loaded}/js/screens/check.js`)).status, 200);
});

step('a page that is reloaded comes back into the meeting, with the new page', async () => {
  const loaded = await pageVersion(ben);
  await ben.page.reload();
  await ben.screen('call', 2 * patience);
  await seesAll(ben);
  await seesAll(ana);
  assert.notEqual(await pageVersion(ben), loaded);
  await until('Ben hears', async () => (await ben.audioWithin(2000)).packets > 50);
});

step('when the meeting is over, the old version ends', async () => {
  await ana.at('leave').click();
  await ana.at('end-for-all').click();
  await ana.at('dialog-yes').click();
  for (const person of [ana, ben]) await person.at('ended-ended').waitFor();
  await until('the old version has ended', () => old.exit !== undefined, 2 * patience);
  assert.equal(old.exit, 0);
  assert.equal((await fetch(`${next.url}/api/config`)).status, 200);
});
