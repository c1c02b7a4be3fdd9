import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { base64url, hex, unhex } from '../js/e2ee/bytes.js';
import { address, prove } from '../js/rooms/proof.js';
import { again } from '../js/rooms/wait.js';
import { make, ownerOf, path, read, write } from '../js/rooms/room.js';
import { erase, find, keep, kept, over } from '../js/rooms/store.js';

const file = new URL('../../meeting/testdata/rooms.json', import.meta.url);
/** @type {{addresses: any[], proofs: any[]}} */
const cases = JSON.parse(readFileSync(file, 'utf8'));

/** @param {string} seed hex @returns {Promise<CryptoKey>} RFC 8410 §7: a PKCS #8 frame around the seed */
const privateKey = (seed) =>
  crypto.subtle.importKey('pkcs8', unhex(`302e020100300506032b657004220420${seed}`), { name: 'Ed25519' }, false, [
    'sign',
  ]);

test('addresses are those that the server computes', async () => {
  assert.ok(cases.addresses.length >= 5);
  for (const c of cases.addresses) assert.equal(await address(unhex(c.key), unhex(c.nonce)), c.address);
});

test('a proof is the one that the server takes, and none of those that it refuses', async () => {
  for (const c of cases.proofs) {
    const mine = hex(await prove(await privateKey(c.seed), c.host, unhex(c.nonce), unhex(c.challenge)));
    assert.equal(mine === c.proof, c.accepted, c.what);
  }
});

test('rooms have nothing in common, and their links stay the same', async () => {
  const [one, other] = await Promise.all([make({}, 'Weekly'), make({}, 'Weekly')]);
  for (const field of /** @type {const} */ (['id', 'owner', 'nonce', 'k'])) {
    assert.notDeepEqual(one[field], other[field], field);
  }
  assert.match(await path(one), /^\/m\/(?:[0-9a-z]{4}-){3}[0-9a-z]{4}#k=[\w-]{43}&c=[\w-]{22}&l=1$/);
  assert.equal(await path(one), await path({ ...one }));
  assert.equal(await path(await make({ e2ee: false }, 'Plain')).then((p) => p.includes('#')), false);
});

test('a one-time meeting leaves no key that could be read out, and none once it is over', async () => {
  const once = await make({}, '');
  assert.equal(once.key.extractable, false);
  await keep(once);
  assert.deepEqual(await kept(), []);
  assert.equal((await find(once.id))?.id, once.id);
  await over(once.id);
  assert.equal(await find(once.id), null);
  await keep({ ...once, until: Date.now() - 1 });
  assert.equal(await find(once.id), null);
  await erase(once.id);
});

test('a file opens the same address with the same link elsewhere', async () => {
  const room = await make({ title: 'Weekly', lobby: false, password: 'correct horse' }, 'Weekly');
  const text = await write([room]);
  assert.equal(await read(text), 1);
  const [back] = await kept();
  assert.equal(await path(back), await path(room));
  assert.deepEqual(back.wish, room.wish);
  assert.deepEqual(back.owner, room.owner);
  const { ikPublic } = await ownerOf(back);
  assert.deepEqual(ikPublic, room.owner);
  const asked = crypto.getRandomValues(new Uint8Array(32));
  assert.deepEqual(await prove(back.key, 'x', back.nonce, asked), await prove(room.key, 'x', room.nonce, asked));
  await over(back.id); // a meeting's end erases no room
  assert.equal((await kept()).length, 1);
  await erase(back.id);
  assert.deepEqual(await kept(), []);
});

test('nothing is taken of a file that holds anything else', async () => {
  const { rooms } = JSON.parse(await write([await make({}, 'Weekly')]));
  const bad = [
    '',
    '[]',
    '{}',
    JSON.stringify({ conclave_rooms: 2, rooms }),
    JSON.stringify({ conclave_rooms: 1, rooms: [...rooms, {}] }),
    JSON.stringify({ conclave_rooms: 1, rooms: [{ ...rooms[0], name: '' }] }),
    JSON.stringify({ conclave_rooms: 1, rooms: [{ ...rooms[0], nonce: 'AAAA' }] }),
    JSON.stringify({ conclave_rooms: 1, rooms: [{ ...rooms[0], k: base64url(new Uint8Array(31)) }] }),
    JSON.stringify({ conclave_rooms: 1, rooms: [{ ...rooms[0], key: 'AAAA' }] }),
    JSON.stringify({ conclave_rooms: 1, rooms: Array(201).fill(rooms[0]) }),
  ];
  for (const text of bad) await assert.rejects(read(text), text.slice(0, 60));
  assert.deepEqual(await kept(), []);
  const odd = [{ ...rooms[0], wish: { lobby: 'no', title: 'Weekly', room: 1 } }];
  await read(JSON.stringify({ conclave_rooms: 1, rooms: odd }));
  const [room] = await kept();
  assert.deepEqual(room.wish, { title: 'Weekly' });
  await erase(room.id);
});

test('who waits asks again later each time, as the server says, and never all at once', () => {
  assert.deepEqual(
    [1, 2, 3, 10].map((n) => again(n, 0, 0)),
    [1000, 2000, 4000, 15_000],
  );
  assert.equal(again(1, 20, 0), 20_000);
  assert.equal(again(1, 0, 1), 1500);
});
