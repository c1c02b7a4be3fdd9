// The MLS working group's test vectors for cipher suite 1: all of them, none sampled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equal, hex, unhex } from '../../js/e2ee/bytes.js';
import { Reader, decode, encode } from '../../js/e2ee/mls/codec.js';
import { checkMembership, checkSignature, confirmedHash, interimHash } from '../../js/e2ee/mls/framing.js';
import { membershipTag, openPrivate, sealPrivate, signContent } from '../../js/e2ee/mls/framing.js';
import { Group } from '../../js/e2ee/mls/group.js';
import { checkGroupInfo } from '../../js/e2ee/mls/groupinfo.js';
import { deriveKeyPair } from '../../js/e2ee/mls/hpke.js';
import { keyPackageRef, readKeyPackageMessage } from '../../js/e2ee/mls/keypackage.js';
import { decryptWithLabel, deriveSecret, deriveTreeSecret, encryptWithLabel } from '../../js/e2ee/mls/labels.js';
import { expandWithLabel, refHash } from '../../js/e2ee/mls/labels.js';
import * as m from '../../js/e2ee/mls/messages.js';
import { mac, open } from '../../js/e2ee/mls/primitives.js';
import { changeTree } from '../../js/e2ee/mls/proposals.js';
import { RatchetTree } from '../../js/e2ee/mls/ratchettree.js';
import * as schedule from '../../js/e2ee/mls/schedule.js';
import { SecretTree } from '../../js/e2ee/mls/secrettree.js';
import { signWithLabel, signatureKeyFrom, verifyWithLabel } from '../../js/e2ee/mls/signing.js';
import { applyPath, freshPath, keysAbove, openPath, sealPath } from '../../js/e2ee/mls/treekem.js';
import { commitLeaf } from '../../js/e2ee/mls/keypackage.js';
import * as math from '../../js/e2ee/mls/treemath.js';
import { checkTree } from '../../js/e2ee/mls/validate.js';
import { pairFrom } from '../../js/e2ee/mls/x25519.js';
import { encodeContext } from '../../js/e2ee/mls/state.js';
import { missing, vectors } from '../../../tests/unit/mls/data.js';

/** @param {string} file @param {(v: any) => void|Promise<void>} check */
const each = (file, check) =>
  test(`test vectors: ${file}`, { skip: missing }, async () => {
    const all = vectors(file);
    assert.ok(all.length > 0);
    for (const [i, v] of all.entries()) {
      await Promise.resolve(check(v)).catch((error) => {
        error.message = `${file} ${i}: ${error.message}`;
        throw error;
      });
    }
  });

const NO_POLICY = { updates: true, resumption: true, privateHandshakes: true };

/** @param {Uint8Array} got @param {string} want @param {string} [what] */
const same = (got, want, what) => assert.equal(hex(got), want, what);

/** @param {string} bytes @param {(r: Reader) => any} read @param {(w: any, value: any) => void} write */
function roundTrip(bytes, read, write) {
  const value = decode(unhex(bytes), read);
  same(
    encode((w) => write(w, value)),
    bytes,
  );
  return value;
}

/** Keys that no node of the test needs: where the vectors give a seed without its public key. */
const signer = (seed, publicKey) => signatureKeyFrom(unhex(seed), publicKey);

each('tree-math', (v) => {
  const n = v.n_leaves;
  assert.equal(math.nodeCount(n), v.n_nodes);
  assert.equal(math.rootOf(n), v.root);
  for (let i = 0; i < v.n_nodes; i++) {
    assert.equal(math.isLeaf(i) ? null : math.left(i), v.left[i]);
    assert.equal(math.isLeaf(i) ? null : math.right(i), v.right[i]);
    assert.equal(i === v.root ? null : math.parent(i), v.parent[i]);
    assert.equal(i === v.root ? null : math.sibling(i), v.sibling[i]);
  }
});

each('deserialization', (v) => {
  const r = new Reader(unhex(v.vlbytes_header));
  assert.equal(r.length(), v.length);
  r.end();
});

