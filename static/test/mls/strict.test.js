// Keys and signatures that a platform would accept for more than one message or spelling are refused before it is
// asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, unhex, utf8 } from '../../js/e2ee/bytes.js';
import { newSignatureKey, strictKey, verifyStrict } from '../../js/e2ee/mls/signing.js';
import { agree, newPair, usable } from '../../js/e2ee/mls/x25519.js';

/** @param {bigint} n @returns {Uint8Array} 32 bytes, little-endian */
const little = (n) => Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn));
/** @param {Uint8Array} bytes @returns {bigint} */
const number = (bytes) => bytes.reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const SIGN = 1n << 255n;
/** The y of the points of small order. */
const SMALL = [
  0n,
  1n,
  P - 1n,
  number(unhex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')),
  number(unhex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')),
];

async function signed(message) {
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { publicKey, signature: new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, message)) };
}

test('a genuine signature is accepted, and no other', async () => {
  const message = utf8('a message');
  const { publicKey, signature } = await signed(message);
  assert.ok(await verifyStrict(publicKey, message, signature));
  assert.ok(!(await verifyStrict(publicKey, utf8('another'), signature)));
  assert.ok(!(await verifyStrict((await newSignatureKey()).publicKey, message, signature)));
  for (let i = 0; i < 64; i += 7) {
    const wrong = signature.slice();
    wrong[i] ^= 1;
    assert.ok(!(await verifyStrict(publicKey, message, wrong)));
  }
  for (const n of [0, 32, 63, 65]) {
    assert.ok(!(await verifyStrict(publicKey, message, concat(signature, signature).slice(0, n))));
  }
});

test('a public key of small order or in a second spelling is refused', async () => {
  const trick = concat(little(1n), new Uint8Array(32)); // R = the neutral element, S = 0
  const platform = await crypto.subtle.importKey('raw', little(1n), { name: 'Ed25519' }, false, ['verify']);
  const fits = await crypto.subtle.verify('Ed25519', platform, trick, utf8('any message'));
  assert.ok(fits, 'the platform accepts one signature for all messages, which is why keys are examined first');
  for (const y of SMALL) {
    for (const sign of [0n, SIGN]) {
      assert.ok(!strictKey(little(y | sign)), String(y));
      assert.ok(!(await verifyStrict(little(y | sign), utf8('any message'), trick)));
    }
  }
  for (let k = 0n; k < 19n; k++) {
    assert.ok(!strictKey(little(P + k)));
    assert.ok(!strictKey(little((P + k) | SIGN)));
  }
  assert.ok(!strictKey(new Uint8Array(31)));
  assert.ok(strictKey(little(3n)), 'whether it is on the curve is for the platform to say');
});

test('R of small order or in a second spelling, and S of L or more, are refused', async () => {
  const message = utf8('a message');
  const { publicKey, signature } = await signed(message);
  const s = number(signature.subarray(32));
  for (const second of [s + L, L, L + 1n, 2n ** 256n - 1n]) {
    assert.ok(!(await verifyStrict(publicKey, message, concat(signature.subarray(0, 32), little(second)))));
  }
  for (const y of [...SMALL, P, P + 1n, P + 18n]) {
    for (const sign of [0n, SIGN]) {
      assert.ok(!(await verifyStrict(publicKey, message, concat(little(y | sign), signature.subarray(32)))));
    }
  }
});

/** @param {bigint} u @returns {boolean} whether eight times the point is the neutral element (RFC 7748 §5) */
function neutralAfterEight(u) {
  let [x, z] = [u, 1n];
  for (let i = 0; i < 3; i++) {
    const [aa, bb] = [(x + z) ** 2n % P, (x - z) ** 2n % P];
    const e = (aa - bb + P) % P;
    [x, z] = [(aa * bb) % P, (e * (bb + 121666n * e)) % P];
  }
  return z === 0n;
}

test('X25519 keys of small order or in a second spelling are refused, and so is a secret of zeros', async () => {
  const { privateKey, publicKey } = await newPair();
  assert.ok(usable(publicKey));
  const low = [
    0n,
    1n,
    P - 1n,
    number(unhex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')),
    number(unhex('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157')),
  ];
  for (const u of low) {
    assert.ok(neutralAfterEight(u), 'of small order');
    assert.ok(!usable(little(u)));
    await assert.rejects(agree(privateKey, little(u)), { check: 'key' });
  }
  for (const u of [P, P + 1n, P + 18n, 9n | SIGN]) assert.ok(!usable(little(u)));
  assert.ok(!usable(publicKey.subarray(1)));
});
