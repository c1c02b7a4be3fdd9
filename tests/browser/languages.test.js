// Every language there is, at 320 px in both browsers: nothing runs out of its place or is cut off, only the words of
// that language are fetched, and Arabic is laid out from right to left.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { LANGUAGES } from '../../static/js/i18n/i18n.js';
import { kinds, launch } from './harness/browsers.js';
import { story } from './harness/chain.js';
import { Person } from './harness/person.js';
import { Server } from './harness/server.js';
import { until } from './harness/wait.js';

const viewport = { width: 320, height: 640 };

for (const kind of kinds) {
  describe(`languages: strings fit, in ${kind}`, () => {
    /** @type {Server} */
    let server;
    /** @type {import('playwright-core').Browser} */
    let browser;
    /** @type {Person} */
    let ana;
    const step = story();

    before(async () => {
      [server, browser] = await Promise.all([Server.start(`languages-${kind}`), launch(kind)]);
    });

    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** @param {Person} person @param {string} language @param {string} state */
    async function fits(person, language, state) {
      await person.settled();
      await person.screenshot(`languages/${kind}-${language}-${state}`);
      await person.assertNoSidewaysScroll(`${language}, ${state}`);
      assert.deepEqual(await person.page.evaluate(cutOff), [], `${language}, ${state}: strings that do not fit`);
    }

    /** The catalogues that a page has fetched. @param {Person} person */
    const fetched = (person) =>
      person.page.evaluate(() =>
        performance
          .getEntriesByType('resource')
          .map(({ name }) => /\/i18n\/(\w+)\/\w+\.js$/.exec(name)?.[1] ?? '')
          .filter(Boolean),
      );

    for (const language of Object.keys(LANGUAGES)) {
      step(
        `${language}: sign-in, in the browser's language`,
        async () => {
          ana = await Person.arrive(browser, server, `Ana${language}`, { viewport, locale: language });
          await ana.screen('sign-in');
        },
        async () => {
          const { lang, dir } = await ana.page.evaluate(() => {
            const { lang: spoken, dir: written } = document.documentElement;
            return { lang: spoken, dir: written };
          });
          assert.deepEqual([lang, dir], [language, LANGUAGES[language].rtl ? 'rtl' : 'ltr']);
          assert.equal(await ana.at('unreviewed').count(), LANGUAGES[language].reviewed ? 0 : 1);
          assert.deepEqual([...new Set(await fetched(ana))], [language], 'only its own words are fetched');
          await fits(ana, language, 'sign-in');
        },
      );

      step(
        `${language}: before joining`,
        async () => {
          await ana.signIn();
          await ana.createMeeting();
          await ana.page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
        },
        () => fits(ana, language, 'prejoin'),
      );

      step(
        `${language}: the call`,
        () => ana.join({ mic: false, camera: false }),
        async () => {
          await fits(ana, language, 'call');
          const [leave, mic] = await Promise.all(['leave', 'mic'].map((id) => ana.at(id).boundingBox()));
          assert.equal(
            (leave?.x ?? 0) < (mic?.x ?? 0),
            Boolean(LANGUAGES[language].rtl),
            'the bar begins where one reads',
          );
        },
      );

      step(
        `${language}: people, the menu and the settings`,
        async () => {
          await ana.more('sheet-people');
          await ana.at('panel-people').waitFor();
        },
        async () => {
          await fits(ana, language, 'people');
          await ana.at('panel-close').click();
          await ana.at('more').click();
          await fits(ana, language, 'menu');
          await ana.at('open-settings').click();
          await ana.at('settings').waitFor();
          await fits(ana, language, 'settings');
          await ana.at('settings').evaluate((el) => el.querySelector('.dialog-body')?.scrollTo(0, 1e6));
          await fits(ana, language, 'settings-end');
          assert.deepEqual([...new Set(await fetched(ana))], [language]);
          await ana.at('dialog-close').click();
          await ana.page.context().close();
        },
      );
    }

    step(
      'a language that is chosen is there at once, and after a reload',
      async () => {
        ana = await Person.arrive(browser, server, 'Bo', { viewport });
        await ana.screen('sign-in');
        await ana.at('language').selectOption('de');
      },
      async () => {
        await until('the page speaks German', () => ana.page.evaluate(() => document.documentElement.lang === 'de'));
        await ana.page.getByRole('heading', { name: 'Anmelden' }).waitFor();
        await until('the choice keeps the focus', () =>
          ana.at('language').evaluate((el) => el === document.activeElement),
        );
        await ana.page.reload();
        await ana.page.getByRole('heading', { name: 'Anmelden' }).waitFor();
        assert.equal(await ana.at('language').inputValue(), 'de');
        await ana.assertUntroubled();
        await ana.page.context().close();
      },
    );
  });
}

/**
 * Strings that run out of the window, or of what holds them, and strings that are cut off and are not a person's or a
 * meeting's own. Runs in the page.
 * @returns {string[]}
 */
function cutOff() {
  const width = document.documentElement.clientWidth;
  /** @type {Set<string>} */
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    const text = node.textContent?.trim() ?? '';
    if (!text || !parent?.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (parent.getBoundingClientRect().width <= 1.5) continue; // for those who listen alone
    if (parent.closest('.visually-hidden, noscript, script, option, [dir=auto], .tile-name, .topbar-title')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const holder = parent.closest('button, .chip, .badge, .menu-item, dialog, .card, .panel') ?? document.body;
    const box = holder.getBoundingClientRect();
    for (const rect of range.getClientRects()) {
      if (rect.width === 0) continue;
      if (rect.left < -1 || rect.right > width + 1) found.add(`out of the window: ${text}`);
      if (rect.left < box.left - 1 || rect.right > box.right + 1) found.add(`out of its ${holder.className}: ${text}`);
    }
    for (let el = /** @type {Element | null} */ (parent); el && el !== holder.parentElement; el = el.parentElement) {
      const style = getComputedStyle(el);
      if (style.overflowX === 'hidden' && el.scrollWidth > el.clientWidth + 1) found.add(`cut off: ${text}`);
    }
  }
  return [...found];
}
