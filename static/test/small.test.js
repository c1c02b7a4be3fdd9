import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantAudio, stripAddresses, keepCodecs, waysIn } from '../js/core/sdp.js';
import * as quality from '../js/core/quality.js';
import { command, SHORTCUTS } from '../js/core/keymap.js';
import { parseMeeting, linkify, initials, nameProblem, clock, found, hue, HUES } from '../js/core/text.js';
import { visibleRows } from '../js/core/virtual.js';
import { camera, withActive } from '../js/core/encodings.js';
import { invitation } from '../js/core/ics.js';
import { qr } from '../js/core/qr.js';

test('no address of this device leaves in an offer', () => {
  const sdp = ['v=0', 'o=- 1 2 IN IP4 192.168.1.7', 's=-', 'c=IN IP6 fd00::7', 'm=audio 54321 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 203.0.113.9',
    'a=rtcp:54322 IN IP4 203.0.113.9', 'a=candidate:1 1 udp 2122260223 192.168.1.7 54321 typ host', 'a=end-of-candidates', 'm=video 0 UDP/TLS/RTP/SAVPF 96', 'a=mid:1', ''].join('\r\n');
  const out = stripAddresses(sdp);
  assert.ok(!/192\.168|203\.0|fd00|54321|54322|candidate/.test(out), out);
  assert.ok(out.includes('m=audio 9 ') && out.includes('m=video 0 '), 'a bundle-only m-line keeps port 0');
  assert.ok(out.endsWith('a=mid:1\r\n'));
});

test('the offer keeps to Opus, and VP8, VP9 and AV1 with RTX, the one to send first', () => {
  const codecs = ['video/VP9', 'video/rtx', 'video/VP8', 'video/AV1', 'audio/opus', 'audio/red'].map((mimeType) => ({ mimeType }));
  assert.deepEqual(keepCodecs(codecs, 'video').map((c) => c.mimeType), ['video/VP8', 'video/VP9', 'video/AV1', 'video/rtx']);
  assert.deepEqual(keepCodecs(codecs, 'video', 'av1').map((c) => c.mimeType), ['video/AV1', 'video/VP8', 'video/VP9', 'video/rtx']);
  assert.deepEqual(keepCodecs(codecs, 'audio').map((c) => c.mimeType), ['audio/opus']);
});

test('private audio is as large in silence as in speech', () => {
  const answer = 'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;usedtx=1;useinbandfec=1\r\na=rtpmap:96 VP8/90000\r\na=fmtp:97 apt=96\r\n';
  assert.equal(constantAudio(answer), answer.replace('minptime=10;usedtx=1;useinbandfec=1', 'minptime=10;useinbandfec=1;cbr=1;usedtx=0'));
});

test('the ways an answer offers are counted', () => {
  assert.deepEqual(waysIn('a=candidate:1 1 udp 1 192.0.2.1 443 typ host\r\na=candidate:1 2 udp 1 192.0.2.1 443 typ host\r\na=candidate:2 1 tcp 1 2001:db8::1 443 typ host tcptype passive\r\n'),
    [{ transport: 'udp', address: '192.0.2.1', port: 443 }, { transport: 'tcp', address: '2001:db8::1', port: 443 }]);
});

const sample = (at, more = {}) => ({ at, bytesIn: 0, bytesOut: 0, packetsIn: 0, lostIn: 0, packetsOut: 0, lostOut: 0, rtt: 0.02, jitter: 0.005, freezes: 0, ...more });

test('rates come from two looks; counters that restart count as nothing', () => {
  const r = quality.rates(sample(0), sample(2000, { bytesIn: 250_000, packetsIn: 90, lostIn: 10 }));
  assert.equal(r.kbitIn, 1000);
  assert.equal(r.lossIn, 0.1);
  assert.equal(quality.rates(sample(0, { bytesIn: 5000 }), sample(1000)).kbitIn, 0);
});

