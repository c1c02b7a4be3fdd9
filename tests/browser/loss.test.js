// A bad network and a cable pulled out: nothing is connected anew that works, and what broke comes back by itself.
// `measure/calm.js` is the long form.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { installLossProbe, lose, lossSeen } from './harness/loss.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { sleep, until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`a bad network in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person[]} */
    const people = [];
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`loss-${kind}`), launch(kind)]);
      let path = '/';
      for (const name of ['Ana', 'Ben']) {
        const person = await Person.arrive(browser, server, name, { path, viewport: { width: 640, height: 480 } });
        await person.context.addInitScript(installLossProbe);
        await person.page.reload();
        await person.signIn();
        if (path === '/') await person.createMeeting({ lobby: false });
        path = person.link();
        await person.join({ mic: true, camera: true });
        people.push(person);
      }
      await together();
    });

    after(async () => {
      lose(0);
      await browser?.close();
      await server?.stop();
    });

    /** Waits until both see the other move. */
    async function together() {
      for (const person of people) {
        await until(`${person.name} sees the other move`, async () =>
          (await person.frameRates(500)).some((rate) => !rate.self && rate.decoded > 1),
        );
      }
    }

    /** @returns {Promise<number[]>} */
    const restarts = async () => (await Promise.all(people.map(lossSeen))).map((seen) => seen.restarts);

    step('three percent lost: nothing is restarted, and nobody is told of it', async () => {
      await sleep(3000); // long enough to know what flows
      const earlier = await Promise.all(people.map(lossSeen));
      lose(30);
      await sleep(15_000);
      const later = await Promise.all(people.map(lossSeen));
      lose(0);
      for (const [i, { restarts: n, told, barsMs }] of later.entries()) {
        assert.deepEqual(
          { restarts: n, told, barsMs },
          { restarts: earlier[i].restarts, told: earlier[i].told, barsMs: earlier[i].barsMs },
          `${people[i].name}, disconnected for ${later[i].states.disconnected ?? 0} ms`,
        );
      }
      await together();
    });

    step('all are muted, and nothing is sent: silence is not taken for a break', async () => {
      const earlier = await restarts();
      for (const person of people) for (const control of ['mic', 'camera']) await person.press(control, false);
      await sleep(8000);
      assert.deepEqual(await restarts(), earlier);
      for (const person of people) for (const control of ['mic', 'camera']) await person.press(control, true);
      await together();
    });

    step('nobody was told of a break or an attack that was none', async () => {
      for (const person of people) await person.assertUnalarmed();
    });

    step('the network is gone for 5 s: told "Reconnecting…", and back without an act of theirs', async () => {
      await sleep(3000);
      const earlier = await Promise.all(people.map(lossSeen));
      lose(1000, 'input');
      for (const person of people) {
        await person.at('ladder').getByText(words('reconnecting')).waitFor();
      }
      await sleep(3000);
      lose(0);
      await together();
      for (const person of people) await person.at('ladder').waitFor({ state: 'hidden' });
      const later = await Promise.all(people.map(lossSeen));
      for (const [i, seen] of later.entries()) assert.ok(seen.restarts > earlier[i].restarts, people[i].name);
    });
  });
}
