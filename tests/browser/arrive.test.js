// From a link to the meeting: guests in one step, names that are remembered, and nothing captured before a click.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`arriving, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let gus;
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`arrive-${kind}`, ['--guests']), launch(kind)]);
      ana = await signedIn('ana.lopez');
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @param {string} name @param {string} [path] */
    async function signedIn(name, path = '/') {
      const person = await Person.arrive(browser, server, name, { path: '/check' });
      const value = await server.token(person.email);
      await person.context.addCookies([{ name: 'conclave', value, url: server.url }]);
      await person.page.goto(server.url + path);
      return person;
    }

    step('guests: a new meeting takes guests unless its creator says no', async () => {
      await ana.at('create-options').click();
      assert.equal(await ana.at('options-guests').isChecked(), true);
      await ana.at('options-lobby').setChecked(false);
      assert.equal(await ana.at('options-guests').isVisible(), false, 'without a waiting room there are no guests');
      await ana.at('options-lobby').setChecked(true);
      await ana.at('options-guests').setChecked(false);
      await ana.at('options-create').click();
      await ana.screen('prejoin');
      gus = await Person.arrive(browser, server, 'Gus', { path: ana.link() });
      await gus.screen('sign-in');
      assert.equal(await gus.at('guest').count(), 0, 'offered, and the meeting takes none');
      await ana.page.goto(server.url);
      await ana.createMeeting();
    });

    step('before: a name is suggested, nothing is captured without a click, and "Join" alone says so', async () => {
      assert.equal(await ana.at('name').inputValue(), 'Ana Lopez');
      await ana.page.evaluate(() => localStorage.setItem('conclave.choices', '{"mic":true,"camera":true}'));
      await ana.page.reload();
      await ana.screen('prejoin');
      assert.match(await ana.at('enable-devices').innerText(), words('prejoin.enable'));
      assert.match(await ana.at('unseen').innerText(), words('prejoin.off.miccamera'));
      await ana.at('join').click();
      await ana.screen('call');
      assert.deepEqual((await ana.probe()).captures, []);
      assert.equal(await ana.at('mic').getAttribute('aria-pressed'), 'false');
    });

    step(
      'guests: from the link to asking in one field and one click, and the host sees who is not verified',
      async () => {
        await gus.page.goto(server.url + ana.link());
        await gus.screen('prejoin');
        assert.equal(await gus.at('password').count(), 0);
        assert.equal(
          (await gus.context.cookies()).filter((c) => c.name === 'conclave').length,
          0,
          'a session for a look',
        );
        await gus.write('name', 'Gus');
        await gus.at('join').click();
        await gus.screen('lobby');
        await ana.press('people', true);
        await ana.at('waiting').filter({ hasText: 'Gus' }).getByText(words('people.guest')).waitFor();
        await ana.at('admit').click();
        await gus.screen('call');
      },
    );

    step('guests: whose session is over is asked again, and takes no other by a reload', async () => {
      await gus.context.clearCookies({ name: 'conclave' });
      await gus.page.reload();
      await gus.screen('prejoin');
      assert.equal((await gus.context.cookies()).filter((c) => c.name === 'conclave').length, 0);
      await gus.write('name', 'Gus');
      await gus.at('join').click();
      await gus.screen('lobby');
      await ana.at('admit').first().click();
      await gus.screen('call');
    });

    step('before: a name is remembered on this device only if that is asked for', async () => {
      const stored = () => gus.page.evaluate(() => localStorage.getItem('conclave.name'));
      assert.equal(await stored(), null);
      await gus.leave();
      await gus.at('rejoin').click();
      await gus.at('remember-name').check();
      await gus.at('join').click();
      await until('the name is kept', async () => (await stored()) === 'Gus');
      await gus.page.reload();
      await gus.screen('prejoin');
      assert.equal(await gus.at('name').inputValue(), 'Gus');
      await gus.at('account').click();
      await gus.at('sign-out').click();
      await gus.screen('sign-in');
      assert.equal(await stored(), null, 'signing out forgets it');
    });

    step('before: a page that is loaded again is back in the meeting, without a form and with nothing on', async () => {
      await ana.press('mic', true);
      const earlier = await ana.page.evaluate(() =>
        [sessionStorage, localStorage].map((storage) => JSON.stringify({ ...storage })).join(),
      );
      const { hash } = new URL(server.url + ana.link());
      const secrets = [...hash.matchAll(/[#&][kc]=([^&]+)/g)].map(([, value]) => value);
      assert(secrets.length > 0, 'the link has a key');
      for (const secret of secrets) assert(!earlier.includes(secret), 'a secret in the storage of scripts');
      await ana.page.reload();
      await ana.screen('call');
      await ana.at('back').waitFor();
      assert.deepEqual((await ana.probe()).captures, []);
      assert.equal(await ana.at('mic').getAttribute('aria-pressed'), 'false');
    });

    step('before: a second tab says that the meeting is open in another, and switches there', async () => {
      await ana.page.goto(server.url);
      await ana.at('create-options').click();
      await ana.at('options-leaves').selectOption('end'); // a host who switches has not left
      await ana.at('options-create').click();
      await ana.join({ mic: false, camera: false });
      const path = ana.link();
      const second = await ana.context.newPage();
      await second.goto(server.url + path);
      await second.getByTestId('elsewhere').waitFor();
      // A copy of a tab has what the tab kept, and joins no sooner when it is loaded again.
      const kept = await ana.page.evaluate(() => sessionStorage.getItem('conclave.here') ?? '');
      assert.notEqual(kept, '');
      await second.evaluate((value) => sessionStorage.setItem('conclave.here', value), kept);
      await second.reload();
      await second.getByTestId('elsewhere').waitFor();
      assert.match(await second.getByTestId('join').innerText(), words('prejoin.switch'));
      await second.getByTestId('join').click();
      await second.getByTestId('call').waitFor();
      await ana.at('ended-replaced').waitFor();
      await second.close();
    });

    step('arriving leaves no complaint in any console', async () => {
      for (const person of [ana, gus]) await person.assertUntroubled();
    });
  });
}
