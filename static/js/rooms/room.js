// Rooms: made, opened at their address, written to a file and read from one (docs/rooms.md).
/** @import {Room} from './store.js' */
/** @import {Wish} from '../net/api.js' */
import * as api from '../net/api.js';
import { base64url, random, unbase64url } from '../e2ee/bytes.js';
import { fingerprint, format, passwordSecrets } from '../e2ee/link.js';
import { MAX_PASSWORD, MAX_TITLE } from '../core/text.js';
import { address, prove } from './proof.js';
import { MAX_ROOMS, keep, kept } from './store.js';

const ED25519 = { name: 'Ed25519' };

/**
 * make makes a room with a key of its own, so that no two rooms have anything in common.
 * @param {Wish} wish @param {string} name empty for a one-time meeting @returns {Promise<Room>} kept nowhere yet
 */
export async function make(wish, name) {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(ED25519, name !== '', ['sign', 'verify']));
  const owner = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const nonce = random(16);
  const k = wish.e2ee === false ? new Uint8Array(0) : random(32);
  const until = name ? 0 : Date.now() + 24 * 3_600_000; // until the server says when
  return { id: await address(owner, nonce), name, until, key: pair.privateKey, owner, nonce, k, wish };
}

/**
 * open opens a room's address, whether or not it is open already.
 * @param {Room} room @returns {Promise<void>} rejects with an ApiError
 */
export async function open(room) {
  const proof = async () => {
    const { challenge } = await api.roomChallenge();
    const signed = await prove(room.key, location.host, room.nonce, unbase64url(challenge));
    return { key: base64url(room.owner), nonce: base64url(room.nonce), challenge, proof: base64url(signed) };
  };
  const password = await passwordFor(room);
  const ask = async () => api.createMeeting({ ...room.wish, ...(password && { password }), room: await proof() });
  const made = await ask().catch((err) => {
    if (err instanceof api.ApiError && err.id === 'challenge_expired') return ask();
    throw err;
  });
  if (room.until) await keep({ ...room, until: Date.parse(made.expires_at) });
}

/** @param {Room} room @returns {Promise<import('../e2ee/link.js').Link|null>} null without end-to-end encryption */
async function linkOf(room) {
  if (room.k.length === 0) return null;
  return { k: room.k, c: await fingerprint(room.owner), lobby: room.wish.lobby ?? true };
}

/** @param {Room} room @returns {Promise<string>} its path, with the key in the fragment: the same each time */
export async function path(room) {
  const link = await linkOf(room);
  return `/m/${room.id}${link ? format(link) : ''}`;
}

/**
 * @param {Room} room @returns {Promise<string>} what the server compares passwords with: in an encrypted meeting it
 *   does not get the password, which is part of the keys
 */
async function passwordFor(room) {
  const [link, password = ''] = [await linkOf(room), room.wish.password];
  return link && password ? base64url((await passwordSecrets(link, room.id, password)).verifier) : password;
}

/** @param {Room} room @returns {Promise<import('../e2ee/seat.js').Identity>} what admits its owner */
export async function ownerOf(room) {
  const publicKey = await crypto.subtle.importKey('raw', room.owner, ED25519, true, ['verify']);
  return { ik: { privateKey: room.key, publicKey }, ikPublic: room.owner };
}

/** @param {readonly Room[]} rooms @returns {Promise<string>} a file that opens them on another device */
export async function write(rooms) {
  const list = await Promise.all(
    rooms.map(async ({ name, key, nonce, k, wish }) => ({
      name,
      key: base64url(new Uint8Array(await crypto.subtle.exportKey('pkcs8', key))),
      nonce: base64url(nonce),
      k: base64url(k),
      wish,
    })),
  );
  return JSON.stringify({ conclave_rooms: 1, rooms: list }, null, 2);
}

/** What a room may be opened with, and of which type: nothing else is taken from a file. */
const WISHES = /** @type {const} */ ({
  title: 'string',
  password: 'string',
  lobby: 'boolean',
  when_host_leaves: 'string',
  e2ee: 'boolean',
  private_audio: 'boolean',
  confidential: 'boolean',
  guests: 'boolean',
});

/** @param {any} given @returns {Promise<Room>} throws when it is no room */
async function parse(given) {
  const name = String(given.name).trim();
  const [nonce, k] = [unbase64url(given.nonce), unbase64url(given.k)];
  if (!name || [...name].length > MAX_TITLE || nonce.length !== 16 || ![0, 32].includes(k.length)) {
    throw new TypeError();
  }
  const key = await crypto.subtle.importKey('pkcs8', unbase64url(given.key), ED25519, true, ['sign']);
  const owner = unbase64url(String((await crypto.subtle.exportKey('jwk', key)).x));
  /** @type {Wish} */
  const wish = {};
  for (const [field, type] of Object.entries(WISHES)) {
    const value = given.wish?.[field];
    if (typeof value === type) /** @type {any} */ (wish)[field] = value;
  }
  if ([...(wish.password ?? '')].length > MAX_PASSWORD) throw new TypeError();
  return { id: await address(owner, nonce), name, until: 0, key, owner, nonce, k, wish };
}

/**
 * read keeps the rooms of a file.
 * @param {string} text @returns {Promise<number>} how many; throws when it is no such file, and keeps none then
 */
export async function read(text) {
  const file = JSON.parse(text);
  if (file?.conclave_rooms !== 1 || !Array.isArray(file.rooms)) throw new TypeError('not a file of rooms');
  const known = await kept();
  if (file.rooms.length + known.length > MAX_ROOMS) throw new RangeError('too many rooms');
  const rooms = await Promise.all(file.rooms.map(parse));
  for (const room of rooms) await keep(room);
  return rooms.length;
}
