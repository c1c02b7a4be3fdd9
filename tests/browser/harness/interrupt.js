// Interruptions of one person's network or machine in a call of two, and how long they last for ears and eyes. Run
// under tests/browser/networks.
import { installLossProbe, lossSeen } from './loss.js';
import { flowOf, installFlow } from './net/flow.js';
import { Network } from './net/network.js';
import { pausesSince } from './net/pause.js';
import { startSite } from './net/site.js';
import { Person } from './person.js';
import { sleep, until } from './wait.js';

/** @typedef {'cable5' | 'cable30' | 'deaf5' | 'deaf30' | 'asleep20' | 'network' | 'udp' | 'websocket'} Kind */

/**
 * What happens, for how many ms. deaf: packets are dropped, and the machine notices nothing. asleep: the browser's
 * processes are stopped. network: other addresses, from one moment to the next. udp: blocked from now on.
 * @type {Record<Kind, {ms: number, begin: (call: Call) => void, end: (call: Call) => void}>}
 */
const interruptions = {
  cable5: { ms: 5000, begin: ({ host }) => host.cable(false), end: ({ host }) => host.cable(true) },
  cable30: { ms: 30_000, begin: ({ host }) => host.cable(false), end: ({ host }) => host.cable(true) },
  deaf5: { ms: 5000, begin: ({ host }) => host.block('udp', 'tcp'), end: ({ host }) => host.block() },
  deaf30: { ms: 30_000, begin: ({ host }) => host.block('udp', 'tcp'), end: ({ host }) => host.block() },
  asleep20: { ms: 20_000, begin: ({ host }) => host.signal('SIGSTOP'), end: ({ host }) => host.signal('SIGCONT') },
  network: { ms: 0, begin: ({ host }) => host.readdress(), end() {} },
  websocket: { ms: 4000, begin: ({ host }) => host.block('tcp'), end: ({ host }) => host.block() },
  udp: { ms: 0, begin: ({ host }) => host.block('udp'), end() {} },
};

export const interruptionKinds = /** @type {Kind[]} */ (Object.keys(interruptions));

/**
 * @typedef {object} Result all in ms from the end of the interruption; for those without an end, from its begin
 * @property {Kind} kind
 * @property {number} sound until sound came again @property {number} picture until a picture did
 * @property {number} theirs until the other had sound again
 * @property {number} told for how long the person was told "Reconnecting…" @property {boolean} sameSeat
 * @property {number} tile from the begin until the other saw "Reconnecting…" on the tile; -1 if never
 * @property {string} route afterwards
 */

/**
 * @param {import('playwright-core').Browser} browser @param {import('./server.js').Server} server
 * @param {string} name @param {string} path
 */
async function arrive(browser, server, name, path) {
  const person = await Person.arrive(browser, server, name, { path, viewport: { width: 640, height: 480 } });
  for (const script of [installFlow, installLossProbe]) await person.context.addInitScript(script);
  await person.page.reload();
  await person.signIn();
  return person;
}

/**
 * @param {import('./browsers.js').Kind} kind of Ana's browser; Ben's is Chromium
 * @returns {Promise<Call>} in which both see and hear each other
 */
export async function startCall(kind) {
  const network = await Network.start();
  const host = network.host({ v6: false });
  const started = [
    startSite(`interrupt-${kind}`, { args: ['--admin-listen', ''] }),
    host.launch(kind),
    network.host({ v6: false }).launch('chromium'),
  ];
  const [server, ...browsers] = /** @type {[import('./server.js').Server, ...import('playwright-core').Browser[]]} */ (
    await Promise.all(started)
  );
  const stop = async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await server.stop();
    network.stop();
  };
  try {
    const ben = await arrive(browsers[1], server, 'Ben', '/');
    await ben.createMeeting({ lobby: false });
    await ben.join({ mic: true, camera: true });
    const ana = await arrive(browsers[0], server, 'Ana', ben.link());
    await ana.join({ mic: true, camera: true });
    const call = new Call(host, ana, ben, stop);
    await call.settled();
    return call;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {number[]} times @param {number[]} looks @param {number} began
 * @returns {number|undefined} the first after a gap since began. What was on the way when it began is no sign of its
 *   end.
 */
function afterGap(times, looks, began) {
  const gap = 500;
  return pausesSince(times, looks, began).find((pause) => pause.ms > gap)?.end;
}

/** Ana, whose network is interrupted, and Ben, who looks on. */
class Call {
  /**
   * @param {import('./net/network.js').Host} host Ana's @param {Person} ana @param {Person} ben
   * @param {() => Promise<void>} stop
   */
  constructor(host, ana, ben, stop) {
    this.host = host;
    this.ana = ana;
    this.ben = ben;
    this.stop = stop;
  }

  /** Waits until sound and picture have come steadily for some seconds, both ways. */
  async settled() {
    for (const person of [this.ana, this.ben]) {
      const began = Date.now();
      await until(`${person.name} sees and hears`, async () => {
        const { video, audio } = await flowOf(person);
        const recent = (/** @type {number[]} */ times) => times.filter((at) => at > Date.now() - 3000).length;
        return Date.now() - began > 4000 && recent(video) > 2 && recent(audio) > 4; // looks are rare on a busy machine
      });
    }
  }

  /** @param {Kind} kind @returns {Promise<Result>} */
  async interrupt(kind) {
    const { ms, begin, end } = interruptions[kind];
    const seat = await this.#seat();
    const earlier = await lossSeen(this.ana);
    begin(this);
    const began = Date.now();
    const seen = this.#watchTile(began, ms + 8000);
    await sleep(ms);
    const ended = Date.now();
    end(this);
    const first = (/** @type {import('./net/flow.js').Flow} */ flow, /** @type {'audio' | 'video'} */ of) =>
      (ms > 0 ? flow[of].find((at) => at > ended) : afterGap(flow[of], flow.looks, began)) ?? 0;
    await until(`sound and picture are back after ${kind}`, async () => {
      const [mine, theirs] = [await flowOf(this.ana), await flowOf(this.ben)];
      return first(mine, 'audio') && first(mine, 'video') && first(theirs, 'audio');
    });
    const [mine, theirs] = [await flowOf(this.ana), await flowOf(this.ben)];
    const tile = await seen;
    await this.settled();
    const later = await lossSeen(this.ana);
    const from = ms > 0 ? ended : began;
    return {
      kind,
      sound: Math.round(first(mine, 'audio') - from),
      picture: Math.round(first(mine, 'video') - from),
      theirs: Math.round(first(theirs, 'audio') - from),
      told: later.toldMs - earlier.toldMs,
      sameSeat: (await this.#seat()) === seat,
      tile,
      route: (await flowOf(this.ana)).route,
    };
  }

  /** @returns {Promise<string>} Ana's number, as Ben's page has it */
  async #seat() {
    return (await this.ben.tileOf('Ana').first().getAttribute('data-participant')) ?? '';
  }

  /** @param {number} began @param {number} ms @returns {Promise<number>} ms until Ben's tile of Ana says so, or -1 */
  #watchTile(began, ms) {
    const away = this.ben.tileOf('Ana').locator('.tile-away:not([hidden])');
    return away.waitFor({ timeout: ms }).then(
      () => Date.now() - began,
      () => -1,
    );
  }
}
