// A line between the test's own network namespace, where the browsers are, and another one, where the server is: delay,
// jitter, order, loss and width of each direction are set. `bench line` (cmd/bench/line) carries the packets. Needs
// root, or what tests/browser/isolated uses instead, and nftables.
//
//   const line = await Line.open({ delay_ms: 25, loss: 5 });         // each way
//   const server = await Server.start('name', [], { line });
//   await line.change({ both: { delay_ms: 75 }, to_near: {…} });     // answers with what was carried so far
//   await line.close();                                              // after the server
//
// The page is at http://127.0.0.1 as ever, because browsers give a page its devices only there and on https: its
// connections are carried to the far end, so that signalling is as slow as media.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { artefacts, root } from './paths.js';

/**
 * @typedef {object} Conditions of one direction; what is not named is 0
 * @property {number} [delay_ms] @property {number} [jitter_ms] a random part of it is added; the order stays
 * @property {number} [reorder] percent that are held back for 30 ms, so that later ones overtake them
 * @property {number} [loss] percent @property {number} [burst] packets lost in a row, on average
 * @property {number} [kbit] width, kbit/s of IP @property {number} [queue_ms] what waits longer is lost; default 300
 * @property {number} [dark_every_ms] @property {number} [dark_ms] for so long of it nothing arrives
 * @typedef {{passed: number, bytes: number, lost: number, overflowed: number, held_back: number}} Counts of packets
 * @typedef {{far?: string, to_far: Counts, to_near: Counts, error?: string}} Answer
 */

const run = promisify(execFile);

/** Where the server is, and where the browsers are. */
export const farAddress = '10.78.0.2';
const nearAddress = '10.78.0.1';

/** @type {Promise<string> | undefined} */
let built;

/** @returns {Promise<string>} the path of cmd/bench; TEST_BENCH names one that is already built */
function bench() {
  built ??= (async () => {
    if (process.env.TEST_BENCH) return process.env.TEST_BENCH;
    const file = path.join(artefacts, 'bench');
    await run('go', ['build', '-o', file, './cmd/bench'], { cwd: root });
    return file;
  })();
  return built;
}

/** A line to a network namespace of its own. */
export class Line {
  /** The path of the far namespace. */
  far = '';
  /** @type {net.Server[]} */
  #relays = [];
  /** @type {((answer: Answer) => void)[]} those who wait for an answer, in the order of their orders */
  #waiting = [];

  /**
   * @param {Conditions} [conditions] of both directions
   * @param {{seed?: number}} [options]
   */
  static async open(conditions = {}, { seed = 1 } = {}) {
    const line = new Line();
    const args = ['line', '--conditions', JSON.stringify(conditions), '--seed', String(seed)];
    line.#process = spawn(await bench(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const first = line.#answer();
    createInterface({ input: line.#process.stdout }).on('line', (text) => line.#waiting.shift()?.(JSON.parse(text)));
    line.#process.once('exit', () => {
      for (const wake of line.#waiting) wake({ ...nothing, error: 'the line has ended' });
    });
    const { far = '', error } = await first;
    if (error) throw new Error(error);
    line.far = far;
    // Browsers send from each address they have. What is answered finds its way back.
    line.#atFar('ip', ['route', 'add', 'default', 'via', nearAddress]);
    return line;
  }

  /** The beginning of a command line that runs the rest at the far end. */
  get inside() {
    return ['nsenter', `--net=${this.far}`];
  }

  /**
   * Changes conditions, of both directions or of one. What is on its way arrives as was decided before.
   * @param {{both?: Conditions, to_far?: Conditions, to_near?: Conditions}} [order] to_far: what browsers send
   * @returns {Promise<Answer>} what was carried so far
   */
  async change(order = {}) {
    const answer = this.#answer();
    this.#process?.stdin.write(`${JSON.stringify(order)}\n`);
    const { error, ...counts } = await answer;
    if (error) throw new Error(error);
    return counts;
  }

  /**
   * Makes a TCP port of the far end's loopback reachable on this end's loopback.
   * @param {number} port
   */
  async carry(port) {
    if (this.#relays.length === 0) {
      this.#atFar('sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/conf/line0/route_localnet']);
    }
    const rule = `tcp dport ${port} dnat to 127.0.0.1:${port}`;
    const chain = `chain to${port} { type nat hook prerouting priority -100; ip daddr ${farAddress} ${rule}; }`;
    this.#atFar('nft', ['-f', '-'], `table ip line { ${chain}; }\n`);
    const relay = net.createServer((near) => {
      const far = net.connect(port, farAddress);
      near.setNoDelay(true);
      far.setNoDelay(true);
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    relay.listen(port, '127.0.0.1');
    await once(relay, 'listening');
    this.#relays.push(relay);
  }

  /** Ends the line, and its far end with it. What runs there should have ended. */
  async close() {
    for (const relay of this.#relays) relay.close();
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.stdin.end();
    await gone;
  }

  /** @returns {Promise<Answer>} */
  #answer() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** @param {string} command @param {string[]} args @param {string} [input] */
  #atFar(command, args, input = '') {
    execFileSync('nsenter', [`--net=${this.far}`, command, ...args], { input });
  }

  /**
   * @type {import('node:child_process').ChildProcessByStdio<import('node:stream').Writable,
   *   import('node:stream').Readable, null> | undefined}
   */
  #process;
}

const none = { passed: 0, bytes: 0, lost: 0, overflowed: 0, held_back: 0 };
const nothing = { to_far: none, to_near: none };