test('the worst measure makes the score', () => {
  const good = { kbitIn: 0, kbitOut: 0, lossIn: 0, lossOut: 0, rtt: 20, jitter: 5, frozen: 0 };
  assert.equal(quality.score(good), 4);
  assert.equal(quality.score({ ...good, lossIn: 0.03 }), 3);
  assert.equal(quality.score({ ...good, rtt: 500 }), 2);
  assert.equal(quality.score({ ...good, frozen: 0.9, rtt: 5000 }), 1);
});

test('bars move one at a time and do not flicker', () => {
  let q = { shown: 4, run: 0 };
  for (const now of [1, 4, 1, 4, 1, 4]) q = quality.smooth(q, now);
  assert.equal(q.shown, 4);
  for (const now of [1, 1, 1, 1]) q = quality.smooth(q, now);
  assert.equal(q.shown, 2);
  assert.equal(quality.smooth(q, 0).shown, 0);
});

test('the copied report holds no address', () => {
  const text = quality.withoutAddresses('local 192.168.1.20:9 remote [2001:db8::1]:443 mdns 3fa85f64-5717-4562-b3fc-2c963f66afa6.local rtt 12 ms at 10:20');
  assert.ok(!/192|2001|db8|3fa85/.test(text), text);
  assert.ok(text.includes('12 ms'));
});

const stroke = (key, more = {}) => ({ key, repeat: false, ctrlKey: false, altKey: false, metaKey: false, typing: false, onControl: false, dialog: false, ...more });

test('letters act, but never while somebody types, with modifiers, in a dialog, or when switched off', () => {
  assert.equal(command(stroke('m'), 'down', true), 'mic');
  assert.equal(command(stroke('M'), 'down', true), 'mic');
  for (const more of [{ typing: true }, { ctrlKey: true }, { metaKey: true }, { altKey: true }, { dialog: true }, { repeat: true }]) assert.equal(command(stroke('m', more), 'down', true), null);
  assert.equal(command(stroke('m'), 'down', false), null);
  assert.equal(command(stroke('m'), 'up', true), null);
  assert.equal(command(stroke('constructor'), 'down', true), null);
});

test('Space belongs to the button that has the focus, and talks elsewhere', () => {
  assert.equal(command(stroke(' ', { onControl: true }), 'down', true), null);
  assert.equal(command(stroke(' '), 'down', true), 'talk');
  assert.equal(command(stroke(' '), 'up', true), 'talk_end');
  assert.equal(command(stroke('ArrowRight', { onControl: true }), 'down', true), null);
});

test('each shortcut on the sheet does what the sheet says', () => {
  const key = { '←': 'ArrowLeft', '→': 'ArrowRight', Space: ' ' };
  for (const s of SHORTCUTS) assert.equal(command(stroke(key[s.keys] ?? s.keys), 'down', true), s.command);
});

test('a meeting is found in whatever people paste, with its fragment', () => {
  const id = 'k7qm-2f9x-w3dj-8hrt';
  for (const text of [id, 'K7QM 2F9X W3DJ 8HRT', 'k7qm2f9xw3dj8hrt', `https://meet.example.org/m/${id}`, ` https://meet.example.org/m/${id}/?x=1 `]) assert.deepEqual(parseMeeting(text), { id, fragment: '' });
  assert.deepEqual(parseMeeting('KOI1 abcd efgh jkmn')?.id, 'k011-abcd-efgh-jkmn', 'what looks alike is read alike');
  assert.deepEqual(parseMeeting(`https://meet.example.org/m/${id}#k=AbC_-9`), { id, fragment: '#k=AbC_-9' });
  for (const text of ['', 'hello', 'k7qm-2f9x-w3dj', 'k7qm-2f9x-w3dj-8hru', 'https://evil.example/k7qm']) assert.equal(parseMeeting(text), null);
});

test('links in chat are http only, show where they go, and end where the sentence does', () => {
  assert.deepEqual(linkify('see https://a.example/x.'), [{ text: 'see ' }, { text: 'https://a.example/x', href: 'https://a.example/x' }, { text: '.' }]);
  assert.deepEqual(linkify('(https://a.example/(x))').map((p) => p.text), ['(', 'https://a.example/(x)', ')']);
  for (const text of [`${'javascript'}:alert(1)`, 'data:text/html,x', 'https://bank.example@evil.example/', 'file:///etc', 'https://']) assert.ok(linkify(text).every((p) => !p.href), text);
  const tricky = '<img src=x onerror=alert(1)> https://a.example/<b>';
  assert.equal(linkify(tricky).map((p) => p.text).join(''), tricky, 'no character is lost');
});

