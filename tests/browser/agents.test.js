// A conductor beside the server and agents on hosts of their own, over real TLS: they run a scenario together though
// their clocks are wrong, take no other secret, go to no other server, and stop when the conductor goes. Run it under
// tests/browser/networks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe } from 'node:test';
import { story } from './harness/chain.js';
import { Network } from './harness/net/network.js';
import { startSite } from './harness/net/site.js';
import { artefact } from './harness/paths.js';
import { binary } from './harness/server.js';
import { until } from './harness/wait.js';

const url = 'https://meet.example.test';
const listen = '203.0.113.10:7443';
const token = randomBytes(32).toString('hex');

// Bots are dealt out in turn, so that each receives one of the other agent's.
const scenario = `
name: On two machines
meetings: [{roles: [{role: publisher, count: 3}, {role: listener, count: 2}]}]
stages: [{join: all, over: 500ms}, {hold: SECONDSs}]
settle: 500ms
`;

/** A run of the program, and what it said. */
class Command {
  output = '';

  /** @param {string[]} line @param {Record<string, string>} [env] */
  constructor([command, ...args], env = {}) {
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        this.output += text;
      });
    }
    /** @type {Promise<number | null>} */
    this.code = new Promise((resolve) => {
      this.process.once('close', resolve);
    });
  }

  /** @param {string} text */
  says(text) {
    return until(`it says ${text}: ${this.output}`, () => this.output.includes(text));
  }
}

describe('agents', () => {
  /** @type {Network} */
  let network;
  /** @type {import('./harness/net/network.js').Host[]} */
  let hosts;
  /** @type {import('./harness/server.js').Server} */
  let server;
  /** @type {string} */
  let conclave;
  /** @type {Command[]} */
  const started = [];
  const secretFile = artefact('agents-secret');
  const oldSecret = artefact('agents-old-secret');
  const report = artefact('agents-report.json');
  const step = story();

  before(async () => {
    conclave = path.resolve(await binary());
    network = await Network.start();
    hosts = [network.host(), network.host({ nat: true })];
    server = await startSite('agents', { args: ['--bot-tokens', token] });
  });

  after(async () => {
    for (const command of started) command.process.kill('SIGKILL');
    for (const file of [secretFile, oldSecret]) rmSync(file, { force: true });
    await server?.stop();
    network?.stop();
  });

  /** @param {number} seconds how long its bots stay @returns {Promise<Command>} that waits for two agents */
  async function conduct(seconds) {
    const file = artefact('agents.yaml');
    writeFileSync(file, scenario.replace('SECONDS', String(seconds)));
    const options = ['--url', url, '--agents', '2', '--listen', listen, '--secret-file', secretFile, '--json', report];
    const line = [conclave, 'bots', 'run', file, ...options, '--no-default-limits'];
    const conductor = new Command(line, { CONCLAVE_BOT_TOKEN: token, SSL_CERT_FILE: '/run/ca/ca.pem' });
    started.push(conductor);
    await conductor.says('waiting for 2 agents');
    return conductor;
  }

  /**
   * @param {number} host
   * @param {{secret?: string, target?: string, ahead?: string}} [options] ahead: what its clock shows more
   */
  function agent(host, { secret = secretFile, target = url, ahead = '0s' } = {}) {
    const options = ['--connect', listen, '--secret-file', secret, '--target', target, `--clock-ahead=${ahead}`];
    const inside = ['nsenter', `--net=/run/netns/${hosts[host].namespace}`];
    const command = new Command([...inside, conclave, 'bots', 'agent', ...options], {
      SSL_CERT_FILE: '/run/ca/ca.pem',
    });
    started.push(command);
    return command;
  }

  /** @returns {Promise<number>} how many are in meetings */
  async function present() {
    return Object.values(await server.metric('conclave_participants')).reduce((a, b) => a + b, 0);
  }

  step('two agents run a scenario together, and their clocks are taken out of the delays', async () => {
    const conductor = await conduct(5);
    writeFileSync(oldSecret, readFileSync(secretFile));
    const stranger = artefact('agents-stranger-secret');
    writeFileSync(stranger, `${randomBytes(32).toString('hex')}\n`);
    assert.equal(await agent(1, { secret: stranger }).code, 3, 'an agent with another secret');
    assert.doesNotMatch(conductor.output, /agent \d of/, 'and it was let in');

    const agents = [agent(0, { ahead: '1h' }), agent(1, { ahead: '-90s' })];
    const codes = await Promise.all([conductor, ...agents].map((command) => command.code));
    assert.deepEqual(codes.slice(1), [0, 0], agents.map((a) => a.output).join('\n'));
    const run = JSON.parse(readFileSync(report, 'utf8'));
    assert.deepEqual(run.failures ?? [], [], conductor.output);
    assert.ok(codes[0] === 0 || run.invalid.length > 0, conductor.output); // 2 where the machine is busy
    assert.deepEqual(run.joins, { wanted: 5, joined: 5 });
    const { total } = run;
    const streams = [total.expected_audio_streams, total.arrived_audio_streams, total.arrived_video_streams];
    assert.deepEqual(streams, [12, 12, 12], conductor.output);

    const offsets = run.agents.map((/** @type {{clock_offset_ms: number}} */ a) => a.clock_offset_ms);
    const ahead = offsets.toSorted((/** @type {number} */ a, /** @type {number} */ b) => b - a);
    for (const [i, ms] of [3_600_000, -90_000].entries()) {
      assert.ok(Math.abs(ahead[i] - ms) < 1000, `the clock offsets are measured as ${offsets}`);
    }
    // Each bot hears the other agent's: with either clock left in, no delay would be between nothing and some seconds.
    for (const bot of run.bots) {
      for (const { count, max_ms: longest } of [bot.audio_delay, bot.video_delay]) {
        assert.ok(count > 200 && longest < 10_000, `bot ${bot.bot}: ${count} delays, up to ${longest} ms`);
      }
    }
  });

  step('a secret is of one run: its file is gone, and the next conductor does not know it', async () => {
    assert.ok(!existsSync(secretFile));
    const conductor = await conduct(5);
    const late = agent(0, { secret: oldSecret });
    assert.equal(await late.code, 3, late.output);
    assert.doesNotMatch(conductor.output, /agent \d of/);
    conductor.process.kill('SIGTERM');
    assert.equal(await conductor.code, 3);
    assert.ok(!existsSync(secretFile), 'the secret of an interrupted run is still there');
  });

  step('an agent goes to its own target only', async () => {
    const conductor = await conduct(5);
    const other = agent(0, { target: 'https://lan.example.test' });
    assert.equal(await other.code, 3);
    assert.match(other.output, /not the one named by --target/);
    assert.equal(await conductor.code, 3);
    assert.match(conductor.output, /left: .*--target/);
    assert.equal(await present(), 0);
  });

  step('agents stop when the conductor goes in the middle of a run', async () => {
    const conductor = await conduct(120);
    const agents = [agent(0), agent(1)];
    await until('all bots are in', async () => (await present()) === 5);
    conductor.process.kill('SIGKILL');
    for (const { code, output } of agents) assert.equal(await code, 3, output);
    for (const { output } of agents) assert.match(output, /the conductor is gone/);
    await until('no bot is left', async () => (await present()) === 0);
  });
});
