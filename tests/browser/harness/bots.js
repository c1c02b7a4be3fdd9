import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { artefact } from './paths.js';
import { binary } from './server.js';

/**
 * Starts the bundled bots in a meeting.
 * @param {import('./server.js').Server} server
 * @param {string} meeting empty: they make one
 * @param {{count: number, seconds: number, name: string, args?: string[], near?: boolean}} options
 *   seconds: after which they leave; more than a busy machine needs, where the test stops them itself. near: over the
 *   server's line, if it has one, as the browsers; otherwise beside the server
 * @returns {Promise<{done: Promise<{code: number | null, output: string}>, stop: () => void, said: () => string}>}
 *   said: what they have printed so far
 */
export async function startBots(server, meeting, { count, seconds, name, args = [], near = false }) {
  const [command, ...rest] = [...(near ? [] : server.inside), await binary()];
  const child = spawn(
    command,
    [
      ...rest,
      'bots',
      '--url',
      server.url,
      '--token',
      await server.botToken(),
      ...(meeting ? ['--meeting', meeting] : []),
      '--count',
      String(count),
      '--duration',
      `${seconds}s`,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const log = createWriteStream(artefact(`${name}-bots.log`));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
      log.write(chunk);
      output += chunk;
    });
  }
  /** @type {Promise<{code: number | null, output: string}>} */
  const done = new Promise((resolve) => {
    child.once('close', (code) => {
      log.end();
      resolve({ code, output });
    });
  });
  return {
    done,
    said: () => output,
    stop: () => {
      child.kill('SIGTERM');
    },
  };
}
