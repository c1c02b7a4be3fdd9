// Leaves and key packages of one's own (RFC 9420 §7.2 and §10).
/** @import {Bytes} from '../bytes.js' */
/** @import {Capabilities, Credential, Extension, KeyPackage, LeafNode} from './types.js' */
/** @import {SignatureKey} from './signing.js' */
/** @import {KeyPair} from './x25519.js' */
import { equal } from '../bytes.js';
import { fail, must } from './errors.js';
import { refHash } from './labels.js';
import { WIRE, decodeMessage, encodeMessage, keyPackageToSign, signedKeyPackage } from './messages.js';
import { FROM, MLS10, SUITE, leafToSign, signedLeaf } from './nodes.js';
import { NONE } from './primitives.js';
import { signWithLabel } from './signing.js';
import { newPair } from './x25519.js';

/** @typedef {{credential: Credential, capabilities: Capabilities, extensions: Extension[]}} LeafData what a leaf says */

/**
 * @typedef {object} OwnKeyPackage a key package and what it needs to join: used once
 * @property {KeyPackage} keyPackage @property {Bytes} message it as an MLSMessage, to be sent
 * @property {KeyPair} initKey @property {KeyPair} leafKey
 */

/** The lifetime of all leaves: from the beginning of time to its end, because clocks differ. */
const ALWAYS = { notBefore: 0n, notAfter: 0xffffffffffffffffn };

/**
 * makeLeaf signs a leaf for a key package, or for a new group.
 * @param {LeafData} data @param {Bytes} encryptionKey @param {SignatureKey} key @returns {Promise<LeafNode>}
 */
export async function makeLeaf({ credential, capabilities, extensions }, encryptionKey, key) {
  const source = FROM.keyPackage;
  const { publicKey: signatureKey } = key;
  const leaf = { encryptionKey, signatureKey, credential, capabilities, source, lifetime: ALWAYS, extensions };
  return signedLeaf(leaf, await signWithLabel(key, 'LeafNodeTBS', leafToSign(leaf, NONE, 0)));
}

/**
 * commitLeaf signs the leaf that a path puts in place of the old one.
 * @param {LeafNode} old @param {{encryptionKey: Bytes, parentHash: Bytes, extensions?: Extension[]}} change
 * @param {Bytes} groupId @param {number} index @param {SignatureKey} key @returns {Promise<LeafNode>}
 */
export async function commitLeaf(old, { encryptionKey, parentHash, extensions }, groupId, index, key) {
  const { signatureKey, credential, capabilities } = old;
  const same = { signatureKey, credential, capabilities, extensions: extensions ?? old.extensions };
  const leaf = { ...same, encryptionKey, parentHash, source: FROM.commit };
  return signedLeaf(leaf, await signWithLabel(key, 'LeafNodeTBS', leafToSign(leaf, groupId, index)));
}

/**
 * newKeyPackage makes a key package with new HPKE keys.
 * @param {LeafData} data @param {SignatureKey} key
 * @param {(initKey: Bytes) => Extension[]|Promise<Extension[]>} [extensions] of the key package, which may depend on
 *   its init key
 * @returns {Promise<OwnKeyPackage>}
 */
export async function newKeyPackage(data, key, extensions = () => []) {
  const [initKey, leafKey] = await Promise.all([newPair(), newPair()]);
  const leaf = await makeLeaf(data, leafKey.publicKey, key);
  const more = await extensions(initKey.publicKey);
  const unsigned = { version: MLS10, suite: SUITE, initKey: initKey.publicKey, leaf, extensions: more };
  const signature = await signWithLabel(key, 'KeyPackageTBS', keyPackageToSign(unsigned));
  const keyPackage = signedKeyPackage(unsigned, signature);
  return { keyPackage, message: encodeMessage({ wireFormat: WIRE.keyPackage, message: keyPackage }), initKey, leafKey };
}

/** @param {Bytes} message an MLSMessage @returns {KeyPackage} throws MlsError 'decode' */
export function readKeyPackageMessage(message) {
  const m = decodeMessage(message);
  return m.wireFormat === WIRE.keyPackage ? m.message : fail('decode', 'not a key package');
}

/** @param {KeyPackage} keyPackage @returns {Promise<Bytes>} what a Welcome names it by (RFC 9420 §5.2) */
export const keyPackageRef = (keyPackage) => refHash('MLS 1.0 KeyPackage Reference', keyPackage.encoded);

/** @param {OwnKeyPackage} own throws MlsError 'welcome' unless the keys are those of the package */
export function mustOwn({ keyPackage, initKey, leafKey }) {
  must(equal(keyPackage.initKey, initKey.publicKey), 'welcome', 'another init key');
  must(equal(keyPackage.leaf.encryptionKey, leafKey.publicKey), 'welcome', 'another leaf key');
}
