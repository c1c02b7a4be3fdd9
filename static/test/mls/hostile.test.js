// What a hostile member or server may send: each is refused by the check that is there for it, and changes nothing.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { concat, equal, hex, random, utf8 } from '../../js/e2ee/bytes.js';
import { decode, encode } from '../../js/e2ee/mls/codec.js';
import { MlsError } from '../../js/e2ee/mls/errors.js';
import { membershipTag, signContent } from '../../js/e2ee/mls/framing.js';
import { readGroupInfoMessage } from '../../js/e2ee/mls/groupinfo.js';
import { openFrom, sealTo } from '../../js/e2ee/mls/hpke.js';
import { newKeyPackage } from '../../js/e2ee/mls/keypackage.js';
import * as m from '../../js/e2ee/mls/messages.js';
import { parentNode } from '../../js/e2ee/mls/nodes.js';
import { RatchetTree } from '../../js/e2ee/mls/ratchettree.js';
import { newSignatureKey } from '../../js/e2ee/mls/signing.js';
import { checkTree } from '../../js/e2ee/mls/validate.js';
import { newPair } from '../../js/e2ee/mls/x25519.js';
import { Member, add, find, leafData, remove, replace, usePsk } from '../../../tests/unit/mls/member.js';

const PSK = { id: utf8('root'), psk: random(32) };

/** @type {Member} */
let a;
/** @type {Member} */
let b;
/** @type {Member} */
let c;

/** @param {number} n @param {object} [policy] @returns {Promise<Member[]>} a group whose tree has keys everywhere */
async function groupOf(n, policy) {
  const members = Array.from({ length: n }, () => new Member(policy));
  await members[0].create(utf8('0'), random(16));
  const adds = [];
  for (const member of members.slice(1)) adds.push(await member.keyPackage(utf8('m')));
  const { welcomes } = await members[0].commit({ adds, path: true });
  members[0].confirm();
  for (const [i, member] of members.slice(1).entries()) await member.join(welcomes[i]);
  for (const member of members) {
    const { commit } = await member.commit({ path: true });
    for (const other of members) if (other !== member) await other.process(commit);
    member.confirm();
  }
  return members;
}

before(async () => {
  [a, b, c] = await groupOf(3);
});

/** @param {Promise<any>} promise @param {string} check @param {string} [why] */
const refused = (promise, check, why) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof MlsError, `${error}`);
    assert.equal(error.check, check, `${why ?? ''} ${error.message}`);
    return true;
  });

/** Takes a PublicMessage apart, changes it, and puts it together with the signature and tag that a member can make. */
async function forged(from, message, change, { sign = true, tag = true } = {}) {
  const state = stateOf.get(from.group);
  const { message: p } = m.decodeMessage(message);
  change(p);
  if (sign) p.auth.signature = await signContent(1, p.content, state.encodedContext, state.signatureKey);
  if (p.content.sender.type !== 1) p.membershipTag = null;
  else if (tag) {
    p.membershipTag = await membershipTag(p.content, p.auth, state.encodedContext, state.secrets.membership);
  }
  return m.encodeMessage({ wireFormat: 1, message: p });
}

/** What a policy is shown is the state, secrets and all: so that a test can do what a hostile member can. */
const stateOf = new WeakMap();
async function spy(member, policy) {
  policy.commit = (_list, _committer, _data, state) => void stateOf.set(member.group, state);
  await member.commit({ path: true });
  member.discard();
  policy.commit = undefined;
}

test('a message of another epoch, group, sender or content is refused', async () => {
  const policy = {};
  const [x, y] = await groupOf(2, policy);
  await spy(x, policy);
  const { commit } = await x.commit({ path: true });
  const make = (change, how) => forged(x, commit, change, how);
  const open = async (change, how) => y.group.open(await make(change, how));
  await refused(
    open((p) => (p.content.epoch += 1n)),
    'epoch',
  );
  await refused(
    open((p) => (p.content.groupId = random(16))),
    'epoch',
  );
  await refused(
    open((p) => (p.content.sender = { type: 1, leaf: 1 })),
    'signature',
  );
  await refused(
    open((p) => (p.content.sender = { type: 1, leaf: 7 })),
    'membership',
  );
  await refused(
    open((p) => (p.content.sender = { type: 2, index: 0 })),
    'decode',
  );
  await refused(
    open((p) => (p.content.sender = { type: 4 })),
    'policy',
  );
  await refused(
    open((p) => (p.content.authenticatedData = utf8('x')), { sign: false, tag: false }),
    'membership',
  );
  await refused(
    open((p) => (p.content.authenticatedData = utf8('x')), { sign: false }),
    'signature',
  );
  await refused(
    open((p) => (p.membershipTag[0] ^= 1), { tag: false }),
    'membership',
  );
  await refused(
    open((p) => (p.auth.signature[3] ^= 1), { sign: false }),
    'signature',
  );
  await refused(y.group.open(concat(commit, Uint8Array.of(0))), 'decode');
});

