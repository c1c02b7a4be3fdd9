// Nobody but those in a meeting sees, hears or reads it: what the default of a new meeting keeps, in both browsers.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

const step = story();
const FRAMES = 'conclave_sfu_encrypted_frames_total';

/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser[]} */
let browsers = [];
/** @type {Person} */
let ana;
/** @type {Person} */
let ben;
let link = '';

/** @param {Person} person what went through the page's sockets, in both directions */
const wire = async (person) =>
  await person.page.evaluate(() => Reflect.get(window, 'conclaveProbe').messages.join('\n'));

before(async () => {
  server = await Server.start('e2ee', ['--admin-listen', '127.0.0.1:19464']);
  browsers = await Promise.all([launch('chromium'), launch('firefox')]);
});

after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server?.stop();
});

step('a new meeting has a key in its link, and the server never hears of it', async () => {
  ana = await Person.arrive(browsers[0], server, 'Ana Canary');
  ana.email = 'ana@example.org';
  await ana.signIn();
  await ana.createMeeting({ lobby: false });
  link = ana.link();
  assert.match(link, /^\/m\/[a-z0-9-]+#k=[\w-]{43}&c=[\w-]{22}&l=0$/);
  assert.equal(await ana.at('protection').getAttribute('data-e2ee'), 'true');
  await ana.join();
  assert(
    ana.requests.every((url) => !url.includes('#') || url.startsWith(`${server.url}/m/`)),
    'fragments stay in the address bar',
  );
});

step('Ben joins in Firefox: pictures and sound come through, and every frame opens', async () => {
  ben = await Person.arrive(browsers[1], server, 'Ben Canary', { path: link, viewport: { width: 800, height: 520 } });
  ben.email = 'ben@example.org';
  await ben.signIn();
  await ben.join();
  await ana.tileOf('Ben Canary').waitFor();
  await ben.tileOf('Ana Canary').waitFor();
  for (const person of [ana, ben]) {
    await until(`${person.name} sees the other`, async () =>
      (await person.frameRates(1000)).some((rate) => !rate.self && rate.decoded > 5),
    );
    assert((await person.audioWithin(2000)).energy > 1e-6, `${person.name} hears`);
    const { sealed, opened, failed } = await person.sealing();
    assert(sealed > 50 && opened > 50, `${person.name}: ${sealed} sealed, ${opened} opened`);
    assert.deepEqual(failed, 0, person.name);
  }
});

step('both are shown the same number of thirty digits when one compares; the same verifies the other', async () => {
  const code = await ana.code();
  assert.match(code, /^(\d{5} ){5}\d{5}$/);
  assert.equal(await ben.code(), code);
  assert.equal(await ana.at('e2ee-person').getAttribute('data-trust'), 'new');
  await ana.at('e2ee-verify').click();
  await ana.page.locator('[data-testid="e2ee-person"][data-trust="verified"]').waitFor();
});

step('chat, private chat and reactions arrive, and no word or name of them is in what the server sees', async () => {
  await ana.press('chat', true);
  await ana.write('chat-input', 'pelican for all');
  await ana.at('chat-send').click();
  await ana.at('chat-message').filter({ hasText: 'pelican for all' }).waitFor();
  await ben.press('chat', true);
  await ben.at('chat-message').filter({ hasText: 'pelican for all' }).waitFor();
  await ben.at('chat-to').selectOption({ label: 'Ana Canary' });
  await ben.write('chat-input', 'heron for one');
  await ben.at('chat-send').click();
  await ana.at('chat-message').filter({ hasText: 'heron for one' }).waitFor();
  await ana.at('react').click();
  await ana.at('react-party').click();
  await ben.page.locator('[data-testid="reaction"][data-reaction="party"]').waitFor();
  for (const person of [ana, ben]) {
    const messages = await wire(person);
    for (const type of [/"type":"relays?"/, /"type":"broadcast"/]) assert.match(messages, type, 'it was recorded');
    for (const word of ['pelican', 'heron', 'Canary', 'party', link.slice(link.indexOf('k=') + 2, link.indexOf('&'))]) {
      assert(!messages.includes(word), `"${word}" was sent by or to ${person.name} in the clear`);
    }
  }
});

step('a shared screen opens too, as a screen', async () => {
  await ana.at('screen').click();
  await ben.page.locator('[data-testid="tile"][data-source="screen"]').waitFor();
  await until('the shared screen plays', async () =>
    (await ben.frameRates(1000)).some((rate) => rate.source === 'screen' && rate.decoded > 0),
  );
  await ana.at('screen').click();
  const { failed } = await ben.sealing();
  assert.deepEqual(failed, 0);
});

step('of all frames the server was sent, not one was in the clear', async () => {
  const frames = await server.metric(FRAMES);
  console.log('frames the server looked at:', JSON.stringify(frames));
  assert(frames.valid > 200);
  for (const [reason, n] of Object.entries(frames)) if (reason !== 'valid') assert.equal(n, 0, reason);
});

step('who leaves cannot go on listening: the others have changed their keys', async () => {
  await ben.at('panel-close').click(); // it covers the bar in a small window
  await ben.leave();
  await ana.tileOf('Ben Canary').waitFor({ state: 'detached' });
});

step('a link without its key, cut, or for another kind of meeting is told of before joining', async () => {
  const eve = await Person.arrive(browsers[0], server, 'Eve', { path: link.replace(/#.*/, '') });
  await eve.signIn();
  await eve.at('link-incomplete').waitFor();
  assert.equal((await eve.probe()).sockets, 0, 'nothing was joined');
  await eve.page.goto(server.url + link.slice(0, -8));
  await eve.page.reload();
  await eve.at('link-incomplete').waitFor();
  const plain = await server.createMeeting(await server.token('host@example.org'), { lobby: false });
  await eve.page.goto(`${server.url}/m/${plain}${link.slice(link.indexOf('#'))}`);
  await eve.page.reload();
  await eve.at('link-downgrade').waitFor();
  await eve.page.goto(`${server.url}/m/${plain}`);
  await eve.page.reload();
  assert.equal(await eve.at('protection').getAttribute('data-e2ee'), 'false');
  await eve.join({ mic: false, camera: false });
  await eve.at('not-e2ee').getByText(words('security.off.long')).waitFor();
  await eve.leave();
});

step('nobody was told of an attack that was none', async () => {
  await ana.assertUnalarmed({ breaks: false });
  await ben.assertUnalarmed({ breaks: false });
});

step('nobody saw a policy violation, a console error or a request to another origin', async () => {
  await ana.assertUntroubled();
  await ben.assertUntroubled();
});
