// Code that is not needed at first. It is fetched when the browser has nothing else to do, so that it is
// there when asked for, and still there when the server has been replaced by a newer one meanwhile.
import { h } from './dom.js';
import { toast } from './toast.js';
import { t } from '../i18n/i18n.js';

/**
 * lazily imports a module.
 * @template T
 * @param {() => Promise<T>} load @returns {Promise<T|null>} null when it could not be fetched; the person was told
 */
export async function lazily(load) {
  try {
    return await load();
  } catch {
    toast(t('error.part'), { icon: 'warn', urgent: true, key: 'part' });
    return null;
  }
}

/**
 * whenIdle fetches modules once the browser is idle; those that fail are tried again when they are needed.
 * @param {...(() => Promise<unknown>)} loads
 */
export function whenIdle(...loads) {
  const run = () => {
    for (const load of loads) load().catch(() => {});
  };
  // Safari has no requestIdleCallback.
  if (typeof requestIdleCallback === 'function') requestIdleCallback(run, { timeout: 2000 });
  else setTimeout(run, 300);
}

/** @type {Map<string, Promise<void>>} */
const sheets = new Map();

/**
 * styles fetches a style sheet of css/ once; one that fails is fetched again when it is next asked for.
 * @param {string} name without folder and extension @returns {Promise<void>} settles when it applies
 */
export function styles(name) {
  const known = sheets.get(name);
  if (known) return known;
  const link = h('link', { rel: 'stylesheet', href: new URL(`../../css/${name}.css`, import.meta.url).pathname });
  const loaded = new Promise((/** @type {(_: void) => void} */ resolve, reject) => {
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => {
      link.remove();
      sheets.delete(name);
      reject(new Error(`${name}.css could not be fetched`));
    });
  });
  sheets.set(name, loaded);
  document.head.append(link);
  return loaded;
}
