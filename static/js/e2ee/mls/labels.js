// The labelled forms of hash, KDF and HPKE of RFC 9420 §5 and §8: what is derived names its purpose.
/** @import {Bytes} from '../bytes.js' */
/** @import {KeyPair} from './x25519.js' */
/** @import {Sealed} from './hpke.js' */
import { utf8 } from '../bytes.js';
import { encode } from './codec.js';
import { openFrom, sealTo } from './hpke.js';
import { HASH_LENGTH, NONE, expand, hash } from './primitives.js';

/** @param {string} label @returns {Bytes} */
const mls = (label) => utf8(`MLS 1.0 ${label}`);

/**
 * @param {Bytes} secret @param {string} label @param {Bytes} context @param {number} [length]
 * @returns {Promise<Bytes>} ExpandWithLabel of RFC 9420 §8
 */
export const expandWithLabel = (secret, label, context, length = HASH_LENGTH) =>
  expand(
    secret,
    encode((w) => w.u16(length).vec(mls(label)).vec(context)),
    length,
  );

/** @param {Bytes} secret @param {string} label @returns {Promise<Bytes>} DeriveSecret of RFC 9420 §8 */
export const deriveSecret = (secret, label) => expandWithLabel(secret, label, NONE);

/**
 * @param {Bytes} secret @param {string} label @param {number} generation @param {number} length
 * @returns {Promise<Bytes>} DeriveTreeSecret of RFC 9420 §9
 */
export const deriveTreeSecret = (secret, label, generation, length) =>
  expandWithLabel(
    secret,
    label,
    encode((w) => w.u32(generation)),
    length,
  );

/** @param {string} label @param {Bytes} value @returns {Promise<Bytes>} RefHash of RFC 9420 §5.2; the whole label */
export const refHash = (label, value) => hash(encode((w) => w.vec(utf8(label)).vec(value)));

/** @param {string} label @param {Bytes} content @returns {Bytes} SignContent of RFC 9420 §5.1.2 */
export const signContent = (label, content) => encode((w) => w.vec(mls(label)).vec(content));

/** @param {string} label @param {Bytes} context @returns {Bytes} */
const encryptContext = (label, context) => encode((w) => w.vec(mls(label)).vec(context));

/**
 * @param {Bytes} publicKey @param {string} label @param {Bytes} context @param {Bytes} plaintext
 * @returns {Promise<Sealed>} EncryptWithLabel of RFC 9420 §5.1.3
 */
export const encryptWithLabel = (publicKey, label, context, plaintext) =>
  sealTo(publicKey, encryptContext(label, context), NONE, plaintext);

/**
 * @param {KeyPair} keys @param {string} label @param {Bytes} context @param {Sealed} sealed
 * @returns {Promise<Bytes>} DecryptWithLabel
 */
export const decryptWithLabel = (keys, label, context, sealed) =>
  openFrom(keys, encryptContext(label, context), NONE, sealed);
