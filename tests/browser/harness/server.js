import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { farAddress } from './line.js';
import { artefact, artefacts, root } from './paths.js';
import { Hopeless, until } from './wait.js';

const run = promisify(execFile);

/** @type {Promise<string> | undefined} */
let built;
/** whether that is another build, which may not know the newest flags */
let other = false;

/**
 * Builds the one binary and returns its path; TEST_BINARY names one that is already built.
 * @returns {Promise<string>}
 */
export function binary() {
  built ??= (async () => {
    if (process.env.TEST_BINARY) return process.env.TEST_BINARY;
    const file = path.join(artefacts, 'conclave');
    await run('go', ['build', '-o', file, './cmd/conclave'], { cwd: root });
    return file;
  })();
  return built;
}

/**
 * Has the servers that start from now on be of another build.
 * @param {string | undefined} file undefined: this one
 */
export function useBinary(file) {
  built = file ? Promise.resolve(path.resolve(file)) : undefined;
  other = file !== undefined;
}

/** A running `conclave`: the real binary on loopback, with sign-in codes read from its console. */
export class Server {
  /** @type {string[]} */
  lines = [];
  url = '';
  /** where the metrics are, if anywhere */
  admin = '';
  /** @type {string[]} the beginning of a command line that runs the rest where the server is */
  inside = [];
  /** @type {number | null | undefined} */
  exit;

  /**
   * @param {string} name of its log among the artefacts
   * @param {string[]} [args] further flags
   * @param {{line?: import('./line.js').Line}} [options] line: at whose far end it runs
   * @returns {Promise<Server>}
   */
  static async start(name, args = [], { line } = {}) {
    const server = new Server();
    server.admin = args.includes('--admin-listen') ? args[args.indexOf('--admin-listen') + 1] : '';
    server.inside = line?.inside ?? [];
    const flags = [
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--media-port',
      '0',
      '--admin-listen',
      '',
      ...(other ? [] : ['--stop-timeout', '0s']),
      ...(line ? ['--media-listen', farAddress] : []),
      ...args,
      ...(process.env.TEST_STATIC_DIR ? ['--static-dir', process.env.TEST_STATIC_DIR] : []),
    ];
    const [command, ...withFlags] = [...server.inside, await binary(), ...flags];
    server.process = spawn(command, withFlags, { cwd: artefacts, stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(artefact(`${name}-server.log`));
    for (const stream of [server.process.stdout, server.process.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
        log.write(chunk);
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        server.lines.push(...parts);
      });
    }
    server.process.once('exit', (code) => {
      server.exit = code;
    });
    server.url = await until('the server prints its address', () => {
      if (server.exit !== undefined) {
        throw new Hopeless(`the server ended with ${server.exit}:\n${server.lines.join('\n')}`);
      }
      return server.lines.join('\n').match(/^url\s+(https?:\/\/[^\s/]+)/m)?.[1];
    });
    for (const url of line ? [server.url, `http://${server.admin}`] : []) {
      if (/:\d/.test(url)) await line?.carry(Number(url.match(/\d+$/)));
    }
    await until('the server answers', async () => (await fetch(`${server.url}/api/config`)).ok);
    return server;
  }

  /**
   * Waits for the next code on the console that was not taken before.
   * @param {string} email
   * @returns {Promise<string>}
   */
  async code(email) {
    return until(`a code for ${email} on the console`, () => {
      const start = `sign-in code for ${email}: `;
      const i = this.lines.findIndex((line) => line.startsWith(start));
      if (i < 0) return undefined;
      const code = this.lines[i].slice(start.length).match(/^\d{6,8}/)?.[0];
      this.lines[i] = '';
      return code;
    });
  }

  /** @returns {Promise<string>} the token that a server on loopback makes for bots */
  botToken() {
    return until('a bot token on the console', () => this.lines.join('\n').match(/--token ([0-9a-f]{64})/)?.[1]);
  }

  /**
   * Signs in without a browser, as scripts do, and returns the session's token.
   * @param {string} email
   * @returns {Promise<string>}
   */
  async token(email) {
    const asked = await this.post('/api/auth/code', { email });
    assert.equal(asked.status, 202, await asked.text());
    const challenge = cookies(asked);
    const verified = await this.post('/api/auth/verify', { code: await this.code(email) }, { cookie: challenge });
    assert.equal(verified.status, 200, await verified.text());
    const token = cookies(verified).match(/conclave=([0-9a-f]{64})/)?.[1];
    assert(token, 'the session cookie holds the token');
    return token;
  }

  /**
   * Makes a meeting without a browser; a plain one unless the options say otherwise: the key of an encrypted one is
   * made by a page.
   * @param {string} token
   * @param {Record<string, unknown>} [options]
   * @returns {Promise<string>} its id
   */
  async createMeeting(token, options = {}) {
    const answer = await this.post('/api/meetings', { e2ee: false, ...options }, { authorization: `Bearer ${token}` });
    const body = /** @type {{meeting: string}} */ (await answer.json());
    assert.equal(answer.status, 201, JSON.stringify(body));
    return body.meeting;
  }

  /**
   * @param {string} route
   * @param {unknown} body
   * @param {Record<string, string>} [headers]
   */
  post(route, body, headers = {}) {
    return fetch(this.url + route, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  /**
   * The values of a metric, by its labels. The server must have been started with `--admin-listen`.
   * @param {string} name
   * @returns {Promise<Record<string, number>>}
   */
  async metric(name) {
    const text = await (await fetch(`http://${this.admin}/metrics`)).text();
    const found = [...text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))];
    return Object.fromEntries(
      found.map(([, labels = '', value]) => [labels.replace(/^\w+="(.*)"$/, '$1'), Number(value)]),
    );
  }

  /** Ends the server as an operator would, and waits for it. */
  async stop() {
    const child = this.process;
    if (!child || this.exit !== undefined) return;
    const gone = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }

  /**
   * @type {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable,
   *   import('node:stream').Readable> | undefined}
   */
  process;
}

/** @param {Response} response */
function cookies(response) {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
