// How the messages of RFC 9420 are written and read: proposals, commits, key packages, Welcome, GroupInfo, framing.
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {Sealed} from './hpke.js' */
/** @import {Reader, Writer} from './codec.js' */
import { decode, encode, oneOf } from './codec.js';
import { fail, must } from './errors.js';
import { MAX_APPLICATION, MAX_HANDSHAKE, MAX_LEAVES, MAX_PROPOSALS, MAX_PSKS, MAX_WELCOME } from './limits.js';
import { MLS10, SUITE, readExtensions, readLeaf, writeExtensions } from './nodes.js';

/** Kinds of content (RFC 9420 §6). */
export const APPLICATION = /** @type {const} */ (1);
export const PROPOSAL = /** @type {const} */ (2);
export const COMMIT = /** @type {const} */ (3);
/** Kinds of senders (RFC 9420 §6). */
export const SENDER = /** @type {const} */ ({ member: 1, external: 2, newMemberProposal: 3, newMemberCommit: 4 });
/** Types of proposals (RFC 9420 §17.4). */
export const KIND = /** @type {const} */ ({
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reinit: 5,
  externalInit: 6,
  extensions: 7,
});
/** Wire formats (RFC 9420 §17.2). */
export const WIRE = /** @type {const} */ ({ public: 1, private: 2, welcome: 3, groupInfo: 4, keyPackage: 5 });

/** Parents above a leaf of the largest tree. */
const MAX_DEPTH = Math.log2(MAX_LEAVES);

/** @param {Writer} w @param {Sealed} sealed */
const writeSealed = (w, sealed) => w.vec(sealed.enc).vec(sealed.ciphertext);

/** @param {Reader} r @returns {Sealed} */
const readSealed = (r) => ({ enc: r.vec(), ciphertext: r.vec() });

/** @typedef {Omit<T.KeyPackage, 'signature'|'encoded'>} UnsignedKeyPackage */

/** @param {UnsignedKeyPackage} k @returns {Bytes} KeyPackageTBS of RFC 9420 §10 */
export const keyPackageToSign = (k) =>
  encode((w) => {
    w.u16(k.version).u16(k.suite).vec(k.initKey).raw(k.leaf.encoded);
    writeExtensions(w, k.extensions);
  });

/** @param {UnsignedKeyPackage} unsigned @param {Bytes} signature @returns {T.KeyPackage} */
export const signedKeyPackage = (unsigned, signature) => ({
  ...unsigned,
  signature,
  encoded: encode((w) => w.raw(keyPackageToSign(unsigned)).vec(signature)),
});

/** @param {Reader} reader @returns {T.KeyPackage} */
export function readKeyPackage(reader) {
  const { value, bytes } = reader.with((r) => ({
    version: r.u16(),
    suite: r.u16(),
    initKey: r.vec(),
    leaf: readLeaf(r),
    extensions: readExtensions(r),
    signature: r.vec(),
  }));
  return { ...value, encoded: bytes };
}

/** @param {Writer} w @param {T.PskId} id */
export function writePskId(w, id) {
  w.u8(id.type);
  if (id.type === 1) w.vec(id.id);
  else w.u8(id.usage).vec(id.groupId).u64(id.epoch);
  w.vec(id.nonce);
}

/** @param {Reader} r @returns {T.PskId} */
function readPskId(r) {
  if (oneOf(r.u8(), [1, 2], 'psk type') === 1) return { type: 1, id: r.vec(), nonce: r.vec() };
  return { type: 2, usage: oneOf(r.u8(), [1, 2, 3], 'psk usage'), groupId: r.vec(), epoch: r.u64(), nonce: r.vec() };
}

/** @param {Writer} w @param {T.Proposal} p */
export function writeProposal(w, p) {
  w.u16(p.type);
  switch (p.type) {
    case KIND.add:
      w.raw(p.keyPackage.encoded);
      break;
    case KIND.update:
      w.raw(p.leaf.encoded);
      break;
    case KIND.remove:
      w.u32(p.removed);
      break;
    case KIND.psk:
      writePskId(w, p.psk);
      break;
    case KIND.reinit:
      w.vec(p.groupId).u16(p.version).u16(p.suite);
      writeExtensions(w, p.extensions);
      break;
    case KIND.externalInit:
      w.vec(p.kemOutput);
      break;
    case KIND.extensions:
      writeExtensions(w, p.extensions);
      break;
    default:
      fail('usage', 'unknown proposal');
  }
}

/** @param {Reader} r @returns {T.Proposal} */
export function readProposal(r) {
  const type = r.u16();
  switch (type) {
    case KIND.add:
      return { type, keyPackage: readKeyPackage(r) };
    case KIND.update:
      return { type, leaf: readLeaf(r) };
    case KIND.remove:
      return { type, removed: r.u32() };
    case KIND.psk:
      return { type, psk: readPskId(r) };
    case KIND.reinit:
      return { type, groupId: r.vec(), version: r.u16(), suite: r.u16(), extensions: readExtensions(r) };
    case KIND.externalInit:
      return { type, kemOutput: r.vec() };
    case KIND.extensions:
      return { type, extensions: readExtensions(r) };
    default:
      return fail('decode', `unknown proposal type ${type}`);
  }
}