test('names: initials, and what may not be in them', () => {
  assert.equal(initials('Ana Lind'), 'AL');
  assert.equal(initials('  '), '?');
  assert.equal(initials('👩‍🔬 Curie'), '👩C');
  assert.equal(nameProblem(''), 'empty');
  assert.equal(nameProblem('a'.repeat(65)), 'long');
  assert.equal(nameProblem('a\u202eb'), 'characters');
  assert.equal(nameProblem('Zoë O’Neil 🌱'), null);
  for (let p = 0; p < 1000; p++) assert.ok(hue(p) >= 0 && hue(p) < HUES);
});

test('search finds without accents and case', () => {
  assert.ok(found('zoe', 'Zoë'));
  assert.ok(found('', 'anybody'));
  assert.ok(!found('ben', 'Ana'));
});

test('clocks', () => {
  assert.equal(clock(425), '7:05');
  assert.equal(clock(4025), '1:07:05');
  assert.equal(clock(-3), '0:00');
});

test('a thousand people cost as many rows as fit', () => {
  for (const top of [0, 1000, 55_000, 999_999, -50]) {
    const r = visibleRows(1000, 56, top, 600);
    assert.ok(r.to - r.from <= 24 && r.from >= 0 && r.to <= 1000);
    assert.equal(r.total, 56_000);
  }
  assert.deepEqual(visibleRows(0, 56, 0, 600), { from: 0, to: 0, before: 0, total: 0 });
});

test('encodings nobody wants are off, and come back', () => {
  const off = withActive(camera(), ['q']);
  assert.deepEqual(off.encodings.map((e) => e.active), [true, false, false]);
  assert.ok(off.changed);
  assert.ok(!withActive(off.encodings, ['q']).changed);
  assert.deepEqual(withActive(off.encodings, ['q', 'h', 'f']).encodings.map((e) => e.active), [true, true, true]);
  assert.equal(withActive([{}], []).encodings[0].active, false);
  assert.equal(withActive([{}], ['']).encodings[0].active, true);
});

test('the calendar file is RFC 5545: escaped, folded, CRLF, the link whole', () => {
  const link = `https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt#k=${'x'.repeat(43)}`;
  const ics = invitation({ link, title: 'A; b, c\\d\nBEGIN:VEVENT', start: new Date('2026-11-21T20:30:00.5Z'), end: new Date('2026-11-21T22:30:00Z') });
  for (const line of ics.split('\r\n')) assert.ok(new TextEncoder().encode(line).length <= 75, line);
  assert.equal(ics.match(/^BEGIN:VEVENT/gm).length, 1, 'no line can be smuggled in');
  const unfolded = ics.replaceAll('\r\n ', '');
  assert.ok(unfolded.includes(`URL:${link}\r\n`));
  assert.ok(unfolded.includes('DTSTART:20261121T203000Z'));
  assert.ok(!/UID:.*k=/.test(unfolded), 'the fragment is in the link only');
});

test('QR codes have their finder patterns, hold any link, and refuse what they cannot', () => {
  for (const text of ['x', 'https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt', `https://meet.example.org/m/k7qm-2f9x-w3dj-8hrt#k=${'A'.repeat(43)}`, 'y'.repeat(213)]) {
    const code = qr(text);
    for (const [x, y] of [[0, 0], [code.size - 7, 0], [0, code.size - 7]]) {
      for (let i = 0; i < 7; i++) assert.ok(code.dark(x + i, y) && code.dark(x, y + i) && code.dark(x + i, y + 6));
      assert.ok(!code.dark(x + 1, y + 1) && code.dark(x + 3, y + 3));
    }
  }
  assert.equal(qr('z'.repeat(300)), null);
});
