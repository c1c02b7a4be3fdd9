// Small pure text functions: names, meeting addresses, links in chat, times.

/** The longest texts the server takes, in characters (docs/protocol.md, Limits). */
export const MAX_NAME = 64;
export const MAX_CHAT_TEXT = 2000;
export const MAX_TITLE = 80;
export const MAX_PASSWORD = 128;

/** As the server has it, and the encryption: what makes one name look like another, or changes the text around it. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\u115f\u1160\u2800\u3164\uffa0\ufffc]|\u034f|\u17b4|\u17b5/u;

/** @param {string} name @returns {'empty'|'long'|'characters'|null} what is wrong with a display name */
export function nameProblem(name) {
  const n = [...name.trim()].length;
  if (n === 0) return 'empty';
  if (n > MAX_NAME) return 'long';
  return FORBIDDEN.test(name) ? 'characters' : null;
}

/**
 * suggestName makes a display name of an address: "ana.lopez+work@example.org" is "Ana Lopez".
 * @param {string} email @returns {string} empty where the address holds none
 */
export function suggestName(email) {
  const [local] = email.split('@')[0].split('+');
  const words = local.split(/[._-]+/u).filter((word) => /\p{L}/u.test(word));
  const name = words.map((word) => word[0].toLocaleUpperCase() + word.slice(1)).join(' ');
  return nameProblem(name) ? '' : name;
}

/** @param {string} name @returns {string} one or two letters */
export function initials(name) {
  const words = name
    .trim()
    .split(/[\s\-_.]+/u)
    .filter(Boolean);
  if (words.length === 0) return '?';
  const first = [...words[0]][0] ?? '?';
  const last = words.length > 1 ? [...words[words.length - 1]][0] : '';
  return (first + last).toLocaleUpperCase();
}

/** The number of avatar colours in css/tokens.css. */
export const HUES = 8;

/** @param {number} participant @returns {number} which avatar colour */
export const hue = (participant) => (((participant * 5) % HUES) + HUES) % HUES;

/**
 * parseMeeting finds a meeting id and the fragment in what a person typed or pasted: an id with or without hyphens,
 * or an address. The fragment is kept as it is: it may hold a key that no server may see.
 * @param {string} input @returns {{id: string, fragment: string}|null}
 */
export function parseMeeting(input) {
  const text = input.trim();
  const hash = text.indexOf('#');
  const fragment = hash < 0 ? '' : text.slice(hash);
  const before = (hash < 0 ? text : text.slice(0, hash)).replace(/\?.*$/, '');
  const path = /\/m\/([^/]+)\/?$/.exec(before);
  const raw = (path ? path[1] : before).toLowerCase().replace(/[\s-]/g, '').replace(/o/g, '0').replace(/[il]/g, '1');
  if (!/^[0-9a-hjkmnp-tv-z]{16}$/.test(raw)) return null;
  return { id: /** @type {string[]} */ (raw.match(/.{4}/g)).join('-'), fragment };
}

/** @typedef {{text: string, href?: string}} Piece */

/**
 * linkify splits text into plain pieces and links. Only http and https become links, and never one that hides its host
 * behind a user name.
 * @param {string} text @returns {Piece[]}
 */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"'`]+/gi)) {
    const trimmed = trimLink(match[0]);
    const url = safeURL(trimmed);
    if (!url) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: trimmed, href: url });
    from = match.index + trimmed.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** @param {string} link @returns {string} without the punctuation of the sentence around it */
function trimLink(link) {
  let out = link.replace(/[.,;:!?]+$/, '');
  while (out.endsWith(')') && out.split('(').length < out.split(')').length) out = out.slice(0, -1);
  return out;
}

/** @param {string} text @returns {string|null} */
function safeURL(text) {
  try {
    const url = new URL(text);
    return (url.protocol === 'http:' || url.protocol === 'https:') && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

/** @param {number} seconds @returns {string} 7:05 or 1:07:05 */
export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** @param {string} query @param {string} name @returns {boolean} whether a roster search finds the name */
export function found(query, name) {
  const fold = (/** @type {string} */ s) => s.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();
  return fold(name).includes(fold(query.trim()));
}

/**
 * digitsIn reads the digits of a code, in whichever script a keyboard writes them.
 * @param {string} text @returns {string} in Latin digits
 */
export const digitsIn = (text) =>
  [...text.normalize('NFKC')].map((c) => (/\p{Nd}/u.test(c) ? String(digitValue(c)) : '')).join('');

/** @param {string} c a decimal digit; those of a script are ten code points in order (Unicode, Nd) */
function digitValue(c) {
  let value = 0;
  for (let at = c.codePointAt(0) ?? 0; value < 9 && /\p{Nd}/u.test(String.fromCodePoint(at - 1 - value));) value++;
  return value;
}
