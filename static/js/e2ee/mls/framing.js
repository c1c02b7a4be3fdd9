// Framing (RFC 9420 §6): how content is signed, made public with a membership tag, or encrypted.
/** @import {Bytes} from '../bytes.js' */
/** @import * as T from './types.js' */
/** @import {EpochSecrets} from './schedule.js' */
/** @import {SecretTree} from './secrettree.js' */
/** @import {SignatureKey} from './signing.js' */
import { equal, random } from '../bytes.js';
import { Reader, decode, encode } from './codec.js';
import { fail, must } from './errors.js';
import { expandWithLabel, refHash } from './labels.js';
import {
  APPLICATION,
  COMMIT,
  SENDER,
  WIRE,
  readAuth,
  readBody,
  writeAuth,
  writeBody,
  writeContent,
} from './messages.js';
import { MLS10 } from './nodes.js';
import { HASH_LENGTH, KEY_LENGTH, NONCE_LENGTH, hash, mac, open, seal, wipe } from './primitives.js';
import { signWithLabel, verifyWithLabel } from './signing.js';

/** @typedef {Pick<EpochSecrets, 'senderData'|'membership'>} FramingSecrets */

/**
 * toSign is FramedContentTBS of RFC 9420 §6.1.
 * @param {1|2} wireFormat @param {T.FramedContent} content @param {Bytes} context the encoded GroupContext
 * @returns {Bytes}
 */
const toSign = (wireFormat, content, context) =>
  encode((w) => {
    w.u16(MLS10).u16(wireFormat);
    writeContent(w, content);
    if (content.sender.type === SENDER.member || content.sender.type === SENDER.newMemberCommit) w.raw(context);
  });

/**
 * @param {1|2} wireFormat @param {T.FramedContent} content @param {Bytes} context @param {SignatureKey} key
 * @returns {Promise<Bytes>}
 */
export const signContent = (wireFormat, content, context, key) =>
  signWithLabel(key, 'FramedContentTBS', toSign(wireFormat, content, context));

/**
 * @param {T.AuthenticatedContent} m @param {Bytes} context @param {Bytes} key the sender's
 * @returns {Promise<void>} throws MlsError 'signature'
 */
export async function checkSignature({ wireFormat, content, auth }, context, key) {
  const good = await verifyWithLabel(key, 'FramedContentTBS', toSign(wireFormat, content, context), auth.signature);
  must(good, 'signature', 'a message that its sender did not sign');
}

/**
 * @param {T.FramedContent} content @param {T.ContentAuth} auth @param {Bytes} context @param {Bytes} membership
 * @returns {Promise<Bytes>} membership_tag of RFC 9420 §6.2
 */
export function membershipTag(content, auth, context, membership) {
  const tagged = encode((w) => {
    w.raw(toSign(WIRE.public, content, context));
    writeAuth(w, auth);
  });
  return mac(membership, tagged);
}

/**
 * @param {T.PublicMessage} m @param {Bytes} context @param {Bytes} membership
 * @returns {Promise<void>} throws MlsError 'membership'; a sender from outside has no tag
 */
export async function checkMembership({ content, auth, membershipTag: tag }, context, membership) {
  if (content.sender.type !== SENDER.member) return;
  must(content.contentType !== APPLICATION, 'decode', 'application data that is not encrypted');
  const right = await membershipTag(content, auth, context, membership);
  must(tag && equal(tag, right), 'membership', 'the membership tag is wrong');
}

/** @param {Bytes} senderData @param {Bytes} ciphertext @returns {Promise<[Bytes, Bytes]>} key and nonce (§6.3.2) */
function senderDataKey(senderData, ciphertext) {
  const sample = ciphertext.subarray(0, HASH_LENGTH);
  return Promise.all([
    expandWithLabel(senderData, 'key', sample, KEY_LENGTH),
    expandWithLabel(senderData, 'nonce', sample, NONCE_LENGTH),
  ]);
}

/** @typedef {Pick<T.PrivateMessage, 'groupId'|'epoch'|'contentType'>} Head */

/** @param {Head} m @returns {Bytes} SenderDataAAD */
const senderDataAad = ({ groupId, epoch, contentType }) => encode((w) => w.vec(groupId).u64(epoch).u8(contentType));

/** @param {Head & {authenticatedData: Bytes}} m @returns {Bytes} PrivateContentAAD */
const contentAad = ({ groupId, epoch, contentType, authenticatedData }) =>
  encode((w) => w.vec(groupId).u64(epoch).u8(contentType).vec(authenticatedData));

