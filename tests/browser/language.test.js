// Another language: longer words, written from right to left. In both browsers at 320 px no screen needs sideways
// scrolling, what stood at the start stands at the right, and every word on it comes from the catalogue.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { pseudoClient } from './harness/pseudo.js';
import { Server } from './harness/server.js';

for (const kind of kinds) {
  describe(`language: from right to left, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    const step = story();

    before(async () => {
      const dir = await pseudoClient(kind);
      [server, browser] = await Promise.all([Server.start(`language-${kind}`, ['--static-dir', dir]), launch(kind)]);
      ana = await Person.arrive(browser, server, 'Ana', { viewport: { width: 320, height: 640 }, locale: 'ar' });
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @param {string} state */
    async function inspect(state) {
      await ana.settled();
      await ana.screenshot(`language/${kind}-${state}`);
      await ana.assertNoSidewaysScroll(`${state}, from right to left`);
      assert.deepEqual(await ana.page.evaluate(foreignWords), [], `${state}: words that are not from the catalogue`);
    }

    step(
      'sign-in',
      () => ana.screen('sign-in'),
      async () => {
        assert.equal(await ana.page.evaluate(() => document.documentElement.dir), 'rtl');
        await inspect('sign-in');
      },
    );

    step(
      'the code',
      async () => {
        await ana.write('signin-email', ana.email);
        await ana.at('signin-send').click();
        await ana.screen('code');
      },
      () => inspect('code'),
    );

    step(
      'home',
      async () => {
        await ana.write('signin-code', await server.code(ana.email));
        await ana.screen('home');
      },
      () => inspect('home'),
    );

    step(
      'the options of a meeting',
      async () => {
        await ana.at('create-options').click();
        await ana.at('options').waitFor();
      },
      () => inspect('options'),
    );

    step(
      'before joining',
      async () => {
        await ana.at('options-create').click();
        await ana.screen('prejoin');
        await ana.page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
      },
      () => inspect('prejoin'),
    );

    step(
      'the call',
      async () => {
        await ana.join({ mic: false, camera: false });
      },
      async () => {
        await inspect('call');
        const [{ x: leave }, { x: mic }] = await Promise.all(
          ['leave', 'mic'].map(async (id) => (await ana.at(id).boundingBox()) ?? assert.fail(id)),
        );
        assert(leave < mic, 'the end of the bar is at the left');
      },
    );

    for (const panel of /** @type {const} */ (['people', 'chat', 'info', 'stats'])) {
      step(
        `the panel: ${panel}`,
        async () => {
          if (panel === 'chat') await ana.at('chat').click();
          else if (panel === 'people') await ana.page.keyboard.press('p');
          else {
            await ana.at('more').click();
            await ana.at(`open-${panel}`).click();
          }
          await ana.at(`panel-${panel}`).waitFor();
          if (panel === 'stats') await ana.at('panel-stats').locator('dd').first().waitFor();
        },
        async () => {
          await inspect(panel);
          await ana.at('panel-close').click();
        },
      );
    }

    step(
      'the menu',
      () => ana.at('more').click(),
      () => inspect('menu'),
    );

    step(
      'the settings',
      async () => {
        await ana.at('open-settings').click();
        await ana.at('settings').waitFor();
      },
      async () => {
        await inspect('settings');
        await ana.at('dialog-close').click();
      },
    );

    step(
      'the end',
      () => ana.leave(),
      () => inspect('end'),
    );

    step(
      'the check',
      async () => {
        await ana.page.goto(`${server.url}/check`);
        await ana.at('check-run').click();
        await ana.page.locator('[data-testid="check-run"][data-done]').waitFor();
      },
      () => inspect('check'),
    );
  });
}

/**
 * Words on the page, or said to those who listen, that stand outside the catalogue's brackets and are not a person's,
 * a meeting's or a server's own. Runs in the page.
 * @returns {string[]}
 */
function foreignWords() {
  const names = /Ana\b|ana@example\.org|ANA|Conclave|https?:\/\/\S+|[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){3}/;
  const terms = /\bDTLS-SRTP(?:, [A-Z0-9 ]+)?|\b(?:UDP|TCP)\b|\b[AP]M\b/;
  const own = new RegExp(`${names.source}|${terms.source}`, 'g');
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string | null} text */
  const look = (text) => {
    let left = text ?? '';
    while (/⟦[^⟦⟧]*⟧/.test(left)) left = left.replace(/⟦[^⟦⟧]*⟧/g, ' ');
    if (/\p{L}{2}/u.test(left.replace(own, ''))) found.add((text ?? '').slice(0, 80));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Element) {
      for (const name of ['aria-label', 'title', 'placeholder', 'alt']) look(node.getAttribute(name));
    } else if (!node.parentElement?.closest('noscript, script, option, kbd')) {
      look(node.textContent);
    }
  }
  look(document.title);
  return [...found];
}
