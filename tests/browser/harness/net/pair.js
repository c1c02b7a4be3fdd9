// Two people of a meeting in a network: Ana, on whose host something is blocked or changes, and Ben, for whom all is
// well. Each hears and sees the other only.
import { Person } from '../person.js';
import { patience, sleep, until } from '../wait.js';
import { flowOf, installFlow } from './flow.js';
import { Network } from './network.js';
import { pausesSince } from './pause.js';
import { startSite } from './site.js';

/**
 * @typedef {object} Join times in ms from the click on "Join"
 * @property {number} connected until Ana's page could send media
 * @property {number} received until she decoded the first picture @property {number} sent until Ben decoded hers
 * @property {string} route of her media, as in Flow
 */

/**
 * @typedef {object} Return times in ms from what happened
 * @property {number} heard until Ana heard Ben again @property {number} seen until she saw him
 * @property {number} heardBy until he heard her @property {number} seenBy until he saw her
 */

export class Pair {
  /** @type {import('playwright-core').Browser[]} */
  #browsers = [];
  /** @type {Person | undefined} */
  #ana;
  /** @type {Person | undefined} */
  #ben;
  #path = '/'; // of the meeting's link

  /**
   * Not called by tests: see start().
   * @param {Network} network
   * @param {import('../server.js').Server} server
   * @param {import('./network.js').Host[]} hosts Ana's and Ben's
   */
  constructor(network, server, hosts) {
    this.network = network;
    this.server = server;
    this.hosts = hosts;
  }

  get ana() {
    return /** @type {Person} */ (this.#ana);
  }

  get ben() {
    return /** @type {Person} */ (this.#ben);
  }

  /**
   * Starts the network, the server and both browsers, signs both people in, and lets Ben join a meeting.
   * @param {import('../browsers.js').Kind} kind of Ana's browser; Ben's is Chromium
   * @param {{name: string, addresses?: import('./network.js').Addresses} & Parameters<typeof startSite>[1]} options
   *   name: of the server's log. addresses: of both hosts
   * @returns {Promise<Pair>}
   */
  static async start(kind, { name, addresses, ...site }) {
    const network = await Network.start();
    const hosts = [network.host(addresses), network.host(addresses)];
    const pair = new Pair(network, await startSite(name, site), hosts);
    try {
      pair.#browsers = await Promise.all([hosts[0].launch(kind), hosts[1].launch('chromium')]);
      pair.#ben = await pair.#arrive('Ben', 1);
      await pair.ben.createMeeting({ lobby: false });
      pair.#path = pair.ben.link();
      await pair.ben.join();
      pair.#ana = await pair.#arrive('Ana', 0);
    } catch (error) {
      await pair.stop();
      throw error;
    }
    return pair;
  }

  /** @param {string} name @param {number} browser */
  async #arrive(name, browser) {
    const person = await Person.arrive(this.#browsers[browser], this.server, name, {
      path: this.#path,
      viewport: { width: 640, height: 480 },
    });
    await person.context.addInitScript(installFlow);
    await person.page.reload();
    await person.signIn();
    return person;
  }

  /** Lets Ana press "Join" in a page that is loaded anew. She need not get in. */
  async press() {
    await this.ana.page.goto('about:blank'); // another fragment alone would load nothing
    await this.ana.page.goto(this.server.url + this.#path);
    await this.ana.screen('prejoin');
    await this.ana.write('name', 'Ana');
    await this.ana.press('mic', true);
    await this.ana.press('camera', true);
    await this.ana.at('join').click();
  }

  /**
   * Lets Ana join anew, and waits until picture and sound flow both ways.
   * @returns {Promise<Join>}
   */
  async join() {
    const heard = (await flowOf(this.ben)).energy;
    await this.press();
    await this.ana.screen('call');
    const from = (await flowOf(this.ana)).clicked;
    await this.#flowing(this.ana, from, 0);
    await this.#flowing(this.ben, from, heard);
    const [hers, his] = await Promise.all([flowOf(this.ana), flowOf(this.ben)]);
    return {
      connected: (hers.states.find((s) => s.state === 'connected')?.at ?? NaN) - from,
      received: hers.video[0] - from,
      sent: (his.video.find((at) => at > from) ?? NaN) - from,
      route: hers.route,
    };
  }

  /**
   * Lets Ana press "Join" where no media passes, and waits until she is told so.
   * @returns {Promise<number>} ms from the click on "Join"; until then she read "Connecting…"
   */
  async told() {
    await this.press();
    await this.ana.at('connecting').getByText('Connecting…').waitFor();
    await this.ana.at('ladder').getByText('Audio and video can’t get through').waitFor();
    return Date.now() - (await flowOf(this.ana)).clicked;
  }

  /**
   * Waits until a person has decoded pictures and heard something since a moment.
   * @param {Person} person
   * @param {number} since Unix ms
   * @param {number} energy of the sound that they had heard before
   */
  async #flowing(person, since, energy) {
    await until(`${person.name} sees and hears the other`, async () => {
      const flow = await flowOf(person);
      return flow.video.filter((at) => at > since).length > 3 && flow.energy > energy;
    });
  }

  /**
   * Does something to the network in mid-call, and waits until sound and picture are back both ways.
   * @param {() => void} act
   * @returns {Promise<Return>}
   */
  async interrupt(act) {
    const at = Date.now();
    act();
    /**
     * The end of the longest pause in the seven seconds since: what was on its way still arrives after the act.
     * @param {number[]} came @param {number[]} looks
     */
    const back = (came, looks) => {
      const [longest] = pausesSince(came, looks, at).sort((a, b) => b.ms - a.ms);
      const [now, last] = [Date.now(), came.at(-1) ?? 0];
      return longest && now - at > 7000 && now - last < 2000 ? longest.end - at : NaN;
    };
    /** @param {Person} person */
    const again = (person) =>
      until(`sound and picture are back for ${person.name}`, async () => {
        const flow = await flowOf(person);
        const result = { heard: back(flow.audio, flow.looks), seen: back(flow.video, flow.looks) };
        return result.heard > 0 && result.seen > 0 ? result : undefined;
      });
    const [hers, his] = await Promise.all([again(this.ana), again(this.ben)]);
    return { ...hers, heardBy: his.heard, seenBy: his.seen };
  }

  /**
   * Lets Ana run the connection check, in a page of its own.
   * @returns {Promise<{result: string, ways: Record<import('./conditions.js').Way, string>}>} result: best, detour or
   *   blocked. ways: ok, bad or none
   */
  async check() {
    const page = await this.ana.context.newPage();
    try {
      await page.goto(`${this.server.url}/check`);
      await page.getByTestId('check-run').click();
      const result = await page.getByTestId('check-result').getAttribute('data-result', { timeout: patience });
      const status = async (/** @type {string} */ way) =>
        (await page.getByTestId(`check-${way}`).getAttribute('data-status')) ?? '';
      const [udp, tcp, turn, turns] = await Promise.all(['udp', 'tcp', 'turn', 'turns'].map(status));
      return { result: result ?? '', ways: { udp, tcp, turn, turns } };
    } finally {
      await page.close();
    }
  }

  /** Lets Ana leave, so that Ben sees and hears no other. */
  async part() {
    await this.ana.leave();
    await this.ben.tileOf('Ana').first().waitFor({ state: 'detached' });
    await sleep(300); // what is in Ben's buffers is played
  }

  /** Ends the browsers, the server and the network. */
  async stop() {
    await Promise.all(this.#browsers.map((browser) => browser.close()));
    await this.server.stop();
    this.network.stop();
  }
}