/** @param {Writer} w @param {T.UpdatePath} path */
export function writePath(w, path) {
  w.raw(path.leaf.encoded);
  w.list(path.nodes, (inner, node) => inner.vec(node.encryptionKey).list(node.encrypted, writeSealed));
}

/** @param {Reader} r @returns {T.UpdatePath} */
export const readPath = (r) => ({
  leaf: readLeaf(r),
  nodes: r.list(MAX_DEPTH, (inner) => ({ encryptionKey: inner.vec(), encrypted: inner.list(MAX_LEAVES, readSealed) })),
});

/** @param {Writer} w @param {T.Commit} commit */
export function writeCommit(w, commit) {
  w.list(commit.proposals, (inner, item) => {
    if ('proposal' in item) writeProposal(inner.u8(1), item.proposal);
    else inner.u8(2).vec(item.reference);
  });
  w.optional(commit.path, writePath);
}

/** @param {Reader} r @returns {T.Commit} */
export const readCommit = (r) => ({
  proposals: r.list(MAX_PROPOSALS, (inner) =>
    oneOf(inner.u8(), [1, 2], 'proposal or reference') === 1
      ? { proposal: readProposal(inner) }
      : { reference: inner.vec() },
  ),
  path: r.optional(readPath),
});

/** @param {Writer} w @param {T.Sender} sender */
function writeSender(w, sender) {
  w.u8(sender.type);
  if (sender.type === SENDER.member) w.u32(sender.leaf);
  if (sender.type === SENDER.external) w.u32(sender.index);
}

/** @param {Reader} r @returns {T.Sender} */
function readSender(r) {
  const type = oneOf(r.u8(), [1, 2, 3, 4], 'sender type');
  if (type === SENDER.member) return { type, leaf: r.u32() };
  if (type === SENDER.external) return { type, index: r.u32() };
  return { type: /** @type {3|4} */ (type) };
}

/** @param {Reader} r @returns {1|2|3} */
const readContentType = (r) => /** @type {1|2|3} */ (oneOf(r.u8(), [APPLICATION, PROPOSAL, COMMIT], 'content type'));

/** @param {Writer} w @param {T.FramedContent} c what is framed, without its type */
export function writeBody(w, c) {
  if (c.application) w.vec(c.application);
  else if (c.proposal) writeProposal(w, c.proposal);
  else if (c.commit) writeCommit(w, c.commit);
}

/** @param {Reader} r @param {1|2|3} type @returns {Pick<T.FramedContent, 'application'|'proposal'|'commit'>} */
export function readBody(r, type) {
  if (type === APPLICATION) return { application: r.vec() };
  return type === PROPOSAL ? { proposal: readProposal(r) } : { commit: readCommit(r) };
}

/** @param {Writer} w @param {T.FramedContent} c */
export function writeContent(w, c) {
  w.vec(c.groupId).u64(c.epoch);
  writeSender(w, c.sender);
  w.vec(c.authenticatedData).u8(c.contentType);
  writeBody(w, c);
}

/** @param {Reader} r @returns {T.FramedContent} */
function readContent(r) {
  const head = { groupId: r.vec(), epoch: r.u64(), sender: readSender(r), authenticatedData: r.vec() };
  const contentType = readContentType(r);
  return { ...head, contentType, ...readBody(r, contentType) };
}

/** @param {Writer} w @param {T.ContentAuth} auth */
export function writeAuth(w, auth) {
  w.vec(auth.signature);
  if (auth.confirmationTag) w.vec(auth.confirmationTag);
}

/** @param {Reader} r @param {number} contentType @returns {T.ContentAuth} */
export const readAuth = (r, contentType) => ({
  signature: r.vec(),
  confirmationTag: contentType === COMMIT ? r.vec() : null,
});

/** @param {Bytes} bytes @returns {T.AuthenticatedContent} as the vectors hold it */
export const readAuthenticated = (bytes) =>
  decode(bytes, (r) => {
    const wireFormat = /** @type {1|2} */ (oneOf(r.u16(), [1, 2], 'wire format'));
    const content = readContent(r);
    return { wireFormat, content, auth: readAuth(r, content.contentType) };
  });

/** @param {Reader} r @returns {T.PublicMessage} */
function readPublic(r) {
  const content = readContent(r);
  const auth = readAuth(r, content.contentType);
  return { content, auth, membershipTag: content.sender.type === SENDER.member ? r.vec() : null };
}

/** @param {Writer} w @param {T.PublicMessage} m */
function writePublic(w, m) {
  writeContent(w, m.content);
  writeAuth(w, m.auth);
  if (m.membershipTag) w.vec(m.membershipTag);
}