each('crypto-basics', async (v) => {
  const { ref_hash: ref, expand_with_label: x, derive_secret: d, derive_tree_secret: t } = v;
  same(await refHash(ref.label, unhex(ref.value)), ref.out);
  same(await expandWithLabel(unhex(x.secret), x.label, unhex(x.context), x.length), x.out);
  same(await deriveSecret(unhex(d.secret), d.label), d.out);
  same(await deriveTreeSecret(unhex(t.secret), t.label, t.generation, t.length), t.out);
  const { sign_with_label: s, encrypt_with_label: e } = v;
  assert.ok(await verifyWithLabel(unhex(s.pub), s.label, unhex(s.content), unhex(s.signature)));
  const made = await signWithLabel(await signer(s.priv, unhex(s.pub)), s.label, unhex(s.content));
  assert.ok(await verifyWithLabel(unhex(s.pub), s.label, unhex(s.content), made));
  const keys = await pairFrom(unhex(e.priv));
  same(keys.publicKey, e.pub);
  const sealed = { enc: unhex(e.kem_output), ciphertext: unhex(e.ciphertext) };
  same(await decryptWithLabel(keys, e.label, unhex(e.context), sealed), e.plaintext);
  const again = await encryptWithLabel(unhex(e.pub), e.label, unhex(e.context), unhex(e.plaintext));
  same(await decryptWithLabel(keys, e.label, unhex(e.context), again), e.plaintext);
});

each('secret-tree', async (v) => {
  const { sender_data: s } = v;
  const sample = unhex(s.ciphertext).subarray(0, 32);
  same(await expandWithLabel(unhex(s.sender_data_secret), 'key', sample, 16), s.key);
  same(await expandWithLabel(unhex(s.sender_data_secret), 'nonce', sample, 12), s.nonce);
  const tree = new SecretTree(v.leaves.length, unhex(v.encryption_secret));
  for (const [leaf, generations] of v.leaves.entries()) {
    for (const g of generations) {
      for (const kind of /** @type {const} */ (['handshake', 'application'])) {
        const { key, nonce, used } = await tree.find(leaf, kind, g.generation);
        same(key, g[`${kind}_key`]);
        same(nonce, g[`${kind}_nonce`]);
        used();
        await assert.rejects(tree.find(leaf, kind, g.generation), { check: 'generation' }, 'a key is used once');
      }
    }
  }
});

each('key-schedule', async (v) => {
  let init = unhex(v.initial_init_secret);
  let confirmed = '';
  for (const e of v.epochs) {
    const context = roundTrip(e.group_context, m.readContext, m.writeContext);
    same(context.groupId, v.group_id);
    same(context.treeHash, e.tree_hash);
    same(context.confirmedTranscriptHash, e.confirmed_transcript_hash);
    assert.notEqual(confirmed, e.confirmed_transcript_hash);
    confirmed = e.confirmed_transcript_hash;
    const joiner = await schedule.joinerSecret(init, unhex(e.commit_secret), unhex(e.group_context));
    same(joiner, e.joiner_secret);
    same(await schedule.welcomeSecret(joiner, unhex(e.psk_secret)), e.welcome_secret);
    const s = await schedule.epochSecrets(joiner, unhex(e.psk_secret), unhex(e.group_context));
    same(s.init, e.init_secret);
    same(s.senderData, e.sender_data_secret);
    same(s.encryption, e.encryption_secret);
    same(s.exporter, e.exporter_secret);
    same(s.authenticator, e.epoch_authenticator);
    same(s.external, e.external_secret);
    same(s.confirmation, e.confirmation_key);
    same(s.membership, e.membership_key);
    same(s.resumption, e.resumption_psk);
    same((await deriveKeyPair(s.external)).publicKey, e.external_pub);
    const x = e.exporter;
    same(await schedule.exportSecret(s.exporter, x.label, unhex(x.context), x.length), x.secret);
    init = s.init;
  }
});

each('psk_secret', async (v) => {
  const psks = v.psks.map((p) => ({
    id: { type: 1, id: unhex(p.psk_id), nonce: unhex(p.psk_nonce) },
    psk: unhex(p.psk),
  }));
  same(await schedule.pskSecret(psks), v.psk_secret);
});

each('transcript-hashes', async (v) => {
  const { wireFormat, content, auth } = m.readAuthenticated(unhex(v.authenticated_content));
  const before = unhex(v.interim_transcript_hash_before);
  const confirmed = await confirmedHash(before, wireFormat, content, auth.signature);
  same(confirmed, v.confirmed_transcript_hash_after);
  same(await mac(unhex(v.confirmation_key), confirmed), hex(auth.confirmationTag));
  same(await interimHash(confirmed, auth.confirmationTag), v.interim_transcript_hash_after);
});