test('a commit with another tree, path, tag or list of proposals is refused, and says whether all see it', async () => {
  const policy = {};
  const [x, y, z] = await groupOf(3, policy);
  await spy(x, policy);
  const { commit } = await x.commit({ path: true });
  const apply = async (change, check, everyone) => {
    const message = await forged(x, commit, change);
    for (const other of [y, z]) {
      const authenticator = hex(other.group.authenticator);
      await assert.rejects(other.process(message), (error) => {
        assert.equal(error.check, check, error.message);
        assert.equal(error.public, everyone);
        return true;
      });
      assert.equal(hex(other.group.authenticator), authenticator);
    }
  };
  const path = (p) => p.content.commit.path;
  await apply((p) => (p.content.commit.path = null), 'proposals', true);
  await apply((p) => path(p).nodes.pop(), 'tree', true);
  await apply((p) => path(p).nodes[0].encrypted.push(path(p).nodes[0].encrypted[0]), 'tree', true);
  await apply((p) => (path(p).nodes[0].encryptionKey = new Uint8Array(32)), 'tree', true);
  await apply((p) => (path(p).nodes[0].encryptionKey = path(p).leaf.encryptionKey), 'parent-hash', true);
  await apply((p) => (p.auth.confirmationTag = random(32)), 'confirmation', true);
  await apply((p) => p.content.commit.proposals.push({ proposal: { type: 3, removed: 0 } }), 'proposals', true);
  await apply((p) => p.content.commit.proposals.push({ proposal: { type: 3, removed: 9 } }), 'proposals', true);
  await apply((p) => p.content.commit.proposals.push({ reference: random(32) }), 'proposals', true);
  await apply((p) => p.content.commit.proposals.push({ proposal: usePsk(PSK.id) }), 'psk', false);
  const twice = { proposal: { type: 3, removed: 2 } };
  await apply((p) => p.content.commit.proposals.push(twice, twice), 'proposals', true);
  const extensions = { proposal: replace([]) };
  await apply((p) => p.content.commit.proposals.push(extensions, extensions), 'proposals', true);
  for (const type of [
    { type: 5, groupId: random(8), version: 1, suite: 1, extensions: [] },
    { type: 6, kemOutput: random(32) },
  ]) {
    await apply((p) => p.content.commit.proposals.push({ proposal: type }), 'policy', true);
  }
  await apply((p) => p.content.commit.proposals.push({ proposal: { type: 2, leaf: path(p).leaf } }), 'policy', true);
  for (const other of [y, z]) await other.process(commit);
  x.confirm();
  assert.equal(hex(x.group.authenticator), hex(z.group.authenticator), 'after all that, the genuine one is applied');
});

test('a path that opens for one and not for another: only who cannot open it sees so', async () => {
  const policy = {};
  const [x, y, z] = await groupOf(3, policy);
  await spy(x, policy);
  const { commit } = await x.commit({ path: true });
  const message = await forged(
    x,
    commit,
    (p) => (p.content.commit.path.nodes.at(-1).encrypted[0].ciphertext = random(48)),
  );
  await assert.rejects(z.process(message), { check: 'path', public: false });
  // For the other member the path opens; what differs is the transcript, which the tag does not fit.
  await assert.rejects(y.process(message), { check: 'confirmation', public: true });
});

test('the policy refuses a proposal or a commit, by whoever made it, on both sides', async () => {
  const policy = {};
  const [x, y, z] = await groupOf(3, policy);
  policy.proposal = ({ proposal, sender }) =>
    proposal.type === 3 && sender.leaf !== 0 ? 'only the host removes' : null;
  await refused(y.commit({ removes: [2] }), 'policy');
  const proposal = await y.propose(remove(2));
  for (const other of [x, z]) await other.process(proposal);
  await refused(x.commit({ references: true }), 'policy', 'authority is that of the proposal, not of the commit');
  policy.proposal = undefined;
  const { commit } = await y.commit({ removes: [2] });
  policy.proposal = ({ sender }) => (sender.leaf === 1 ? 'not this member' : undefined);
  await refused(x.process(commit), 'policy');
  policy.proposal = undefined;
  policy.commit = (list, committer, data) => (list.length === 1 && committer === 1 && data.length === 0 ? 'no' : null);
  await refused(x.process(commit), 'policy');
  policy.commit = undefined;
  assert.equal((await z.process(commit)).removed, true);
});

