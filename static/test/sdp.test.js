import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constantAudio, portsOf, stripAddresses, keepCodecs } from '../js/core/sdp.js';

test('no address of this device leaves in an offer', () => {
  const sdp = [
    'v=0',
    'o=- 1 2 IN IP4 192.168.1.7',
    's=-',
    'c=IN IP6 fd00::7',
    'm=audio 54321 UDP/TLS/RTP/SAVPF 111',
    'c=IN IP4 203.0.113.9',
    'a=rtcp:54322 IN IP4 203.0.113.9',
    'a=candidate:1 1 udp 2122260223 192.168.1.7 54321 typ host',
    'a=end-of-candidates',
    'm=video 0 UDP/TLS/RTP/SAVPF 96',
    'a=mid:1',
    '',
  ].join('\r\n');
  const out = stripAddresses(sdp);
  assert.ok(!/192\.168|203\.0|fd00|54321|54322|candidate/.test(out), out);
  assert.ok(out.includes('m=audio 9 ') && out.includes('m=video 0 '), 'a bundle-only m-line keeps port 0');
  assert.ok(out.endsWith('a=mid:1\r\n'));
});

test('the offer keeps to Opus, and VP8, VP9 and AV1 with RTX, the one to send first', () => {
  const codecs = ['video/VP9', 'video/rtx', 'video/VP8', 'video/AV1', 'audio/opus', 'audio/red'].map((mimeType) => ({
    mimeType,
  }));
  assert.deepEqual(
    keepCodecs(codecs, 'video').map((c) => c.mimeType),
    ['video/VP8', 'video/VP9', 'video/AV1', 'video/rtx'],
  );
  assert.deepEqual(
    keepCodecs(codecs, 'video', 'av1').map((c) => c.mimeType),
    ['video/AV1', 'video/VP8', 'video/VP9', 'video/rtx'],
  );
  assert.deepEqual(
    keepCodecs(codecs, 'audio').map((c) => c.mimeType),
    ['audio/opus'],
  );
});

test('private audio is as large in silence as in speech', () => {
  const answer =
    'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;usedtx=1;useinbandfec=1\r\n' +
    'a=rtpmap:96 VP8/90000\r\na=fmtp:97 apt=96\r\n';
  assert.equal(
    constantAudio(answer),
    answer.replace('minptime=10;usedtx=1;useinbandfec=1', 'minptime=10;useinbandfec=1;cbr=1;usedtx=0'),
  );
});

test('the ports an answer offers are counted', () => {
  assert.deepEqual(
    portsOf(
      'a=candidate:1 1 udp 1 192.0.2.1 443 typ host\r\na=candidate:1 2 udp 1 192.0.2.1 443 typ host\r\n' +
        'a=candidate:2 1 tcp 1 2001:db8::1 443 typ host tcptype passive\r\n',
    ),
    [443],
  );
  assert.deepEqual(
    portsOf('a=candidate:1 1 udp 1 a 8443 typ host\r\na=candidate:1 1 tcp 1 a 443 typ host\r\n'),
    [443, 8443],
  );
});
