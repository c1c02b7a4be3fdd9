// Looking strings up in the catalogue of the language in use. Each language is a folder of the same files, one for each
// part of the page; only those of the language in use are fetched.

/** @typedef {typeof import('./en/start.js').default} Start */
/** @typedef {typeof import('./en/home.js').default} Home */
/** @typedef {typeof import('./en/check.js').default} Check */
/** @typedef {typeof import('./en/call.js').default} InCall */
/** @typedef {keyof (Start & Home & Check & InCall)} Key */
/** @typedef {'start'|'home'|'check'|'call'} Part a file of each language; start is what the first screens may say */
/** @typedef {string|Partial<Record<Intl.LDMLPluralRule, string>>} Entry a text, or its forms by number */
/**
 * @template T
 * @typedef {Record<keyof T, Entry>} Translation
 */

/**
 * The languages there are, each named in itself. numbers: the digits, where they are not the language's own; codes and
 * addresses are written in Latin ones, and must look the same everywhere.
 * @type {Record<string, {name: string, rtl?: boolean, numbers?: string, reviewed?: boolean}>}
 */
export const LANGUAGES = {
  de: { name: 'Deutsch' },
  en: { name: 'English', reviewed: true },
  es: { name: 'Español' },
  fr: { name: 'Français' },
  pl: { name: 'Polski' },
  pt: { name: 'Português (Brasil)' },
  ar: { name: 'العربية', rtl: true, numbers: 'latn' },
  ja: { name: '日本語' },
};

/** Of the language in use; empty until there is one. */
let tag = '';
let locale = 'en';
/** @type {Record<string, Entry>} */
let entries = {};
/** @type {Set<Part>} */
const parts = new Set(['start']);

/** @param {string} name of a language, as in "de-AT" @returns {string} */
const primary = (name) => name.toLowerCase().split('-')[0];

/**
 * languageFor chooses a language, by the first subtag alone.
 * @param {string} chosen on this device; empty for none @param {readonly string[]} wanted of the browser, best first
 * @returns {string}
 */
export function languageFor(chosen, wanted) {
  const known = [chosen, ...wanted].map(primary);
  return known.find((name) => Object.hasOwn(LANGUAGES, name)) ?? 'en';
}

/**
 * localeFor keeps the region that the person's browser names: dates are written in the page's language, and as they are
 * written there.
 * @param {string} language @param {readonly string[]} wanted @returns {string}
 */
export function localeFor(language, wanted) {
  const regional = wanted.find((name) => primary(name) === language) ?? language;
  const options = { numberingSystem: LANGUAGES[language].numbers };
  try {
    return new Intl.Locale(regional, options).toString();
  } catch {
    // Some systems name regions that are none, as in "en-US@posix".
    return new Intl.Locale(language, options).toString();
  }
}

/** @param {string} language @param {Part} part @returns {Promise<Record<string, Entry>>} */
const read = async (language, part) => (await import(`./${language}/${part}.js`)).default;

/**
 * speak makes a language the one in use, once all of it that the page has needed so far is there.
 * @param {string} language of LANGUAGES @param {readonly string[]} [wanted] of the browser
 */
export async function speak(language, wanted = []) {
  const found = await Promise.all([...parts].map((part) => read(language, part)));
  tag = language;
  locale = localeFor(language, wanted);
  entries = Object.assign({}, ...found);
}

/**
 * words fetches a part of the catalogue; with what will say it, so that neither waits for the other.
 * @param {Part} part
 */
export async function words(part) {
  const language = tag;
  parts.add(part);
  const more = await read(language, part);
  // A language that was chosen meanwhile has brought the part along.
  if (language === tag) entries = { ...entries, ...more };
}

/** @returns {string} the language in use; empty before the first */
export const language = () => tag;

/** applyLanguage tells the browser which language the page speaks, and which way it is written. */
export function applyLanguage() {
  document.documentElement.lang = tag;
  document.documentElement.dir = rightToLeft() ? 'rtl' : 'ltr';
}

/** @returns {boolean} whether the page is written from right to left */
export const rightToLeft = () => Boolean(LANGUAGES[tag]?.rtl);

/**
 * t returns the text of a key with {placeholders} filled in; numbers are written as the language does it. A text with
 * forms is chosen by the parameter n.
 * @param {Key} key @param {Record<string, string|number>} [params] @returns {string}
 */
export function t(key, params = {}) {
  const entry = entries[key] ?? key;
  const text =
    typeof entry === 'string' ? entry : (entry[new Intl.PluralRules(tag).select(Number(params.n))] ?? entry.other);
  // Isolates (U+2068, U+2069) keep a name or an address in Latin letters from turning what stands around it.
  const isolated = (/** @type {string} */ value) => (rightToLeft() ? `\u2068${value}\u2069` : value);
  const say = (/** @type {string|number} */ value) => (typeof value === 'number' ? number(value) : isolated(value));
  return (text ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in params ? say(params[name]) : whole));
}

/** @param {number} n @returns {string} */
const number = (n) => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(n);

/** @param {readonly string[]} items @returns {string} joined as the language does it */
export const list = (items) => new Intl.ListFormat(tag).format(items);

/** @param {string} key @returns {key is Key} */
export const has = (key) => Object.hasOwn(entries, key);

/**
 * errorText says an error of the server in our words; one we have none for, in the server's.
 * @param {string} id @param {string} [message] @param {number} [retryAfter] seconds, 0 when it makes no difference
 * @returns {string}
 */
export function errorText(id, message, retryAfter = 0) {
  const key = `error.${id}`;
  const later = `${key}.in`;
  if (retryAfter > 0 && has(later)) return t(later, { n: retryAfter });
  return has(key) ? t(key) : message || t('error.unknown');
}

/** @param {string} iso @returns {string} hours and minutes in the person's own way */
export const timeOfDay = (iso) =>
  new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }).format(new Date(iso));

/** @param {number} share 0…1 @returns {string} in the language's own way */
export const percent = (share) =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(share);
