// What a meeting does together: the queue of hands, the timer, polls. In both browsers, end-to-end encrypted, with a
// waiting room: Ana hosts on a wide window, Ben is there from the beginning, Cem comes late and has a phone.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { deliver, installSwitches } from './states-switches.js';
import { until } from './harness/wait.js';
import { words } from './harness/words.js';

for (const kind of kinds) {
  describe(`together in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    /** @type {Person} */
    let ben;
    /** @type {Person} */
    let cem;
    let path = '';
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`together-${kind}`), launch(kind)]);
      ana = await arrive('Ana', '/', { width: 1440, height: 900 });
      await ana.createMeeting();
      path = ana.link();
      await ana.join({ mic: false, camera: false });
      ben = await arrive('Ben', path, { width: 1024, height: 768 }, kind === 'chromium' ? 'light' : 'dark');
      await comeIn(ben);
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /**
     * @param {string} name @param {string} to @param {{width: number, height: number}} viewport
     * @param {'light'|'dark'} [colorScheme]
     */
    async function arrive(name, to, viewport, colorScheme = 'light') {
      const person = await Person.arrive(browser, server, name, { path: to, viewport, colorScheme, axe: true });
      await person.context.addInitScript(installSwitches);
      await person.context.addCookies([{ name: 'conclave', value: await server.token(person.email), url: server.url }]);
      await person.page.reload();
      return person;
    }

    /** @param {Person} person through the waiting room */
    async function comeIn(person) {
      await person.screen('prejoin');
      await person.write('name', person.name);
      await person.at('join').click();
      await admitted(person);
    }

    /** @param {Person} person waits, or is about to */
    async function admitted(person) {
      await person.screen('lobby');
      await ana.press('people', true);
      await ana.at('admit').first().click();
      await person.screen('call');
      await until(`${person.name} knows Ana`, () => person.tileOf('Ana').count());
    }

    /** @param {Person} person @returns {Promise<string[]>} the queue as this person reads it */
    const queue = async (person) => {
      await person.press('people', true);
      const names = await person.at('hand-row').locator('.person-name').allInnerTexts();
      return names.map((name) => name.split(/[\s(]/)[0]);
    };

    /** @param {Person} person @param {string} text */
    const queued = (person, text) =>
      until(`${person.name} sees ${text}`, async () => (await queue(person)).join(' ') === text);

    /** @param {Person} person @param {string} state */
    const looks = async (person, state) => {
      await person.settled();
      await person.screenshot(`together/${kind}-${state}`);
      await person.assertNoSidewaysScroll(state);
      await person.assertToastsCoverNothing(state);
      await person.assertAccessible(state);
    };

    step(
      'order: the queue of hands is the same for all, who comes late too, and says whose turn it is',
      async () => {
        await ben.at('hand').click();
        await queued(ana, 'Ben');
        await ana.at('hand').click();
        cem = await arrive('Cem', path, { width: 390, height: 844 }, 'dark');
        await comeIn(cem);
        await cem.more('sheet-hand');
        await queued(ana, 'Ben Ana Cem');
        await queued(ben, 'Ben Ana Cem');
        assert.match(await ben.at('hand-place').innerText(), words('hands.place', { n: 1 }));
        assert.match(await ana.at('hand-place').innerText(), words('hands.place', { n: 2 }));
        assert.equal(await ana.at('hand').locator('.badge.count').innerText(), '2');
        assert.equal(await ben.at('call-on').count(), 0, 'only who runs the meeting calls on people');
        await cem.more('sheet-people');
        await until('Cem sees the queue', async () => (await cem.at('hand-row').count()) === 3);
        assert.match(await cem.at('hand-place').innerText(), words('hands.place', { n: 3 }));
      },
      async () => {
        await looks(ana, 'hands-host');
        await looks(cem, 'hands-390');
      },
    );

    step('order: the host calls on the first, lowers one, and lowers all', async () => {
      await ana.at('call-on').click();
      await ben
        .at('ask-unmute')
        .getByText(words('news.called', { name: 'Ana' }))
        .waitFor();
      await queued(ana, 'Ana Cem');
      assert.equal(await ben.at('toasts').getByText(words('news.hand_lowered')).count(), 0);
      await ben.at('accept-mic').click();
      await until(
        'Ben speaks by his own act',
        async () => (await ben.at('mic').getAttribute('aria-pressed')) === 'true',
      );
      await ben.at('hand').click();
      await ana.at('hand').click();
      await queued(ana, 'Cem Ben');
      await ana.at('hand-row').filter({ hasText: 'Cem' }).getByTestId('lower-one').click();
      await queued(ana, 'Ben');
      await cem.at('toasts').getByText(words('news.hand_lowered')).waitFor();
      // Ben is heard: being called on is told, and asks nothing of him.
      await ana.at('call-on').click();
      await ben.at('called').waitFor();
      await queued(ana, '');
      for (const person of [ben, ana]) await person.at('hand').click();
      await until('two hands are up', async () => (await ana.at('hand-row').count()) === 2);
      await ana.at('lower-all').click();
      await until('no hand is up', async () => (await ben.at('hand-row').count()) === 0);
    });

    step(
      'timer: a host starts it, all see the same, who comes late too; a minute more; a soft end',
      async () => {
        await ana.more('open-timer');
        await ana.write('timer-minutes', '0');
        await ana.at('timer-start').click();
        await ana.page.getByText(words('timer.own.bad')).waitFor();
        await ana.at('timer-5').click();
        await ben.at('timer').waitFor();
        await cem.page.reload(); // which asks to join again by itself
        await admitted(cem);
        await cem.at('timer').waitFor();
        const read = async (/** @type {Person} */ p, /** @type {string} */ id) => {
          const [m, s] = (await p.at(id).innerText()).trim().split(':').map(Number);
          return m * 60 + s;
        };
        const [a, b, c] = await Promise.all([read(ana, 'timer-change'), read(ben, 'timer'), read(cem, 'timer')]);
        assert(a <= 300 && a > 200 && Math.abs(a - b) <= 1 && Math.abs(a - c) <= 1, `${a}, ${b}, ${c}`);
        await ana.at('timer-change').click();
        await ana.at('timer-add').click();
        await until('there is a minute more', async () => (await read(ben, 'timer')) > 300);
      },
      async () => {
        await looks(ana, 'timer-1440');
        await looks(cem, 'timer-390');
        await cem.page.setViewportSize({ width: 320, height: 640 });
        await looks(cem, 'timer-320');
        await cem.page.setViewportSize({ width: 844, height: 390 });
        await looks(cem, 'timer-landscape');
      },
    );

    step('timer: its end is told beside the faces, and stopping it takes it away', async () => {
      await ana.at('timer-change').click();
      await ana.at('timer-stop').click();
      await ben.at('timer').waitFor({ state: 'hidden' });
      // The shortest a host can start is a minute: what is left of it is put into the page here.
      for (const person of [ana, ben]) await deliver(person, { type: 'timer', left_ms: 1500, by: 1 });
      for (const person of [ana, ben]) {
        await person.at('timer-over').getByText(words('timer.over')).waitFor();
        await person.settled();
        await person.assertToastsCoverNothing('the end of the timer');
      }
      assert.equal(await ben.at('timer').innerText(), '0:00');
      await ben.at('timer').waitFor({ state: 'hidden' });
    });

    /** @param {Person} person @returns {import('playwright-core').Locator} the newest poll */
    const poll = (person) => person.at('poll').first();

    /**
     * @param {Person} person @param {string} question @param {string[]} choices
     * @param {Record<string, boolean>} how
     */
    const ask = async (person, question, choices, how) => {
      await person.more('open-polls');
      await person.at('poll-new').click();
      await person.write('poll-question', question);
      for (let n = 3; n <= choices.length; n++) await person.at('poll-choice-add').click();
      for (const [i, choice] of choices.entries()) await person.write(`poll-choice-${i + 1}`, choice);
      for (const [what, on] of Object.entries(how)) await person.at(`poll-${what}`).setChecked(on);
      await person.at('poll-ask').click();
      await poll(person).getByText(question).waitFor();
    };

    /** @param {Person} person @param {number[]} picks */
    const vote = async (person, picks) => {
      for (const n of picks) await poll(person).getByTestId(`poll-pick-${n}`).check();
      await poll(person).getByTestId('poll-vote').click();
      await poll(person).getByText(words('polls.voted')).waitFor();
    };

    /** @param {Person} person @returns {Promise<string>} */
    const counts = async (person) =>
      (await poll(person).getByTestId('poll-results').locator('.poll-count').allInnerTexts()).join(' ');

    step(
      'polls: a host asks, all vote, results are live and name no one',
      async () => {
        await ask(ana, 'When do we meet again?', ['Monday <b>', 'Tuesday', 'Never'], {});
        await ben.at('toast-poll').getByText('When do we meet again?').waitFor();
        await ben.settled();
        await ben.assertToastsCoverNothing('a poll is asked');
        await ben
          .at('toast-poll')
          .getByRole('button', { name: words('polls.vote') })
          .click();
        assert.match(await poll(ben).getByTestId('poll-truth').innerText(), words('polls.sealed'));
        assert.match(
          await poll(ben).getByTestId('poll-truth').innerText(),
          words('polls.is.anonymous', { name: 'Ana' }),
        );
        await vote(ben, [1]);
        await vote(ana, [2]);
        await until('Ben sees both', async () => /^1 .* 1 .* 0 /.test(await counts(ben)));
        await cem.more('open-polls');
        await vote(cem, [2]);
        await until('the last vote of each counts', async () => /^1 .* 2 .* 0 /.test(await counts(ben)));
        await vote(cem, [1]);
        await until('Cem has one', async () => /^2 .* 1 .* 0 /.test(await counts(ben)));
        assert.doesNotMatch(await poll(ben).getByTestId('poll-results').innerText(), /Cem|Ana|Ben/);
        assert.equal(await ben.at('poll-new').isVisible(), false, 'only who runs the meeting asks');
      },
      async () => {
        await looks(ana, 'polls-1440');
        await cem.page.setViewportSize({ width: 390, height: 844 });
        await looks(cem, 'polls-390');
        await cem.page.setViewportSize({ width: 320, height: 640 });
        await looks(cem, 'polls-320');
      },
    );

    step('polls: who comes late sees the open one, and votes; who leaves takes the vote along', async () => {
      await cem.page.reload();
      await admitted(cem);
      await until('the vote is gone', async () => /^1 .* 1 .* 0 /.test(await counts(ben)));
      await cem.at('toast-poll').waitFor();
      await cem.more('open-polls');
      await until('Cem sees the result so far', async () => /^1 .* 1 .* 0 /.test(await counts(cem)));
      await vote(cem, [3]);
      await ana.more('open-polls');
      await until('the newcomer counts', async () => /^1 .* 1 .* 1 /.test(await counts(ana)));
      await poll(ana).getByTestId('poll-end').click();
      await poll(ben).getByText(words('polls.closed')).waitFor();
      assert.equal(await poll(ben).getByTestId('poll-vote').isVisible(), false);
    });

    step('polls: votes by name and of several choices, told at the end, and saved as a table', async () => {
      await ask(ana, 'Who brings what?', ['Tea', '=Cake'], { multiple: true, named: true, live: false });
      await until('Ben has it', async () => /Who brings/.test(await poll(ben).innerText()));
      await vote(ben, [1, 2]);
      await until('Ana has counted', async () => /^1 .* 1 /.test(await counts(ana)));
      assert.equal(await counts(ben), '', 'not before the end');
      await poll(ana).getByTestId('poll-end').click();
      await poll(ben).getByText(words('polls.closed')).waitFor();
      assert.match(await poll(ben).getByTestId('poll-results').innerText(), /Tea[^]*Ben[^]*Cake[^]*Ben/);
      await ana.page.evaluate(() => {
        const make = URL.createObjectURL.bind(URL);
        URL.createObjectURL = (what) => {
          if (what instanceof Blob) void what.text().then((text) => Reflect.set(window, 'saved', text));
          return make(what);
        };
      });
      await poll(ana).getByTestId('poll-csv').click();
      const saved = String(
        await until('the table is made', () => ana.page.evaluate(() => Reflect.get(window, 'saved'))),
      );
      assert.match(saved, /^\ufeff?Who brings what\?\r\n.*\r\nTea,1,Ben\r\n'=Cake,1,Ben\r\n$/);
    });

    step('polls: nothing of them is readable by the server, and no hostile text breaks a page', async () => {
      const sent = await Promise.all(
        [ana, ben, cem].map((person) =>
          person.page.evaluate(() => {
            /** @type {import('./harness/hooks.js').Probe} */
            const { messages } = Reflect.get(window, 'conclaveProbe');
            return messages.join('\n');
          }),
        ),
      );
      assert.doesNotMatch(sent.join('\n'), /Who brings|Cake|When do we|"app","text"/);
      for (const text of [
        '{',
        '[]',
        '{"poll":"ask"}',
        '{"poll":"results","id":"0123456789abcdef"}',
        'x'.repeat(8000),
      ]) {
        await deliver(ben, { type: 'app', from: 1, text });
      }
      // What members say comes sealed: what the server says in their name is not theirs.
      const choices = ['a', 'b'];
      const forged = {
        poll: 'ask',
        id: '0123456789abcdef',
        q: 'Forged?',
        choices,
        multiple: false,
        named: false,
        live: true,
      };
      await deliver(ben, { type: 'app', from: 1, text: JSON.stringify(forged) });
      await deliver(ben, { type: 'chat', from: 1, text: 'Forged!', at: new Date().toISOString() });
      await ben.page.waitForTimeout(300);
      assert.equal(await ben.at('poll').count(), 2);
      assert.equal(await ben.page.getByText('Forged').count(), 0);
    });

    step("nobody's browser complained, and nothing was asked of another origin", async () => {
      for (const person of [ana, ben, cem]) await person.assertUntroubled();
    });
  });
}
