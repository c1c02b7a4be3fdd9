// A calendar file (RFC 5545) with the meeting's link. The file keeps the link with the key in its fragment.

/** @param {string} text @returns {string} RFC 5545 §3.3.11 */
const escape = (text) => text.replace(/[\\;,]/g, (c) => `\\${c}`).replace(/\r?\n/g, '\\n');

/** @param {Date} date @returns {string} */
const stamp = (date) => date.toISOString().replace(/[-:]|\.\d+/g, '');

/** @param {string} line @returns {string} folded so that no line has more than 75 octets (§3.1) */
function fold(line) {
  const out = [];
  let current = '';
  let octets = 0;
  for (const c of line) {
    const n = new TextEncoder().encode(c).length;
    if (octets + n > 74) {
      out.push(current);
      current = '';
      octets = 0;
    }
    current += c;
    octets += n;
  }
  return [...out, current].join('\r\n ');
}

/** @typedef {''|'DAILY'|'WEEKLY'|'MONTHLY'} Repeat */

const DAY_MS = 86_400_000;
/** The rules of the time zone are written down for so many days; a repeated meeting follows them so long. */
const ZONE_DAYS = 3 * 366;

/** @param {Date} at @param {string} zone IANA's name @returns {number} ms that the zone's clock is ahead of UTC */
function offset(at, zone) {
  const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find((part) => part.type === 'timeZoneName')?.value;
  const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(name ?? '') ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}

/** @param {number} ms @returns {string} §3.3.14 */
function utcOffset(ms) {
  const minutes = Math.abs(ms) / 60_000;
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${ms < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** @param {Date} at @param {number} ahead ms @returns {string} what the zone's clock says then */
const local = (at, ahead) => stamp(new Date(at.getTime() + ahead)).replace('Z', '');

/** @param {number} from ms @param {number} to ms @param {string} zone @returns {number} ms, when its clock changes */
function change(from, to, zone) {
  const before = offset(new Date(from), zone);
  let [same, other] = [Math.floor(from / 60_000), Math.ceil(to / 60_000)]; // minutes: clocks change on one
  while (other - same > 1) {
    const half = Math.floor((same + other) / 2);
    if (offset(new Date(half * 60_000), zone) === before) same = half;
    else other = half;
  }
  return other * 60_000;
}

/**
 * A meeting that repeats keeps its hour when clocks change, so that it needs its zone's rules (§3.6.5).
 * @param {Date} start @param {string} zone @returns {string[]}
 */
function timeZone(start, zone) {
  const out = ['BEGIN:VTIMEZONE', `TZID:${zone}`];
  const first = start.getTime() - DAY_MS;
  let ahead = offset(new Date(first), zone);
  const rule = (/** @type {number} */ at, /** @type {number} */ to) => {
    out.push('BEGIN:STANDARD', `DTSTART:${local(new Date(at), ahead)}`, `TZOFFSETFROM:${utcOffset(ahead)}`);
    out.push(`TZOFFSETTO:${utcOffset(to)}`, 'END:STANDARD');
    ahead = to;
  };
  rule(first, ahead);
  for (let at = first; at < first + ZONE_DAYS * DAY_MS; at += DAY_MS) {
    const next = offset(new Date(at + DAY_MS), zone);
    if (next !== ahead) rule(change(at, at + DAY_MS, zone), next);
  }
  return [...out, 'END:VTIMEZONE'];
}

/**
 * @param {{link: string, title: string, start: Date, end: Date, repeat?: Repeat, zone?: string}} o zone: the IANA name
 *   of the zone in which it repeats
 * @returns {string}
 */
export function invitation({ link, title, start, end, repeat = '', zone = repeat && ownZone() }) {
  const when = (/** @type {string} */ name, /** @type {Date} */ at) =>
    zone ? `${name};TZID=${zone}:${local(at, offset(at, zone))}` : `${name}:${stamp(at)}`;
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Conclave//EN',
    ...(zone ? timeZone(start, zone) : []),
    'BEGIN:VEVENT',
    `UID:${stamp(start)}-${link.replace(/#.*$/, '').split('/').pop()}`,
    `DTSTAMP:${stamp(start)}`,
    when('DTSTART', start),
    when('DTEND', end),
    ...(repeat ? [`RRULE:FREQ=${repeat}`] : []),
    `SUMMARY:${escape(title)}`,
    `DESCRIPTION:${escape(link)}`,
    `URL:${link}`,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ]
    .map(fold)
    .join('\r\n');
}

/** @returns {string} of this device */
const ownZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
