import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { artefacts, root } from './paths.js';

const letters = 'אבגדהוזחטיכלמנסעפצקרשתבגד';

/**
 * A sentence of the catalogue as a language would say it that is longer than English and written from right to left.
 * It stands between brackets, so that words that are not from the catalogue are seen to be without.
 * @param {string} text
 */
function pseudo(text) {
  const parts = text.split(/(\{\w+\})/);
  const written = parts.map((part, i) =>
    i % 2 ? part : part.replace(/[a-z]/gi, (c) => letters[(c.toLowerCase().charCodeAt(0) - 97) % letters.length]),
  );
  const words = written.join('').split(' ');
  const more = words.slice(0, Math.ceil(words.length * 0.3)).filter((word) => !word.includes('{'));
  return `⟦${[written.join(''), ...more].join(' ')}⟧`;
}

/**
 * Makes a copy of the client whose catalogue is the pseudo-language's, in place of a language that is written from
 * right to left.
 * @param {string} name
 * @returns {Promise<string>} its directory
 */
export async function pseudoClient(name) {
  const dir = path.join(artefacts, `pseudo-${name}`);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const part of ['index.html', 'favicon.svg', 'css', 'js']) {
    await cp(path.join(root, 'static', part), path.join(dir, part), { recursive: true });
  }
  const catalogues = path.join(root, 'static/js/i18n');
  await mkdir(path.join(dir, 'js/i18n/ar'), { recursive: true });
  for (const part of await readdir(path.join(catalogues, 'en'))) {
    const { default: entries } = await import(path.join(catalogues, 'en', part));
    const written = Object.entries(entries).map(([key, entry]) => [
      key,
      typeof entry === 'string'
        ? pseudo(entry)
        : Object.fromEntries(Object.entries(entry).map(([form, text]) => [form, pseudo(text)])),
    ]);
    await writeFile(
      path.join(dir, 'js/i18n/ar', part),
      `export default ${JSON.stringify(Object.fromEntries(written), null, 1)};\n`,
    );
  }
  return dir;
}
