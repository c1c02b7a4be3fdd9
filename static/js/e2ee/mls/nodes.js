// How the nodes of a tree and what they hold are written and read: leaves, parents, credentials, extensions.
/** @import {Bytes} from '../bytes.js' */
/** @import {Capabilities, Credential, Extension, LeafNode, ParentNode} from './types.js' */
/** @import {Reader, Writer} from './codec.js' */
import { encode, oneOf } from './codec.js';
import { must } from './errors.js';
import { MAX_CERTIFICATES, MAX_EXTENSIONS, MAX_LEAVES, MAX_LISTED } from './limits.js';

export const MLS10 = 1;
export const SUITE = 1;
/** Where a leaf comes from. */
export const FROM = /** @type {const} */ ({ keyPackage: 1, update: 2, commit: 3 });

/** @param {Writer} w @param {Extension[]} extensions */
export function writeExtensions(w, extensions) {
  w.list(extensions, (inner, { type, data }) => inner.u16(type).vec(data));
}

/** @param {Reader} r @returns {Extension[]} at most one of a type */
export function readExtensions(r) {
  const extensions = r.list(MAX_EXTENSIONS, (inner) => ({ type: inner.u16(), data: inner.vec() }));
  must(new Set(extensions.map((x) => x.type)).size === extensions.length, 'decode', 'an extension is there twice');
  return extensions;
}

/** @param {Writer} w @param {number[]} values */
function writeU16s(w, values) {
  w.list(values, (inner, value) => inner.u16(value));
}

/** @param {Reader} r @returns {number[]} */
export const readU16s = (r) => r.list(MAX_LISTED, (inner) => inner.u16());

/** @param {Writer} w @param {Credential} credential */
function writeCredential(w, credential) {
  w.u16(credential.type);
  if (credential.type === 1) w.vec(credential.identity);
  else w.list(credential.certificates, (inner, certificate) => inner.vec(certificate));
}

/** @param {Reader} r @returns {Credential} */
export function readCredential(r) {
  if (oneOf(r.u16(), [1, 2], 'credential type') === 1) return { type: 1, identity: r.vec() };
  return { type: 2, certificates: r.list(MAX_CERTIFICATES, (inner) => inner.vec()) };
}

/** @param {Writer} w @param {Capabilities} c */
function writeCapabilities(w, c) {
  for (const list of [c.versions, c.suites, c.extensions, c.proposals, c.credentials]) writeU16s(w, list);
}

/** @param {Reader} r @returns {Capabilities} */
const readCapabilities = (r) => ({
  versions: readU16s(r),
  suites: readU16s(r),
  extensions: readU16s(r),
  proposals: readU16s(r),
  credentials: readU16s(r),
});

/** @typedef {Omit<LeafNode, 'signature'|'encoded'>} UnsignedLeaf */

/** @param {Writer} w @param {UnsignedLeaf} leaf what its signature covers first */
function writeUnsigned(w, leaf) {
  w.vec(leaf.encryptionKey).vec(leaf.signatureKey);
  writeCredential(w, leaf.credential);
  writeCapabilities(w, leaf.capabilities);
  w.u8(leaf.source);
  if (leaf.lifetime) w.u64(leaf.lifetime.notBefore).u64(leaf.lifetime.notAfter);
  if (leaf.parentHash) w.vec(leaf.parentHash);
  writeExtensions(w, leaf.extensions);
}

/**
 * leafToSign is LeafNodeTBS of RFC 9420 §7.2.
 * @param {UnsignedLeaf} leaf @param {Bytes} groupId @param {number} index not signed in a key package
 * @returns {Bytes}
 */
export const leafToSign = (leaf, groupId, index) =>
  encode((w) => {
    writeUnsigned(w, leaf);
    if (leaf.source !== FROM.keyPackage) w.vec(groupId).u32(index);
  });

/** @param {UnsignedLeaf} unsigned @param {Bytes} signature @returns {LeafNode} */
export function signedLeaf(unsigned, signature) {
  const encoded = encode((w) => {
    writeUnsigned(w, unsigned);
    w.vec(signature);
  });
  return { ...unsigned, signature, encoded };
}

/** @param {Reader} reader @returns {LeafNode} */
export function readLeaf(reader) {
  const { value, bytes } = reader.with((r) => {
    const encryptionKey = r.vec();
    const signatureKey = r.vec();
    const credential = readCredential(r);
    const capabilities = readCapabilities(r);
    const source = /** @type {1|2|3} */ (oneOf(r.u8(), [1, 2, 3], 'leaf node source'));
    const lifetime = source === FROM.keyPackage ? { notBefore: r.u64(), notAfter: r.u64() } : undefined;
    const parentHash = source === FROM.commit ? r.vec() : undefined;
    const extensions = readExtensions(r);
    const signature = r.vec();
    return {
      encryptionKey,
      signatureKey,
      credential,
      capabilities,
      source,
      lifetime,
      parentHash,
      extensions,
      signature,
    };
  });
  return { ...value, encoded: bytes };
}

/**
 * @param {Bytes} encryptionKey @param {Bytes} parentHash @param {number[]} unmerged in order
 * @returns {ParentNode}
 */
export function parentNode(encryptionKey, parentHash, unmerged) {
  const encoded = encode((w) => {
    w.vec(encryptionKey).vec(parentHash);
    w.list(unmerged, (inner, leaf) => inner.u32(leaf));
  });
  return { encryptionKey, parentHash, unmerged, encoded };
}

/** @param {Reader} reader @returns {ParentNode} */
export function readParent(reader) {
  const { value, bytes } = reader.with((r) => {
    const encryptionKey = r.vec();
    const parentHash = r.vec();
    const unmerged = r.list(MAX_LEAVES, (inner) => inner.u32());
    must(
      unmerged.every((leaf, i) => i === 0 || unmerged[i - 1] < leaf),
      'decode',
      'unmerged leaves out of order',
    );
    return { encryptionKey, parentHash, unmerged };
  });
  return { ...value, encoded: bytes };
}