each('message-protection', async (v) => {
  const context = encodeContext({
    version: 1,
    suite: 1,
    groupId: unhex(v.group_id),
    epoch: BigInt(v.epoch),
    treeHash: unhex(v.tree_hash),
    confirmedTranscriptHash: unhex(v.confirmed_transcript_hash),
    extensions: [],
  });
  const secrets = { senderData: unhex(v.sender_data_secret), membership: unhex(v.membership_key) };
  const publicKey = unhex(v.signature_pub);
  const key = await signer(v.signature_priv, publicKey);
  const ratchets = () => new SecretTree(2, unhex(v.encryption_secret));
  const body = (/** @type {any} */ content) => hex(encode((w) => m.writeBody(w, content)));
  const inner = (/** @type {string} */ kind) =>
    kind === 'application' ? hex(encode((w) => w.vec(unhex(v[kind])))) : v[kind];

  for (const kind of ['proposal', 'commit', 'application']) {
    const outer = m.decodeMessage(unhex(v[`${kind}_priv`]));
    const { message, used } = await openPrivate(outer.message, secrets, ratchets());
    used();
    await checkSignature(message, context, publicKey);
    assert.equal(body(message.content), inner(kind));
    // Ours is opened, too.
    const { content, auth } = message;
    const signed = { ...auth, signature: await signContent(2, content, context, key) };
    const ours = await sealPrivate(content, signed, secrets, ratchets(), 7);
    const back = await openPrivate(ours, secrets, ratchets());
    await checkSignature(back.message, context, publicKey);
    assert.equal(body(back.message.content), inner(kind));
  }
  for (const kind of ['proposal', 'commit']) {
    const { message } = m.decodeMessage(unhex(v[`${kind}_pub`]));
    await checkMembership(message, context, secrets.membership);
    await checkSignature({ wireFormat: 1, ...message }, context, publicKey);
    assert.equal(body(message.content), v[kind]);
    const auth = { ...message.auth, signature: await signContent(1, message.content, context, key) };
    const tag = await membershipTag(message.content, auth, context, secrets.membership);
    const ours = { content: message.content, auth, membershipTag: tag };
    const again = m.decodeMessage(m.encodeMessage({ wireFormat: 1, message: ours })).message;
    await checkMembership(again, context, secrets.membership);
    await checkSignature({ wireFormat: 1, ...again }, context, publicKey);
  }
});

each('messages', (v) => {
  for (const name of [
    'mls_welcome',
    'mls_group_info',
    'mls_key_package',
    'public_message_application',
    'public_message_proposal',
    'public_message_commit',
    'private_message',
  ]) {
    same(m.encodeMessage(m.decodeMessage(unhex(v[name]))), v[name], name);
  }
  same(RatchetTree.decode(unhex(v.ratchet_tree)).encode(), v.ratchet_tree);
  roundTrip(v.group_secrets, m.readGroupSecrets, m.writeGroupSecrets);
  roundTrip(v.commit, m.readCommit, m.writeCommit);
  const types = {
    add: 1,
    update: 2,
    remove: 3,
    pre_shared_key: 4,
    re_init: 5,
    external_init: 6,
    group_context_extensions: 7,
  };
  for (const [name, type] of Object.entries(types)) {
    const full = type.toString(16).padStart(4, '0') + v[`${name}_proposal`];
    assert.equal(roundTrip(full, m.readProposal, m.writeProposal).type, type);
  }
});

each('tree-operations', async (v) => {
  const before = RatchetTree.decode(unhex(v.tree_before));
  same(await before.hash(), v.tree_hash_before);
  const proposal = decode(unhex(v.proposal), m.readProposal);
  const { tree } = changeTree(before.clone(), [
    { proposal, sender: { type: 1, leaf: v.proposal_sender }, reference: null },
  ]);
  same(tree.encode(), v.tree_after);
  same(await tree.hash(), v.tree_hash_after);
  same(await before.hash(), v.tree_hash_before, 'the tree before stays as it was');
});

each('tree-validation', async (v) => {
  const tree = RatchetTree.decode(unhex(v.tree));
  for (let i = 0; i < v.resolutions.length; i++) {
    assert.deepEqual(tree.resolution(i), v.resolutions[i]);
    same(await tree.hash(i), v.tree_hashes[i]);
  }
  await checkTree(tree, unhex(v.group_id), [], await tree.hash());
});

