// e2ee/mls/testdata: what Go and JavaScript must refuse alike, and what not. Go makes these files.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, unhex } from '../../js/e2ee/bytes.js';
import { MlsError } from '../../js/e2ee/mls/errors.js';
import { Group } from '../../js/e2ee/mls/group.js';
import { readKeyPackageMessage } from '../../js/e2ee/mls/keypackage.js';
import { signatureKeyFrom, strictKey, verifyStrict } from '../../js/e2ee/mls/signing.js';
import { pairFrom, usable } from '../../js/e2ee/mls/x25519.js';
import { find } from '../../../tests/unit/mls/member.js';

const read = (/** @type {string} */ name) =>
  JSON.parse(readFileSync(new URL(`../../../e2ee/mls/testdata/${name}.json`, import.meta.url), 'utf8'));

test('keys and signatures: the same are refused as in Go', async () => {
  const { ed25519Signatures, ed25519Keys, x25519Keys } = read('strict-ed25519');
  assert.ok(ed25519Signatures.length > 10 && ed25519Keys.length > 10 && x25519Keys.length > 10);
  for (const { name, publicKey, message, signature, valid } of ed25519Signatures) {
    assert.equal(await verifyStrict(unhex(publicKey), unhex(message), unhex(signature)), valid, name);
  }
  for (const { name, publicKey, valid } of ed25519Keys) assert.equal(strictKey(unhex(publicKey)), valid, name);
  for (const { name, publicKey, valid } of x25519Keys) assert.equal(usable(unhex(publicKey)), valid, name);
});

/** @param {any} data @param {string} welcome @returns {Promise<Group>} */
async function joined(data, welcome) {
  const keyPackage = readKeyPackageMessage(unhex(data.keyPackage));
  const own = {
    keyPackage,
    message: unhex(data.keyPackage),
    initKey: await pairFrom(unhex(data.initPriv)),
    leafKey: await pairFrom(unhex(data.encryptionPriv)),
  };
  const signatureKey = await signatureKeyFrom(unhex(data.signaturePriv), keyPackage.leaf.signatureKey);
  const psk = find([{ id: unhex(data.psk.id), psk: unhex(data.psk.psk) }]);
  return Group.join({ welcome: unhex(welcome), own, signatureKey, psk, policy: {} });
}

/** How Go names a check, and what it may be called here: the two do not check in the same order. */
const NAMES = {
  malformed: ['decode'],
  framing: ['decode', 'epoch', 'membership', 'signature', 'policy', 'generation', 'usage'],
  unsupported: ['policy'],
  'unknown proposal': ['proposals'],
  proposal: ['proposals'],
  'parent hash': ['parent-hash'],
  welcome: ['welcome', 'decrypt', 'path'],
  open: ['decrypt'],
  signature: ['signature', 'tree'],
  tree: ['tree', 'decode', 'parent-hash'],
};

/** @param {any} c a case @param {Promise<any>} attempt @param {boolean} [commit] whether members have to agree */
async function expect({ name, refused, public: everyone }, attempt, commit = false) {
  const error = await attempt.then(
    () => null,
    (e) => e,
  );
  if (refused === '') return assert.ok(!error, `${name}: ${error}`);
  assert.ok(error instanceof MlsError, `${name}: ${error?.stack ?? 'not refused'}`);
  assert.ok((NAMES[refused] ?? [refused]).includes(error.check), `${name}: ${refused}, but ${error.message}`);
  return commit && assert.equal(error.public, everyone, `${name}: ${error.message}`);
}

test('handshakes, Welcomes and messages: the same are refused as in Go, and the same are public', async () => {
  const data = read('refused');
  const psk = find([{ id: unhex(data.psk.id), psk: unhex(data.psk.psk) }]);
  const base = await joined(data, data.welcome);
  assert.equal(hex(base.authenticator), data.authenticator);
  for (const c of data.handshakes) {
    const group = await joined(data, data.welcome);
    for (const proposal of c.proposals ?? []) group.keep(await group.open(unhex(proposal)));
    const process = async () => {
      const received = await group.open(unhex(c.message));
      return received.kind === 'commit' ? group.apply(received, psk) : group.keep(received);
    };
    await expect(c, process(), true);
    assert.equal(hex(group.authenticator), data.authenticator);
  }
  for (const c of data.welcomes) await expect(c, joined(data, c.message));
  for (const c of data.application) {
    const group = await joined(data, data.welcome);
    await expect(c, group.open(unhex(c.message)));
  }
});