/** @param {Reader} r @returns {T.PrivateMessage} */
function readPrivate(r) {
  const size = r.left;
  const head = { groupId: r.vec(), epoch: r.u64(), contentType: readContentType(r), authenticatedData: r.vec() };
  must(head.contentType !== APPLICATION || size <= MAX_APPLICATION, 'decode', 'longer than any application message');
  return { ...head, senderData: r.vec(), ciphertext: r.vec() };
}

/** @param {Writer} w @param {T.PrivateMessage} m */
function writePrivate(w, m) {
  w.vec(m.groupId).u64(m.epoch).u8(m.contentType).vec(m.authenticatedData).vec(m.senderData).vec(m.ciphertext);
}

/** @param {Writer} w @param {T.GroupContext} c */
export function writeContext(w, c) {
  w.u16(c.version).u16(c.suite).vec(c.groupId).u64(c.epoch).vec(c.treeHash).vec(c.confirmedTranscriptHash);
  writeExtensions(w, c.extensions);
}

/** @param {Reader} r @returns {T.GroupContext} */
export const readContext = (r) => ({
  version: r.u16(),
  suite: r.u16(),
  groupId: r.vec(),
  epoch: r.u64(),
  treeHash: r.vec(),
  confirmedTranscriptHash: r.vec(),
  extensions: readExtensions(r),
});

/** @param {Omit<T.GroupInfo, 'signature'>} info @returns {Bytes} GroupInfoTBS of RFC 9420 §12.4.3 */
export const groupInfoToSign = (info) =>
  encode((w) => {
    writeContext(w, info.context);
    writeExtensions(w, info.extensions);
    w.vec(info.confirmationTag).u32(info.signer);
  });

/** @param {Writer} w @param {T.GroupInfo} info */
export const writeGroupInfo = (w, info) => w.raw(groupInfoToSign(info)).vec(info.signature);

/** @param {Reader} r @returns {T.GroupInfo} */
export const readGroupInfo = (r) => ({
  context: readContext(r),
  extensions: readExtensions(r),
  confirmationTag: r.vec(),
  signer: r.u32(),
  signature: r.vec(),
});

/** @param {Writer} w @param {T.GroupSecrets} s */
export function writeGroupSecrets(w, s) {
  w.vec(s.joinerSecret);
  w.optional(s.pathSecret, (inner, secret) => inner.vec(secret));
  w.list(s.psks, writePskId);
}

/** @param {Reader} r @returns {T.GroupSecrets} */
export const readGroupSecrets = (r) => ({
  joinerSecret: r.vec(),
  pathSecret: r.optional((inner) => inner.vec()),
  psks: r.list(MAX_PSKS, readPskId),
});

/** @param {Writer} w @param {T.Welcome} welcome */
function writeWelcome(w, welcome) {
  w.u16(welcome.suite);
  w.list(welcome.secrets, (inner, s) => writeSealed(inner.vec(s.keyPackageRef), s.encrypted));
  w.vec(welcome.encryptedGroupInfo);
}

/** @param {Reader} r @returns {T.Welcome} */
const readWelcome = (r) => ({
  suite: r.u16(),
  secrets: r.list(MAX_LEAVES, (inner) => ({ keyPackageRef: inner.vec(), encrypted: readSealed(inner) })),
  encryptedGroupInfo: r.vec(),
});

/** @param {T.MlsMessage} m @returns {Bytes} */
export const encodeMessage = (m) =>
  encode((w) => {
    w.u16(MLS10).u16(m.wireFormat);
    if (m.wireFormat === WIRE.public) writePublic(w, m.message);
    else if (m.wireFormat === WIRE.private) writePrivate(w, m.message);
    else if (m.wireFormat === WIRE.welcome) writeWelcome(w, m.message);
    else if (m.wireFormat === WIRE.groupInfo) writeGroupInfo(w, m.message);
    else w.raw(m.message.encoded);
  });

/** @param {Bytes} bytes @returns {T.MlsMessage} throws MlsError 'decode' */
export function decodeMessage(bytes) {
  must(bytes.length <= MAX_WELCOME, 'decode', 'longer than any message');
  return decode(bytes, (r) => {
    must(r.u16() === MLS10, 'decode', 'another version of MLS');
    const wireFormat = r.u16();
    switch (wireFormat) {
      case WIRE.public:
        must(bytes.length <= MAX_HANDSHAKE, 'decode', 'longer than any handshake message');
        return { wireFormat, message: readPublic(r) };
      case WIRE.private:
        must(bytes.length <= MAX_HANDSHAKE, 'decode', 'longer than any message of a member');
        return { wireFormat, message: readPrivate(r) };
      case WIRE.welcome:
        return { wireFormat, message: readWelcome(r) };
      case WIRE.groupInfo:
        return { wireFormat, message: readGroupInfo(r) };
      case WIRE.keyPackage:
        return { wireFormat, message: readKeyPackage(r) };
      default:
        return fail('decode', `unknown wire format ${wireFormat}`);
    }
  });
}

/** @param {T.KeyPackage|T.Welcome} m @returns {asserts m} */
export function mustBeOurSuite(m) {
  must(m.suite === SUITE, 'decode', 'another cipher suite');
}