each('treekem', async (v) => {
  const groupId = unhex(v.group_id);
  const contextOf = async (tree) =>
    encodeContext({
      version: 1,
      suite: 1,
      groupId,
      epoch: BigInt(v.epoch),
      treeHash: await tree.hash(),
      extensions: [],
      confirmedTranscriptHash: unhex(v.confirmed_transcript_hash),
    });
  const before = RatchetTree.decode(unhex(v.ratchet_tree));
  const members = new Map();
  for (const p of v.leaves_private) {
    let keys = new Map([[2 * p.index, await pairFrom(unhex(p.encryption_priv))]]);
    for (const { node, path_secret: secret } of p.path_secrets) {
      keys = (await keysAbove(before, keys, [{ node, copath: 0 }], unhex(secret))).own;
    }
    members.set(p.index, { keys, key: await signer(p.signature_priv, before.member(p.index).signatureKey) });
  }
  const none = new Set();
  for (const u of v.update_paths) {
    const path = roundTrip(u.update_path, m.readPath, m.writePath);
    const tree = before.clone();
    const steps = await applyPath(tree, u.sender, path, none);
    same(await tree.hash(), u.tree_hash_after);
    for (const [leaf, { keys }] of members) {
      if (leaf === u.sender) continue;
      const opened = await openPath(tree, leaf, keys, steps, path.nodes, none, await contextOf(tree));
      same(opened.secret, u.path_secrets[leaf]);
      same(opened.commit, u.commit_secret);
    }
    // A path of ours from the same leaf.
    const ours = before.clone();
    const { key } = members.get(u.sender);
    const encryptionKey = (await pairFrom(new Uint8Array(32).fill(7))).publicKey;
    const fresh = await freshPath(ours, u.sender, (parentHash) =>
      commitLeaf(before.member(u.sender), { encryptionKey, parentHash }, groupId, u.sender, key),
    );
    const context = await contextOf(ours);
    const sealed = await sealPath(ours, fresh, none, context);
    const theirs = before.clone();
    const way = await applyPath(theirs, u.sender, sealed, none);
    await checkTree(theirs, groupId, [], await ours.hash());
    for (const [leaf, { keys }] of members) {
      if (leaf === u.sender) continue;
      const opened = await openPath(theirs, leaf, keys, way, sealed.nodes, none, context);
      assert.ok(equal(opened.commit, fresh.commit));
    }
  }
});

each('welcome', async (v) => {
  const keyPackage = readKeyPackageMessage(unhex(v.key_package));
  const { message: welcome } = m.decodeMessage(unhex(v.welcome));
  const reference = await keyPackageRef(keyPackage);
  const mine = welcome.secrets.find((s) => equal(s.keyPackageRef, reference));
  const keys = await pairFrom(unhex(v.init_priv));
  const secrets = decode(
    await decryptWithLabel(keys, 'Welcome', welcome.encryptedGroupInfo, mine.encrypted),
    m.readGroupSecrets,
  );
  const none = new Uint8Array(32);
  const [key, nonce] = await schedule.welcomeKey(await schedule.welcomeSecret(secrets.joinerSecret, none));
  const info = decode(await open(key, nonce, new Uint8Array(0), welcome.encryptedGroupInfo), m.readGroupInfo);
  await checkGroupInfo(info, unhex(v.signer_pub));
  const s = await schedule.epochSecrets(secrets.joinerSecret, none, encodeContext(info.context));
  same(await mac(s.confirmation, info.context.confirmedTranscriptHash), hex(info.confirmationTag));
});

/** A member that only listens, as the vectors describe it. */
async function passive(v) {
  const known = new Map(v.external_psks.map((p) => [p.psk_id, unhex(p.psk)]));
  const psk = (/** @type {any} */ id) => (id.type === 1 ? known.get(hex(id.id)) : null);
  const keyPackage = readKeyPackageMessage(unhex(v.key_package));
  const own = {
    keyPackage,
    message: unhex(v.key_package),
    initKey: await pairFrom(unhex(v.init_priv)),
    leafKey: await pairFrom(unhex(v.encryption_priv)),
  };
  const signatureKey = await signer(v.signature_priv, keyPackage.leaf.signatureKey);
  const ratchetTree = v.ratchet_tree ? unhex(v.ratchet_tree) : undefined;
  let group = await Group.join({ welcome: unhex(v.welcome), own, signatureKey, psk, ratchetTree, policy: NO_POLICY });
  same(group.authenticator, v.initial_epoch_authenticator);
  for (const [i, e] of v.epochs.entries()) {
    for (const proposal of e.proposals) group.keep(await group.open(unhex(proposal)));
    const old = group;
    ({ group } = await group.apply(await group.open(unhex(e.commit)), psk));
    same(group.authenticator, e.epoch_authenticator, `epoch ${i}`);
    old.wipe();
  }
}

each('passive-client-welcome', passive);
each('passive-client-handling-commit', passive);
each('passive-client-random', passive);
