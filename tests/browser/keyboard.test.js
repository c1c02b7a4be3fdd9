// The whole path by keyboard alone: sign in, make a meeting, join, mute, chat, raise a hand, leave.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';

for (const kind of kinds) {
  describe(`access: by keyboard alone in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let person;
    const step = story();

    before(async () => {
      server = await Server.start(`keyboard-${kind}`);
      browser = await launch(kind);
      person = await Person.arrive(browser, server, 'Ana');
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @returns {Promise<string | null | undefined>} what has the focus */
    const focused = () => person.page.evaluate(() => document.activeElement?.getAttribute('data-testid'));

    /**
     * Tabs until the element has the focus, as a person would: forwards, or backwards when it comes before. Never
     * beyond the end of the page, where Firefox hands the focus to itself and, driven, does not give the keys back.
     * @param {string} id
     */
    async function tabTo(id) {
      const visited = [];
      for (let i = 0; i < 80; i++) {
        const at = await focused();
        if (at === id) return;
        visited.push(at);
        const back = await person
          .at(id)
          .first()
          .evaluate((element) => {
            const from = document.activeElement;
            return (
              from !== null &&
              from !== document.body &&
              (element.compareDocumentPosition(from) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
            );
          });
        await person.page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
      }
      await person.screenshot(`failed-keyboard-${kind}-${id}`);
      assert.fail(`Tab never reaches ${id}, but: ${visited.join(' ')}`);
    }

    step('signs in', async () => {
      await person.screen('sign-in');
      await tabTo('signin-email');
      await person.page.keyboard.type(person.email);
      await person.page.keyboard.press('Enter');
      await person.screen('code');
      const code = await server.code(person.email);
      await tabTo('signin-code');
      await person.page.keyboard.type(code);
      await person.screen('home');
    });

    step('makes a meeting and joins', async () => {
      await tabTo('create');
      await person.page.keyboard.press('Enter');
      await person.screen('prejoin');
      await tabTo('name');
      await person.page.keyboard.press('ControlOrMeta+A');
      await person.page.keyboard.type('Ana');
      await tabTo('join');
      await person.page.keyboard.press('Enter');
      await person.screen('call');
    });

    step('mutes with Space on the button', async () => {
      await tabTo('mic');
      const was = await person.at('mic').getAttribute('aria-pressed');
      await person.page.keyboard.press('Space');
      await until(
        'the microphone is switched',
        async () => (await person.at('mic').getAttribute('aria-pressed')) !== was,
      );
    });

    step('raises a hand', async () => {
      await tabTo('hand');
      await person.page.keyboard.press('Enter');
      await until('the hand is up', async () => (await person.at('hand').getAttribute('aria-pressed')) === 'true');
    });

    step('chats', async () => {
      await tabTo('chat');
      await person.page.keyboard.press('Enter');
      await tabTo('chat-input');
      await person.page.keyboard.type('Hello from the keyboard');
      await person.page.keyboard.press('Enter');
      await person.at('chat-message').filter({ hasText: 'Hello from the keyboard' }).waitFor();
    });

    step('leaves', async () => {
      await tabTo('leave');
      await person.page.keyboard.press('Enter');
      const only = person.at('leave-only');
      await person.on('ended').or(only).first().waitFor();
      if (await only.isVisible()) {
        for (let i = 0; i < 5 && (await focused()) !== 'leave-only'; i++) await person.page.keyboard.press('ArrowDown');
        await person.page.keyboard.press('Enter');
      }
      await person.screen('ended');
    });
  });
}
