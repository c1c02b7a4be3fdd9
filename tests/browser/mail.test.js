// A person who waits for a sign-in code is told where it is, and when mail can't be sent.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './harness/browsers.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';

describe('waiting for a code', () => {
  /** @type {import('playwright-core').Browser} */
  let browser;
  before(async () => {
    browser = await launch('chromium');
  });
  after(() => browser?.close());

  /** @param {string} name @param {string[]} flags @param {(person: Person) => Promise<void>} look */
  async function waiting(name, flags, look) {
    const server = await Server.start(name, flags);
    try {
      const person = await Person.arrive(browser, server, 'Ana', {});
      await person.write('signin-email', 'ana@example.org');
      await person.at('signin-send').click();
      await look(person);
    } finally {
      await server.stop();
    }
  }

  test('without a mail server, the page says that the code is in the terminal', () =>
    waiting('mail-terminal', [], async (person) => {
      assert.match(await person.at('signin-code-lead').innerText(), /in the terminal where the server runs/);
      assert(!(await person.at('signin-mail-failing').isVisible()));
    }));

  test('while mail can’t be sent, the page says so', () =>
    waiting(
      'mail-failing',
      ['--smtp', 'smtp+plain://127.0.0.1:1', '--smtp-from', 'conclave@example.org'],
      async (person) => {
        await person.at('signin-mail-failing').waitFor();
        assert.match(await person.at('signin-mail-failing').innerText(), /can’t send email right now/);
        assert.match(await person.at('signin-code-lead').innerText(), /ana@example\.org/);
      },
    ));
});
