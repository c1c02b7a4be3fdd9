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

test('a meeting that repeats keeps its hour when clocks change', () => {
  const ics = invitation({
    link: 'https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt',
    title: 'Weekly',
    start: new Date('2026-10-20T08:00:00Z'),
    end: new Date('2026-10-20T09:00:00Z'),
    repeat: 'WEEKLY',
    zone: 'Europe/Berlin',
  });
  assert.ok(ics.includes('RRULE:FREQ=WEEKLY\r\n'));
  assert.ok(ics.includes('DTSTART;TZID=Europe/Berlin:20261020T100000\r\n'));
  assert.ok(ics.includes('DTEND;TZID=Europe/Berlin:20261020T110000\r\n'));
  const rules = [...ics.matchAll(/DTSTART:(\w+)\r\nTZOFFSETFROM:(\S+)\r\nTZOFFSETTO:(\S+)/g)].map((m) => m.slice(1));
  assert.deepEqual(rules.slice(0, 3), [
    ['20261019T100000', '+0200', '+0200'],
    ['20261025T030000', '+0200', '+0100'],
    ['20270328T020000', '+0100', '+0200'],
  ]);
  assert.equal(rules.length, 7, 'three years');
});

test('a zone whose clock never changes, ahead of UTC by a half hour', () => {
  const ics = invitation({
    link: 'https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt',
    title: 'Daily',
    start: new Date('2026-10-20T08:00:00Z'),
    end: new Date('2026-10-20T09:00:00Z'),
    repeat: 'DAILY',
    zone: 'Asia/Kolkata',
  });
  assert.ok(ics.includes('DTSTART;TZID=Asia/Kolkata:20261020T133000'));
  assert.equal(ics.match(/TZOFFSETTO:\+0530/g)?.length, 1);
});