test('a key package that is not its own, fits badly or comes twice is refused', async () => {
  const { message, keyPackage } = await newKeyPackage(leafData(utf8('n')), await newSignatureKey());
  const committing = (bytes) => a.group.commit({ proposals: [add(bytes)], path: false });
  await committing(message);
  for (let i = 4; i < message.length; i += 11) {
    const wrong = message.slice();
    wrong[i] ^= 4;
    await assert.rejects(async () => committing(wrong), MlsError, `byte ${i}`);
  }
  await refused(a.group.commit({ proposals: [add(message), add(message)], path: false }), 'tree');
  const same = { ...(await newKeyPackage(leafData(utf8('n')), { ...(await newSignatureKey()) })) };
  assert.ok(!equal(same.keyPackage.leaf.signatureKey, keyPackage.leaf.signatureKey));
  const poor = leafData(utf8('n'));
  poor.capabilities = { ...poor.capabilities, credentials: [2] };
  await refused(committing((await newKeyPackage(poor, await newSignatureKey())).message), 'tree');
  poor.capabilities = { ...leafData(utf8('n')).capabilities, extensions: [0xf0c1] };
  const both = [
    replace([{ type: 0xf0c0, data: utf8('x') }]),
    add((await newKeyPackage(poor, await newSignatureKey())).message),
  ];
  await refused(a.group.commit({ proposals: both, path: true }), 'tree');
  await refused(a.group.commit({ proposals: [replace([{ type: 0xf0cf, data: utf8('x') }])], path: true }), 'tree');
});

test('without a path a commit may add and use pre-shared keys, and nothing else', async () => {
  await refused(a.group.commit({ proposals: [], path: false }), 'usage');
  await refused(a.group.commit({ proposals: [remove(2)], path: false }), 'usage');
  await refused(a.group.commit({ proposals: [replace([])], path: false }), 'usage');
  await a.group.commit({ proposals: [usePsk(PSK.id)], path: false, psk: find([PSK]) });
  await refused(a.group.commit({ proposals: [usePsk(PSK.id)], path: false }), 'psk');
});

test('who lacks the pre-shared key cannot join, and a Welcome is for one key package', async () => {
  const joiner = new Member();
  const adds = [await joiner.keyPackage(utf8('j'))];
  const { welcomes } = await a.commit({ adds, psks: [PSK], path: false });
  a.discard();
  await refused(joiner.join(welcomes[0], []), 'psk');
  await refused(joiner.join(welcomes[0], [{ ...PSK, psk: random(32) }]), 'decrypt');
  const other = new Member();
  await other.keyPackage(utf8('o'));
  await refused(other.join(welcomes[0], [PSK]), 'welcome');
  await joiner.join(welcomes[0], [PSK]);
});

test('an external sender may remove, once its key is in the group', async () => {
  const server = await newSignatureKey();
  const senders = (w) => w.list([server], (x, s) => x.vec(s.publicKey).u16(1).vec(utf8('server')));
  const policy = {};
  const [x, y, z] = await groupOf(3, policy);
  const outside = async (proposal, member) => {
    const { groupId, epoch } = member.group.context;
    const sender = { type: 2, index: 0 };
    const content = { groupId, epoch, sender, authenticatedData: utf8('7'), contentType: 2, proposal };
    const signature = await signContent(1, content, new Uint8Array(0), server);
    return m.encodeMessage({
      wireFormat: 1,
      message: { content, auth: { signature, confirmationTag: null }, membershipTag: null },
    });
  };
  await refused(x.group.open(await outside(remove(2), x)), 'signature');
  const { commit } = await x.commit({ extensions: [{ type: 5, data: encode(senders) }] });
  for (const other of [y, z]) await other.process(commit);
  x.confirm();
  const message = await outside(remove(2), x);
  for (const member of [x, y, z]) await member.process(message);
  policy.proposal = ({ authenticatedData }) => (authenticatedData.length > 0 ? 'what its message says counts' : null);
  await refused(y.commit({ references: true }), 'policy');
  policy.proposal = ({ sender, authenticatedData }) =>
    sender.type === 2 && hex(authenticatedData) === hex(utf8('7')) ? null : 'not the server';
  const second = await y.commit({ references: true });
  await x.process(second.commit);
  y.confirm();
  assert.equal((await z.process(second.commit)).removed, true);
  assert.equal(hex(x.group.authenticator), hex(y.group.authenticator));
});

