// The rooms of this device, in IndexedDB. Where nothing can be stored, they last as long as the page.
/** @import {Bytes} from '../e2ee/bytes.js' */

/**
 * @typedef {object} Room
 * @property {string} id of its meetings
 * @property {string} name empty for a one-time meeting
 * @property {number} until Unix ms, when a one-time meeting is over; 0 for a room that is kept
 * @property {CryptoKey} key private; a kept room's can be read out, for its file
 * @property {Bytes} owner the public half
 * @property {Bytes} nonce
 * @property {Bytes} k the secret of its links; empty without end-to-end encryption
 * @property {import('../net/api.js').Wish} wish what it is opened with
 */

const DATABASE = 'conclave-rooms';
/** Rooms kept; a file of more is refused. */
export const MAX_ROOMS = 200;

/** What is known without the store. @type {Map<string, Room>} */
const here = new Map();

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {IDBTransactionMode} mode @returns {Promise<IDBObjectStore>} */
async function store(mode) {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore('rooms', { keyPath: 'id' });
  return (await done(request)).transaction('rooms', mode).objectStore('rooms');
}

/** @param {Room} room @returns {Promise<boolean>} false where it lasts only as long as the page */
export async function keep(room) {
  here.set(room.id, room);
  try {
    await done((await store('readwrite')).put(room));
    return true;
  } catch {
    return false; // a private window, or no room
  }
}

/** @returns {Promise<Room[]>} */
async function everything() {
  /** @type {Room[]} */
  const stored = await store('readonly')
    .then((s) => done(s.getAll()))
    .catch(() => []);
  return [...new Map([...here, ...stored.map((r) => /** @type {const} */ ([r.id, r]))]).values()];
}

/** @returns {Promise<Room[]>} those that are kept, by name; what is over is erased on the way */
export async function kept() {
  const all = await everything();
  for (const r of all) if (r.until && r.until < Date.now()) await erase(r.id);
  return all.filter((r) => !r.until).sort((a, b) => a.name.localeCompare(b.name));
}

/** @param {string} id @returns {Promise<Room|null>} the room of this address, if it is this device's */
export async function find(id) {
  const room = (await everything()).find((r) => r.id === id);
  return room && (!room.until || room.until >= Date.now()) ? room : null;
}

/** @param {string} id @returns {Promise<void>} */
export async function erase(id) {
  here.delete(id);
  try {
    await done((await store('readwrite')).delete(id));
  } catch {
    // there is none
  }
}

/** @param {string} id @returns {Promise<void>} a one-time meeting has ended: its key is of no more use */
export async function over(id) {
  if ((await find(id))?.until) await erase(id);
}
