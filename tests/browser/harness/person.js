import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cameraRate } from './browsers.js';
import { audioReceived, countFrames, countSealing, installProbe } from './hooks.js';
import { artefact } from './paths.js';
import { patience, sleep, until } from './wait.js';
import { words } from './words.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @typedef {import('./hooks.js').Probe} Probe */

/** How each screen of the web client is known. */
const screens = {
  'sign-in': '[data-testid="signin-email"]',
  code: '[data-testid="signin-code"]',
  home: '[data-testid="home"]',
  prejoin: '[data-testid="prejoin"]',
  lobby: '[data-testid="lobby"]',
  call: '[data-testid="call"]',
  ended: '[data-testid^="ended-"]',
};

/** @typedef {keyof typeof screens} ScreenName */

/** One person at one browser: what they do, what they see, and everything their browser complains about. */
export class Person {
  /** @type {string[]} */
  complaints = [];
  /** @type {string[]} */
  requests = [];

  /**
   * @param {import('playwright-core').BrowserContext} context
   * @param {import('playwright-core').Page} page
   * @param {import('./server.js').Server} server
   * @param {string} name
   */
  constructor(context, page, server, name) {
    this.context = context;
    this.page = page;
    this.server = server;
    this.name = name;
    this.email = `${name.toLowerCase()}@example.org`;
  }

