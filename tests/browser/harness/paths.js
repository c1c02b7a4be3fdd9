import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Screenshots, logs and the binary under test; git ignores the folder. */
export const artefacts = path.join(root, 'tests', 'browser', 'artefacts');
mkdirSync(artefacts, { recursive: true });

/**
 * @param {string} name
 * @returns {string} the path of an artefact; its folder exists
 */
export function artefact(name) {
  const file = path.join(artefacts, name);
  mkdirSync(path.dirname(file), { recursive: true });
  return file;
}
