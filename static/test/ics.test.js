import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invitation } from '../js/core/ics.js';

test('the calendar file is RFC 5545: escaped, folded, CRLF, the link whole', () => {
  const link = `https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt#k=${'x'.repeat(43)}`;
  const ics = invitation({
    link,
    title: 'A; b, c\\d\nBEGIN:VEVENT',
    start: new Date('2026-11-21T20:30:00.5Z'),
    end: new Date('2026-11-21T22:30:00Z'),
  });
  for (const line of ics.split('\r\n')) assert.ok(new TextEncoder().encode(line).length <= 75, line);
  assert.equal(ics.match(/^BEGIN:VEVENT/gm).length, 1, 'no line can be smuggled in');
  const unfolded = ics.replaceAll('\r\n ', '');
  assert.ok(unfolded.includes(`URL:${link}\r\n`));
  assert.ok(unfolded.includes('DTSTART:20261121T203000Z'));
  assert.ok(!/UID:.*k=/.test(unfolded), 'the fragment is in the link only');
});