/** @param {Bytes} nonce @param {Bytes} guard reuse_guard @returns {Bytes} */
const guarded = (nonce, guard) => nonce.map((b, i) => (i < guard.length ? b ^ guard[i] : b));

/** @param {number} contentType @returns {'application'|'handshake'} which ratchet its keys are of */
const ratchetOf = (contentType) => (contentType === APPLICATION ? 'application' : 'handshake');

/**
 * sealPrivate encrypts signed content of this member.
 * @param {T.FramedContent} content @param {T.ContentAuth} auth @param {FramingSecrets} secrets @param {SecretTree} tree
 * @param {number} padding bytes of zeros after it @returns {Promise<T.PrivateMessage>}
 */
export async function sealPrivate(content, auth, secrets, tree, padding) {
  const { groupId, epoch, contentType, authenticatedData, sender } = content;
  if (sender.type !== SENDER.member) return fail('usage', 'only a member encrypts');
  const plaintext = encode((w) => {
    writeBody(w, content);
    writeAuth(w, auth);
    w.raw(new Uint8Array(padding));
  });
  const { key, nonce, generation } = await tree.next(sender.leaf, ratchetOf(contentType));
  const guard = random(4);
  const ciphertext = await seal(key, guarded(nonce, guard), contentAad(content), plaintext);
  wipe(key, nonce, plaintext);
  const data = encode((w) => w.u32(sender.leaf).u32(generation).raw(guard));
  const [dataKey, dataNonce] = await senderDataKey(secrets.senderData, ciphertext);
  const senderData = await seal(dataKey, dataNonce, senderDataAad(content), data);
  return { groupId, epoch, contentType, authenticatedData, senderData, ciphertext };
}

/**
 * openPrivate decrypts. Its key counts as used only when the caller, having checked the signature, says so.
 * @param {T.PrivateMessage} m @param {FramingSecrets} secrets @param {SecretTree} tree
 * @returns {Promise<{message: T.AuthenticatedContent, used: () => void}>} throws MlsError
 */
export async function openPrivate(m, secrets, tree) {
  const [dataKey, dataNonce] = await senderDataKey(secrets.senderData, m.ciphertext);
  const data = await open(dataKey, dataNonce, senderDataAad(m), m.senderData);
  const { leaf, generation, guard } = decode(data, (r) => ({ leaf: r.u32(), generation: r.u32(), guard: r.raw(4) }));
  const { key, nonce, used } = await tree.find(leaf, ratchetOf(m.contentType), generation);
  const plaintext = await open(key, guarded(nonce, guard), contentAad(m), m.ciphertext);
  const r = new Reader(plaintext);
  const body = readBody(r, m.contentType);
  const auth = readAuth(r, m.contentType);
  must(
    r.rest().every((b) => b === 0),
    'decode',
    'padding that is not zeros',
  );
  const { groupId, epoch, contentType, authenticatedData } = m;
  const sender = { type: SENDER.member, leaf };
  const content = { groupId, epoch, sender, authenticatedData, contentType, ...body };
  const message = { wireFormat: WIRE.private, content, auth };
  const done = () => {
    used();
    wipe(key, nonce);
  };
  return { message, used: done };
}

/** @param {T.AuthenticatedContent} m @returns {Promise<Bytes>} what a commit names a proposal by (RFC 9420 §5.2) */
export const proposalRef = ({ wireFormat, content, auth }) =>
  refHash(
    'MLS 1.0 Proposal Reference',
    encode((w) => {
      w.u16(wireFormat);
      writeContent(w, content);
      writeAuth(w, auth);
    }),
  );

/**
 * confirmedHash is the transcript with a commit in it (RFC 9420 §8.2).
 * @param {Bytes} interim of the epoch before @param {1|2} wireFormat @param {T.FramedContent} content
 * @param {Bytes} signature @returns {Promise<Bytes>}
 */
export function confirmedHash(interim, wireFormat, content, signature) {
  must(content.contentType === COMMIT, 'usage', 'only commits are in the transcript');
  const input = encode((w) => {
    w.raw(interim).u16(wireFormat);
    writeContent(w, content);
    w.vec(signature);
  });
  return hash(input);
}

/** @param {Bytes} confirmed @param {Bytes} confirmationTag @returns {Promise<Bytes>} */
export const interimHash = (confirmed, confirmationTag) => hash(encode((w) => w.raw(confirmed).vec(confirmationTag)));
