// The bytes around MLS messages: hashes of log entries, what a commit says of those it rejects, a joiner's secrets
// (docs/e2ee.md, sections 2, 5 and 7).
/** @import {Bytes} from './bytes.js' */
/** @import {JoinerSecrets} from './mls/types.js' */
import { concat } from './bytes.js';
import { fields, label } from './encoding.js';
import { Reader, decode, encode } from './mls/codec.js';
import { WIRE } from './mls/messages.js';
import { hash } from './mls/primitives.js';

/** @param {Bytes} message a whole MLSMessage @returns {Promise<Bytes>} */
export const entryHash = (message) => hash(concat(fields(label('entry')), message));

/**
 * readHead reads what the server reads of an entry: it passes on what has a right header, whatever follows.
 * @param {Bytes} message @returns {{groupId: Bytes, epoch: bigint, authenticatedData: Bytes, contentType: number}|null} null
 *   when it has none
 */
export function readHead(message) {
  try {
    const r = new Reader(message);
    if (r.u16() !== 1 || r.u16() !== WIRE.public) return null;
    const [groupId, epoch, sender] = [r.vec(), r.u64(), r.u8()];
    if (sender === 1 || sender === 2) r.u32();
    return { groupId, epoch, authenticatedData: r.vec(), contentType: r.u8() };
  } catch {
    return null;
  }
}

/** @param {readonly Bytes[]} hashes of the candidates rejected @returns {Bytes} authenticated_data of a commit */
export const writeRejected = (hashes) => fields(...hashes);

/** @param {JoinerSecrets} s @returns {Bytes} EncryptedGroupSecrets of RFC 9420, section 12.4.3.1 */
export const writeSecrets = ({ keyPackageRef, encrypted: { enc, ciphertext } }) =>
  encode((w) => void w.vec(keyPackageRef).vec(enc).vec(ciphertext));

/** @param {Bytes} bytes @returns {JoinerSecrets} throws when it isn't one */
export const readSecrets = (bytes) =>
  decode(bytes, (r) => ({
    keyPackageRef: r.vec().slice(),
    encrypted: { enc: r.vec().slice(), ciphertext: r.vec().slice() },
  }));
