// Looking strings up in the catalogue, with plurals by the language's own rules.
import { en, language } from './en.js';

/** @typedef {keyof typeof en} Key */

const plural = new Intl.PluralRules(language.tag);

/** applyLanguage tells the browser which language the page speaks, and which way it is written. */
export function applyLanguage() {
  document.documentElement.lang = language.tag;
  document.documentElement.dir = language.dir;
}

/** @returns {boolean} whether the page is written from right to left */
export const rightToLeft = () => language.dir === 'rtl';

/**
 * t returns the text of a key with {placeholders} filled in. A text with forms is chosen by the parameter n.
 * @param {Key} key @param {Record<string, string|number>} [params] @returns {string}
 */
export function t(key, params = {}) {
  /** @type {string|Record<string, string>} */
  const entry = en[key];
  const text = typeof entry === 'string' ? entry : (entry[plural.select(Number(params.n))] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** @param {readonly string[]} items @returns {string} joined as the language does it */
export const list = (items) => new Intl.ListFormat(language.tag).format(items);

/** @param {string} key @returns {key is Key} */
export const has = (key) => Object.hasOwn(en, key);

/**
 * errorText says an error of the server in our words; one we have none for, in the server's.
 * @param {string} id @param {string} [message] @returns {string}
 */
export function errorText(id, message) {
  const key = `error.${id}`;
  return has(key) ? t(key) : message || t('error.unknown');
}

/** @param {string} iso @returns {string} hours and minutes in the person's own way */
export const timeOfDay = (iso) =>
  new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }).format(new Date(iso));
