// The line protocol by which a test drives members of several implementations in one group: e2ee/mls/interop.md.
import { createInterface } from 'node:readline';
import { unhex } from '../../../static/js/e2ee/bytes.js';

/** @typedef {(request: any) => Promise<object>} Command */

/** @param {string|undefined} text hexadecimal */
export const bytes = (text) => unhex(text ?? '');

/** @param {any} request @returns {import('./member.js').Psk[]} */
export const psksOf = ({ psks }) =>
  (psks ?? []).map((/** @type {any} */ p) => ({ id: bytes(p.id), psk: bytes(p.psk) }));

/** @param {Record<string, Command>} commands answers requests from the standard input, one after another */
export async function serve(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const command = commands[request.cmd] ?? (async () => ({ error: `no command ${request.cmd}` }));
    const answer = await command(request).catch((error) => ({ error: String(error.message) }));
    process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`);
  }
}