test('a key of a message is used once, and one that is not genuine uses up none', async () => {
  const [x, y] = await groupOf(2);
  const messages = [];
  for (let i = 0; i < 6; i++) messages.push(await x.group.seal(utf8(`${i}`)));
  const bad = messages[5].slice();
  bad[bad.length - 1] ^= 1;
  await refused(y.group.open(bad), 'decrypt');
  for (const i of [5, 0, 3, 1]) assert.equal(hex((await y.group.open(messages[i])).data), hex(utf8(`${i}`)));
  for (const i of [5, 3]) await refused(y.group.open(messages[i]), 'generation');
  for (let i = 0; i < 1000; i++) messages[6] = await x.group.seal(utf8('far'));
  assert.equal(hex((await y.group.open(messages[6])).data), hex(utf8('far')), '1,000 ahead');
  await refused(y.group.open(messages[2]), 'generation', 'only the newest skipped keys are kept');
  for (let i = 0; i < 1002; i++) messages[6] = await x.group.seal(utf8('farther'));
  await refused(y.group.open(messages[6]), 'generation', 'too far');
});

test('a group ends with its secrets overwritten', async () => {
  const [x, y] = await groupOf(2);
  const late = await x.group.seal(utf8('late'));
  y.group.retire();
  assert.equal(hex((await y.group.open(late)).data), hex(utf8('late')), 'late messages are still opened');
  y.group.wipe();
  assert.ok(y.group.authenticator.every((byte) => byte === 0));
});

test('GroupInfo and the two modes of HPKE serve those outside', async () => {
  const [x, y] = await groupOf(2);
  assert.equal(hex(await x.group.externalPub()), hex(await y.group.externalPub()));
  const bytes = await x.group.groupInfo();
  const outside = await readGroupInfoMessage(bytes);
  assert.equal(hex(outside.externalPub), hex(await y.group.externalPub()));
  assert.deepEqual([outside.signer, outside.members.length, outside.context.epoch], [0, 2, x.group.epoch]);
  for (let i = 10; i < bytes.length; i += 37) {
    const wrong = bytes.slice();
    wrong[i] ^= 1;
    await assert.rejects(readGroupInfoMessage(wrong), MlsError, `byte ${i}`);
  }
  assert.equal(
    hex(await x.group.exportSecret('SFrame 1.0 Base Key', utf8(''), 16)),
    hex(await y.group.exportSecret('SFrame 1.0 Base Key', utf8(''), 16)),
  );
  const keys = await newPair();
  const psk = { psk: random(32), id: utf8('hpke') };
  const sealed = await sealTo(keys.publicKey, utf8('info'), utf8('aad'), utf8('text'), psk);
  assert.equal(hex(await openFrom(keys, utf8('info'), utf8('aad'), sealed, psk)), hex(utf8('text')));
  await refused(openFrom(keys, utf8('info'), utf8('aad'), sealed), 'decrypt', 'without the psk');
  await refused(openFrom(keys, utf8('info'), utf8('aad'), sealed, { ...psk, psk: random(32) }), 'decrypt');
  await refused(sealTo(new Uint8Array(32), utf8(''), utf8(''), utf8('')), 'key');

  const toAll = await sealTo(outside.externalPub, utf8('info'), utf8('aad'), utf8('for all'), psk);
  for (const { group } of [x, y]) {
    assert.equal(hex(await group.openExternal(utf8('info'), utf8('aad'), toAll, psk)), hex(utf8('for all')));
  }
  const leafKey = outside.members[1].node.encryptionKey;
  const toOne = await sealTo(leafKey, utf8('info'), utf8('aad'), utf8('for one'), psk);
  assert.equal(hex(await y.group.openOwn(utf8('info'), utf8('aad'), toOne, psk)), hex(utf8('for one')));
  await refused(x.group.openOwn(utf8('info'), utf8('aad'), toOne, psk), 'decrypt');
});

