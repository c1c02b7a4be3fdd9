import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAYS, answerTo, toAllow, verdict, waysOf } from '../js/core/paths.js';

const check = {
  expires_in_s: 60,
  ice_ufrag: 'echo/AAAA',
  ice_pwd: '2vY0wqOq0q7mVtYp9o6bqQ1c',
  fingerprint: 'sha-256 4A:AD',
  candidates: [
    'candidate:1 1 udp 2130706431 203.0.113.7 443 typ host',
    'candidate:2 1 UDP 2130706430 2001:db8::7 443 typ host',
    'candidate:101 1 tcp 1671430143 203.0.113.7 8443 typ host tcptype passive',
  ],
  ice_servers: [
    {
      urls: [
        'turns:meet.example.org:443?transport=tcp',
        'turn:meet.example.org:443?transport=tcp',
        'turn:a?transport=udp',
      ],
      username: 'u',
      credential: 'c',
    },
  ],
};

test('each way is tried alone: its own candidates, or its own address of the relay', () => {
  const ways = waysOf(check);
  assert.deepEqual([...ways.keys()], [...WAYS]);
  assert.equal(ways.get('udp')?.candidates.length, 2);
  assert.deepEqual(ways.get('tcp'), { candidates: [check.candidates[2]], servers: [] });
  assert.deepEqual(ways.get('turn')?.servers, [
    { urls: ['turn:meet.example.org:443?transport=tcp'], username: 'u', credential: 'c' },
  ]);
  assert.deepEqual(ways.get('turns')?.servers[0].urls, ['turns:meet.example.org:443?transport=tcp']);
  assert.deepEqual(ways.get('turns')?.candidates, check.candidates.slice(0, 2));
});

test('what the server does not offer is no way', () => {
  const bare = { ...check, candidates: check.candidates.slice(0, 1), ice_servers: [] };
  assert.deepEqual([...waysOf(bare).keys()], ['udp']);
  assert.deepEqual([...waysOf({ ...check, candidates: ['nonsense'] }).keys()], ['turn', 'turns']);
});

test('the answer names the server’s credentials, the offer’s m-line, and the candidates of the way', () => {
  const answer = answerTo('v=0\r\nm=application 9 x\r\na=mid:data\r\n', check, check.candidates.slice(2));
  for (const line of [
    'a=group:BUNDLE data',
    'a=mid:data',
    'a=ice-ufrag:echo/AAAA',
    'a=setup:active',
    'a=candidate:101 1 tcp 1671430143 203.0.113.7 8443 typ host tcptype passive',
  ]) {
    assert.ok(answer.includes(`\r\n${line}\r\n`), line);
  }
  assert.ok(!answer.includes(' udp '));
});

test('one way that works is enough', () => {
  const worked = (/** @type {Record<string, boolean>} */ of) =>
    verdict(/** @type {any} */ (new Map(Object.entries(of))));
  assert.equal(worked({ udp: true, tcp: false }), 'best');
  assert.equal(worked({ udp: false, tcp: false, turns: true }), 'detour');
  assert.equal(worked({ udp: false, tcp: false }), 'blocked');
  assert.equal(worked({}), 'blocked');
});

test('the administrator is told each port and address once', () => {
  assert.deepEqual(toAllow(check), { ports: [443, 8443], addresses: ['203.0.113.7', '2001:db8::7'] });
});
