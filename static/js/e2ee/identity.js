// What a device keeps: its own identity key, and the keys of those it met (docs/e2ee.md, sections 4 and 13). Guests keep nothing.
/** @import {Identity} from './announce.js' */
/** @import {PersonView} from './types.js' */
import { ED25519, rawKey } from './announce.js';
import { base64url } from './bytes.js';
import { hash, label } from './encoding.js';

const DATABASE = 'conclave-e2ee';
const MAX_PINS = 1000;

/** @typedef {{ik: string, name: string, verified: boolean, met: number}} Pin name is a hash: the device keeps no list of names */
/** @typedef {'verified'|'known'|'new'|'changed'} Trust */

/** Lasts as long as the page, where nothing is kept. @type {Promise<Identity>|null} */
let passing = null;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const done = (request) => new Promise((resolve, reject) => {
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

/** @param {string} name @returns {Promise<string>} names are compared without case, accents composed */
const nameMark = async (name) => base64url((await hash(label('pin'), name.normalize('NFC').trim().toLowerCase())).subarray(0, 16));

/** Who this device met. */
export class Pins {
  /** as it was when the meeting began @type {Map<string, Pin>} */
  #before = new Map();
  /** @type {Map<string, Pin>} */
  #now = new Map();
  #keep;

  /** @param {boolean} keep false for guests */
  constructor(keep) {
    this.#keep = keep;
  }

  /** load reads what was kept; without it everybody is new. */
  async load() {
    if (!this.#keep) return;
    try {
      const db = await open();
      /** @type {Pin[]} */
      const all = await done(db.transaction('pins').objectStore('pins').getAll());
      this.#before = new Map(all.map((p) => [p.ik, p]));
      this.#now = new Map(this.#before);
    } catch {
      this.#keep = false;
    }
  }

  /** @param {PersonView} p @returns {Promise<Trust>} */
  async trust(p) {
    if (this.#now.get(p.ik)?.verified) return 'verified';
    const name = await nameMark(p.name);
    const known = this.#before.get(p.ik);
    if (known?.name === name) return 'known';
    for (const pin of this.#before.values()) if (pin.name === name && pin.ik !== p.ik) return 'changed';
    return 'new';
  }

  /** @param {readonly PersonView[]} people @param {boolean} verified met, or compared codes with */
  async meet(people, verified) {
    /** @type {Pin[]} */
    const changed = [];
    for (const p of people) {
      if (!p.ik || !p.name || p.status !== 'ok') continue;
      const before = this.#now.get(p.ik);
      const pin = { ik: p.ik, name: await nameMark(p.name), verified: verified || Boolean(before?.verified), met: Date.now() };
      if (before && before.name === pin.name && before.verified === pin.verified && this.#before.get(p.ik) !== before) continue;
      this.#now.set(p.ik, pin);
      changed.push(pin);
    }
    if (!this.#keep || changed.length === 0) return;
    try {
      const store = (await open()).transaction('pins', 'readwrite').objectStore('pins');
      for (const pin of changed) store.put(pin);
      const extra = [...this.#now.values()].sort((a, b) => a.met - b.met).slice(0, Math.max(0, this.#now.size - MAX_PINS));
      for (const { ik } of extra) {
        this.#now.delete(ik);
        store.delete(ik);
      }
    } catch {
      this.#keep = false; // no room: what is known lasts as long as the page
    }
  }
}
