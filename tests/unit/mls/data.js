// Where the MLS working group's test vectors are (github.com/mlswg/mls-implementations, cipher suite 1).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder =
  process.env.CONCLAVE_MLS_VECTORS ?? join(import.meta.dirname, ...Array(4).fill('..'), 'shared', 'data', 'mls');

/** Why they can't be read here; false when they can. Continuous integration has to have them. */
export const missing = !existsSync(folder) && process.env.CI !== 'true' ? `no test vectors in ${folder}` : false;

/** @param {string} name of a file @returns {any[]} those of cipher suite 1, and those of no suite */
export const vectors = (name) =>
  JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')).filter(
    (/** @type {any} */ v) => (v.cipher_suite ?? 1) === 1,
  );
