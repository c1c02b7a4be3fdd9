// What a device keeps: its own identity key, and the keys of those it met (docs/e2ee.md, sections 4 and 15). Guests keep nothing.
/** @import {Identity} from './seat.js' */
/** @import {Pin, PinChange} from './pins.js' */

const DATABASE = 'conclave-e2ee';
const ED25519 = { name: 'Ed25519' };

/** @param {CryptoKey} key @returns {Promise<import('./bytes.js').Bytes>} */
export const rawKey = async (key) => new Uint8Array(await crypto.subtle.exportKey('raw', key));

/** Lasts as long as the page, where nothing is kept. @type {Promise<Identity>|null} */
let passing = null;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @returns {Promise<IDBDatabase>} */
function open() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('identity');
    request.result.createObjectStore('pins', { keyPath: 'ik' });
  };
  return done(request);
}

/** @returns {Promise<Identity>} the private half cannot be read out, not by this page either */
async function generate() {
  const ik = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(ED25519, false, ['sign', 'verify']));
  return { ik, ikPublic: await rawKey(ik.publicKey) };
}

/** @param {boolean} guest @returns {Promise<Identity>} this device's; of a guest, or where nothing can be stored, this page's */
export async function identity(guest) {
  if (!guest) {
    try {
      const db = await open();
      const kept = await done(db.transaction('identity').objectStore('identity').get('ik'));
      if (kept) return { ik: kept, ikPublic: await rawKey(kept.publicKey) };
      const made = await (passing ?? generate());
      // Two pages may begin at once: the first to write wins, and the other takes what is there.
      const store = db.transaction('identity', 'readwrite').objectStore('identity');
      const there = await done(store.get('ik'));
      if (there) return { ik: there, ikPublic: await rawKey(there.publicKey) };
      await done(store.put(made.ik, 'ik'));
      return made;
    } catch {
      // a private window, or no room: as a guest
    }
  }
  passing ??= generate();
  return passing;
}

/** @returns {Promise<Pin[]>} who this device met; nobody where nothing can be stored */
export async function keptPins() {
  try {
    return await done((await open()).transaction('pins').objectStore('pins').getAll());
  } catch {
    return [];
  }
}

/** @param {PinChange} change @returns {Promise<void>} where there is no room, what is known lasts as long as the page */
export async function keepPins({ put, drop }) {
  if (put.length === 0) return;
  try {
    const store = (await open()).transaction('pins', 'readwrite').objectStore('pins');
    for (const pin of put) store.put(pin);
    for (const ik of drop) store.delete(ik);
  } catch {
    // a private window, or no room
  }
}