test('copath sizes say what a path costs', async () => {
  const [x] = await groupOf(5);
  for (const { leaf, sum, longest } of x.group.copathSizes()) {
    const { message } = m.decodeMessage((await x.commit({ path: true })).commit);
    if (leaf !== x.group.leaf) continue;
    const counts = message.content.commit.path.nodes.map((n) => n.encrypted.length);
    assert.equal(
      sum,
      counts.reduce((p, q) => p + q, 0),
    );
    assert.equal(longest, Math.max(...counts));
  }
  x.discard();
  const founder = new Member();
  await founder.create(utf8('f'), random(16));
  const adds = [];
  for (let i = 0; i < 7; i++) adds.push(await new Member().keyPackage(utf8('j')));
  await founder.commit({ adds, path: false });
  founder.confirm();
  assert.deepEqual(founder.group.copathSizes()[0], { leaf: 0, sum: 7, longest: 4 }, 'a blank tree');
});

/** Seeded, so that a failure can be repeated. */
function noise(seed) {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

test('parsers that are thrown random bytes throw MlsError and nothing else', async () => {
  const { message: keyPackage } = await newKeyPackage(leafData(utf8('n')), await newSignatureKey());
  const joiner = new Member();
  const { commit, welcomes } = await a.commit({ adds: [await joiner.keyPackage(utf8('j'))], path: true });
  a.discard();
  const samples = [
    commit,
    welcomes[0],
    keyPackage,
    await a.group.seal(utf8('x')),
    await a.group.groupInfo(),
    await a.propose(remove(1)),
  ];
  const next = noise(20261130);
  const parsers = [
    m.decodeMessage,
    RatchetTree.decode,
    (x) => decode(x, m.readKeyPackage),
    (x) => decode(x, m.readCommit),
  ];
  let parsed = 0;
  const attempt = (bytes) => {
    for (const parse of parsers) {
      try {
        parse(bytes);
        parsed++;
      } catch (error) {
        assert.ok(error instanceof MlsError, `${error.stack}`);
      }
    }
  };
  for (const sample of samples) for (let n = 0; n < sample.length; n += 3) attempt(sample.slice(0, n));
  for (let i = 0; i < 6000; i++) {
    const bytes = i % 2 ? samples[next() % samples.length].slice() : Uint8Array.from({ length: next() % 300 }, next);
    for (let k = next() % 4; k >= 0; k--) if (bytes.length) bytes[next() % bytes.length] = next();
    attempt(bytes);
  }
  assert.ok(parsed > 0);
  for (let i = 0; i < 150; i++) {
    const bytes = samples[next() % samples.length].slice();
    bytes[next() % bytes.length] ^= 1 << (next() % 8);
    for (const attack of [() => b.group.open(bytes), () => c.process(bytes), () => joiner.join(bytes)]) {
      await attack().then(
        () => assert.ok(samples.length, 'unchanged by chance'),
        (error) => assert.ok(error instanceof MlsError || /^(neither|not in)/.test(error.message), `${error.stack}`),
      );
    }
  }
});

test('a joiner checks the whole tree', async () => {
  const policy = {};
  const [x] = await groupOf(4, policy);
  await spy(x, policy);
  const state = stateOf.get(x.group);
  const tree = state.tree;
  const stranger = (await newPair()).publicKey;
  const check = async (change) => {
    const copy = tree.clone();
    change(copy);
    return checkTree(copy, state.context.groupId, [], await copy.hash());
  };
  await check(() => {});
  await refused(checkTree(tree, state.context.groupId, [], random(32)), 'tree');
  await refused(
    check((t) => t.set(6, t.leaf(0))),
    'tree',
    'a leaf twice',
  );
  await refused(
    check((t) => t.set(0, null)),
    'parent-hash',
    'a member left out',
  );
  await refused(
    check((t) => t.set(3, parentNode(stranger, t.parent(3).parentHash, []))),
    'parent-hash',
  );
  await refused(
    check((t) => t.set(3, parentNode(t.parent(3).encryptionKey, random(32), []))),
    'parent-hash',
  );
  await refused(
    check((t) => t.set(3, parentNode(t.parent(3).encryptionKey, t.parent(3).parentHash, [9]))),
    'tree',
  );
  await refused(
    check((t) => t.set(3, parentNode(t.parent(3).encryptionKey, t.parent(3).parentHash, [0]))),
    'tree',
  );
  await refused(checkTree(tree, random(16), [], await tree.hash()), 'signature', 'leaves of another group');
  await refused(checkTree(tree, state.context.groupId, [{ type: 0xf0cf, data: utf8('') }], await tree.hash()), 'tree');
});
