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

/** @param {{link: string, title: string, start: Date, end: Date}} o @returns {string} */
export function invitation({ link, title, start, end }) {
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Conclave//EN',
    'BEGIN:VEVENT',
    `UID:${stamp(start)}-${link.replace(/#.*$/, '').split('/').pop()}`,
    `DTSTAMP:${stamp(start)}`,
    `DTSTART:${stamp(start)}`,
    `DTEND:${stamp(end)}`,
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