  /**
   * A person in a fresh profile, with the page of the server open.
   * @param {import('playwright-core').Browser} browser
   * @param {import('./server.js').Server} server
   * @param {string} name
   * @param {import('playwright-core').BrowserContextOptions & {path?: string, axe?: boolean}} [options]
   * @returns {Promise<Person>}
   */
  static async arrive(browser, server, name, { path = '/', axe = false, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    await context.addInitScript(installProbe, cameraRate(browser));
    // By the driver, not by the page: the page's policy lets no foreign script in.
    if (axe) await context.addInitScript({ content: axeSource });
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const person = new Person(context, page, server, name);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        person.complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
      }
    });
    page.on('pageerror', (error) => person.complaints.push(`exception: ${error.message}`));
    context.on('request', (request) => person.requests.push(request.url()));
    await page.goto(server.url + path);
    return person;
  }

  /** @param {string} id of the element, by data-testid */
  at(id) {
    return this.page.getByTestId(id);
  }

  /** @param {ScreenName} name */
  on(name) {
    return this.page.locator(screens[name]).first();
  }

  /**
   * Waits for a screen of the page.
   * @param {ScreenName} name
   * @param {number} [timeout]
   */
  async screen(name, timeout = patience) {
    try {
      await this.on(name).waitFor({ timeout });
    } catch (error) {
      await this.screenshot(`failed-${this.name}-no-${name}`);
      throw new Error(`${this.name} does not get to "${name}": ${this.complaints.slice(-5).join(' | ')}`, {
        cause: error,
      });
    }
  }

  /**
   * Writes into a field, over what is there, as a person does. (locator.fill() appends to an e-mail field in Firefox.)
   * @param {string} id
   * @param {string} text
   */
  async write(id, text) {
    await this.at(id).focus();
    await this.page.keyboard.press('ControlOrMeta+A');
    await this.page.keyboard.press('Delete');
    await this.page.keyboard.type(text);
  }

  /** Signs in with the code from the server's console. */
  async signIn() {
    await this.screen('sign-in');
    await this.write('signin-email', this.email);
    await this.at('signin-send').click();
    await this.screen('code');
    await this.write('signin-code', await this.server.code(this.email));
    await this.on('code').waitFor({ state: 'detached' });
  }

  /**
   * Makes a meeting from the home screen; the page goes to its pre-join screen.
   * @param {{lobby?: boolean, e2ee?: boolean}} [options] e2ee: encrypted end to end, as meetings are unless a person
   *   chooses otherwise
   */
  async createMeeting({ lobby = true, e2ee = true } = {}) {
    await this.screen('home');
    if (lobby && e2ee) {
      await this.at('create').click();
    } else {
      await this.at('create-options').click();
      await this.at('options-lobby').setChecked(lobby);
      await this.at('options-e2ee').setChecked(e2ee);
      await this.at('options-create').click();
    }
    await this.screen('prejoin');
  }

  /** @returns {string} the id of the meeting whose page is open */
  meeting() {
    const id = new URL(this.page.url()).pathname.match(/^\/m\/([a-z0-9-]+)/)?.[1];
    assert(id, `no meeting in ${this.page.url()}`);
    return id;
  }

  /** @returns {string} the path of the meeting's link, with the key that is in its fragment */
  link() {
    const { pathname, hash } = new URL(this.page.url());
    return pathname + hash;
  }

  /**
   * Enters the meeting whose page is open.
   * @param {{mic?: boolean, camera?: boolean}} [media]
   */
  async join(media) {
    await this.#ask('call', media);
  }

  /**
   * Asks to be let into the meeting whose page is open, and waits in its lobby.
   * @param {{mic?: boolean, camera?: boolean}} [media]
   */
  async knock(media) {
    await this.#ask('lobby', media);
  }

  /**
   * @param {ScreenName} screen where it leads
   * @param {{mic?: boolean, camera?: boolean}} [media]
   */
  async #ask(screen, { mic = true, camera = true } = {}) {
    await this.screen('prejoin');
    await this.write('name', this.name);
    await this.press('mic', mic);
    await this.press('camera', camera);
    // Where a machine that does other work too is full, one asks again.
    const full = this.at('join-error').filter({ visible: true, hasText: words('error.server_full.in') });
    for (let tries = 0; tries < 10; tries++) {
      await this.at('join').click();
      await this.on(screen)
        .or(full)
        .first()
        .waitFor()
        .catch(() => {});
      if (!(await full.isVisible())) break;
      await sleep(6000);
    }
    await this.screen(screen);
  }

  /** Leaves the meeting, for oneself alone if that is asked. */
  async leave() {
    await this.at('leave').click();
    const only = this.at('leave-only');
    await this.on('ended').or(only).first().waitFor();
    if (await only.isVisible()) await only.click();
    await this.screen('ended');
  }

  /**
   * Puts a toggle button into a state.
   * @param {string} id
   * @param {boolean} on
   */
  async press(id, on) {
    const button = this.at(id);
    await button.waitFor();
    const is = async () => (await button.getAttribute('aria-pressed')) === String(on);
    for (let tries = 0; tries < 3; tries++) {
      const settled = await until(`${id} is ${on ? 'on' : 'off'}`, is, tries === 0 ? 0 : 5000).catch(() => false);
      if (settled) return;
      await button.click();
    }
    await until(`${id} is ${on ? 'on' : 'off'}`, is);
  }

  /**
   * As a host, asks a participant to unmute.
   * @param {string} name
   */
  async askToUnmute(name) {
    await this.onPerson(name, 'ask-unmute');
  }

  /**
   * Opens an item of the menu "More".
   * @param {string} id of the item
   */
  async more(id) {
    await this.at('more').click();
    await this.at(id).click();
  }

  /**
   * Uses the menu of a participant in the list of people.
   * @param {string} name
   * @param {string} id of the menu's item
   */
  async onPerson(name, id) {
    await this.press('people', true);
    await this.at('person').filter({ hasText: name }).getByTestId('person-menu').click();
    await this.at(id).click();
  }

  /**
   * What the server last said of a participant in the roster.
   * @param {number} participant
   * @returns {Promise<Record<string, unknown>>}
   */
  entryOf(participant) {
    return this.page.evaluate((wanted) => {
      /** @type {Probe} */
      const { messages } = Reflect.get(window, 'conclaveProbe');
      for (const message of [...messages].reverse()) {
        if (!/^< \{"type":"(welcome|roster)"/.test(message)) continue;
        const { participants = [], joined = [], changed = [] } = JSON.parse(message.slice(2));
        const entry = [...participants, ...joined, ...changed].find((p) => p.participant === wanted);
        if (entry) return entry;
      }
      throw new Error(`nothing was said of ${wanted}`);
    }, participant);
  }

  /**
   * Goes to a meeting's page and joins it.
   * @param {string} meeting
   * @param {{mic?: boolean, camera?: boolean}} [media]
   */
  async joinMeeting(meeting, media) {
    await this.page.goto(`${this.server.url}/m/${meeting}`);
    if (await this.on('sign-in').isVisible()) await this.signIn();
    await this.join(media);
  }

  /** @param {string} name of the person shown in the tile */
  tileOf(name) {
    return this.at('tile').filter({ has: this.page.getByTestId('tile-name').filter({ hasText: name }) });
  }

  /**
   * Waits until a participant's tile shows pictures that move and are known to be the tile owner's.
   * @param {string} tile a selector
   */
  async plays(tile) {
    await until(`${this.name} sees ${tile} move`, () =>
      this.page
        .locator(`${tile} video:not(.stale)`)
        .evaluateAll((videos) =>
          videos.some((video) => video instanceof HTMLVideoElement && video.videoWidth > 0 && video.currentTime > 0),
        ),
    );
  }

  /**
   * How many frames a second each visible video element presents, and how many are decoded for it.
   * @param {number} [ms]
   */
  async frameRates(ms = 2000) {
    const counts = await this.page.evaluate(countFrames, ms);
    return counts.map((count) => ({
      ...count,
      presented: (count.presented * 1000) / ms,
      decoded: (count.decoded * 1000) / ms,
    }));
  }

  /** Waits until the page has been laid out and its transitions are over; what moves for ever is not waited for. */
  async settled() {
    await this.page.evaluate(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      await frame();
      const ends = document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity);
      await Promise.allSettled(ends.map((a) => a.finished));
      await frame();
    });
  }

  /**
   * The audio energy that arrives within a time.
   * @param {number} [ms]
   */
  async audioWithin(ms = 2000) {
    const before = await this.page.evaluate(audioReceived);
    await this.page.waitForTimeout(ms);
    const after = await this.page.evaluate(audioReceived);
    return { energy: after.energy - before.energy, packets: after.packets - before.packets };
  }

  /** What the encryption worker sealed, opened and refused since the page was opened. */
  sealing() {
    return this.page.evaluate(countSealing);
  }

  /** Agrees that those bots hear them that ask just now. Bots speak in other people's meetings once one person has. */
  async agree() {
    const yes = this.at('consent-yes');
    if (await yes.isVisible()) await yes.click();
  }

  /**
   * Puts the clock of the encryption ahead, where a relay serves the page (`Relay.withClock`).
   * @param {number} ms
   */
  async ahead(ms) {
    await this.page.evaluate((by) => {
      /** @type {Probe} */
      const { workers } = Reflect.get(window, 'conclaveProbe');
      workers.at(-2)?.postMessage({ do: 'event', event: { type: 'tick' }, ahead: by });
    }, ms);
  }

  /** @returns {Promise<string>} the safety number of the meeting, as the security panel shows it */
  async code() {
    const [code, compare] = [this.at('e2ee-code'), this.at('e2ee-compare')];
    if (!(await code.isVisible()) && !(await compare.isVisible())) await this.at('security').click();
    await code.or(compare).filter({ visible: true }).waitFor();
    // The other may ask for it at the same moment: then it is there.
    if (await compare.isVisible()) await compare.click({ timeout: 2000 }).catch(() => {});
    await this.at('e2ee-code').waitFor();
    return (await this.at('e2ee-code').innerText()).replace(/\s+/g, ' ').trim();
  }

  /** @returns {Promise<Pick<Probe, 'violations' | 'captures' | 'sockets' | 'alarms'> & {connections: number}>} */
  probe() {
    return this.page.evaluate(() => {
      /** @type {Probe} */
      const probe = Reflect.get(window, 'conclaveProbe');
      const { violations, captures, sockets, alarms, connections } = probe;
      return { violations, captures, sockets, alarms, connections: connections.length };
    });
  }

  /**
   * Notes when this person last clicked an element, and when an element of their page gets an attribute's value: both
   * on one clock for all browsers of this machine.
   * @param {string} name of the moment
   * @param {string} selector
   * @param {[string, string] | 'click'} what
   */
  async noteMoment(name, selector, what) {
    await this.page.evaluate(
      ([moment, css, wanted]) => {
        /** @type {Probe} */
        const probe = Reflect.get(window, 'conclaveProbe');
        const note = () => {
          probe.seen[/** @type {string} */ (moment)] ??= performance.timeOrigin + performance.now();
        };
        if (wanted === 'click') {
          document.addEventListener(
            'click',
            (event) => {
              if (event.target instanceof Element && event.target.closest(/** @type {string} */ (css))) note();
            },
            { capture: true },
          );
          return;
        }
        const look = () => {
          const element = document.querySelector(/** @type {string} */ (css));
          if (element?.getAttribute(wanted[0]) === wanted[1]) note();
        };
        new MutationObserver(look).observe(document.body, { attributes: true, childList: true, subtree: true });
        look();
      },
      [name, selector, what],
    );
  }

  /** @param {string} name */
  moment(name) {
    return until(`the moment "${name}" of ${this.name}`, () =>
      this.page.evaluate((moment) => {
        /** @type {Probe} */
        const probe = Reflect.get(window, 'conclaveProbe');
        return probe.seen[moment];
      }, name),
    );
  }

  /**
   * No one told this person, since their page was loaded, of an attack that was none, or, unless that is left out, of a
   * break: where the processor is what fails, a connection may break in truth.
   * @param {{breaks?: boolean}} [o]
   */
  async assertUnalarmed({ breaks = true } = {}) {
    const { alarms } = await this.probe();
    const told = alarms.filter((alarm) => breaks || !/^(reconnecting|no bars)/.test(alarm));
    assert.deepEqual(told, [], `${this.name} was told of`);
  }

  /** Fails on any violation of the policy, console error or warning, exception, or request to another origin. */
  async assertUntroubled() {
    const { violations } = await this.probe();
    assert.deepEqual(violations, [], `${this.name}: violations of the content security policy`);
    const real = this.complaints.filter((line) => !harmless.some((re) => re.test(line)));
    assert.deepEqual(real, [], `${this.name}: complaints in the console`);
    const elsewhere = this.requests.filter(
      (url) => !url.startsWith(`${this.server.url}/`) && !/^(blob:|data:|about:)/.test(url),
    );
    assert.deepEqual(elsewhere, [], `${this.name}: requests to another origin`);
  }

  /**
   * Fails on anything that axe finds in the state the page is in, of any level.
   * @param {string} state
   */
  async assertAccessible(state) {
    const results = await this.page.evaluate(() =>
      Reflect.get(window, 'axe').run(document, { resultTypes: ['violations'], preload: false }),
    );
    const bad = results.violations.map(
      (/** @type {{id: string, nodes: {html: string}[]}} */ v) =>
        `${v.id}: ${v.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`,
    );
    assert.deepEqual(bad, [], `${state}: findings of axe`);
  }

  /**
   * Fails when the page is wider than the window, or a toast is: what is fixed to the window scrolls nothing.
   * @param {string} state
   */
  async assertNoSidewaysScroll(state) {
    const { width, scroll, toasts, culprits } = await this.page.evaluate(() => ({
      width: document.documentElement.clientWidth,
      scroll: document.documentElement.scrollWidth,
      toasts: [...document.querySelectorAll('.toast')].map((toast) => toast.getBoundingClientRect().right),
      culprits: [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .slice(0, 5)
        .map((element) => `${element.tagName.toLowerCase()}.${element.className}`),
    }));
    const widest = Math.max(scroll, ...toasts.map(Math.floor));
    assert(widest <= width, `${state}: ${widest} px of content in ${width} px (${culprits.join(', ')})`);
  }

  /**
   * Fails when a toast covers a face, a shared screen or a control.
   * @param {string} state
   */
  async assertToastsCoverNothing(state) {
    const covered = await this.page.evaluate(() => {
      const box = (/** @type {Element} */ el) => el.getBoundingClientRect();
      const others = [...document.querySelectorAll('.call .tile, .call button, .call input, .call a, .call h1')].filter(
        (el) => !el.closest('.toasts, .menu') && el.checkVisibility() && box(el).width > 0,
      );
      return [...document.querySelectorAll('.toast')]
        .filter((el) => el.checkVisibility())
        .flatMap((toast) =>
          others.filter((el) => {
            const [a, b] = [box(toast), box(el)];
            return a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
          }),
        )
        .map((el) => `${el.tagName.toLowerCase()}.${el.className} ${el.textContent?.slice(0, 30)}`);
    });
    assert.deepEqual(covered, [], `${state}: covered by a toast`);
  }

  /**
   * Keeps a picture of what the person sees.
   * @param {string} name
   */
  async screenshot(name) {
    const complaints = this.complaints.length;
    const { violations } = await this.probe();
    await this.page.screenshot({ path: artefact(`${name}.png`), caret: 'initial' });
    // In Firefox the driver tries to add a style of its own, which the page's policy refuses and reports: not the
    // page's.
    await this.page.evaluate((count) => {
      /** @type {Probe} */
      const probe = Reflect.get(window, 'conclaveProbe');
      probe.violations = [
        ...probe.violations.slice(0, count),
        ...probe.violations.slice(count).filter((v) => !v.startsWith('style-src-elem: inline')),
      ];
    }, violations.length);
    this.complaints = [
      ...this.complaints.slice(0, complaints),
      ...this.complaints.slice(complaints).filter((line) => !line.includes('style-src-elem')),
    ];
  }
}

/** What browsers say about themselves rather than about the page. */
const harmless = [
  // Asking whether one is signed in is answered with 401 when one is not, and Chromium shows every refusal.
  // A meeting that takes no guests says no more than this, either.
  /status of 401 .*\/api\/(auth\/session|meetings\/[a-z0-9-]+)$/,
  /WebGL|GPU|Vulkan/i,
  /^warning: .*\bwas preloaded using link preload but not used/,
];
