// A room's address, and the proof that it is ours (docs/rooms.md). Pure.
/** @import {Bytes} from '../e2ee/bytes.js' */
import { concat, utf8 } from '../e2ee/bytes.js';

const ADDRESS = 'conclave room/1 address';
const OPEN = 'conclave room/1 open';
const ROUNDS = 1 << 16;
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * @param {Bytes} key public, 32 bytes @param {Bytes} nonce 16 bytes
 * @returns {Promise<string>} the meeting id; some 20 ms of work
 */
export async function address(key, nonce) {
  const password = await crypto.subtle.importKey('raw', concat(key, nonce), 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: utf8(ADDRESS), iterations: ROUNDS };
  const sum = new Uint8Array(await crypto.subtle.deriveBits(how, password, 80));
  let bits = sum.reduce((n, b) => (n << 8n) | BigInt(b), 0n);
  let id = '';
  for (let i = 0; i < 16; i++) {
    id = (i > 0 && i % 4 === 0 ? '-' : '') + id;
    id = DIGITS[Number(bits & 31n)] + id;
    bits >>= 5n;
  }
  return id;
}

/**
 * @param {CryptoKey} key private @param {string} host as the page's address names it @param {Bytes} nonce
 * @param {Bytes} challenge of the server, for this session @returns {Promise<Bytes>} that the room is ours to open
 */
export async function prove(key, host, nonce, challenge) {
  const name = utf8(host);
  const message = concat(utf8(OPEN), Uint8Array.of(name.length), name, nonce, challenge);
  return new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, key, message));
}
