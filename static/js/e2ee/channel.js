// The pairwise channel: two keys for each two seats, and a count that only rises (docs/e2ee.md, section 6).
/** @import {Bytes} from './bytes.js' */
/** @import {Announcement} from './announce.js' */
import { concat } from './bytes.js';
import { Reader, fields, hkdf, label, u32, u8 } from './encoding.js';
import { X25519 } from './announce.js';

const SUITE = 1;
const LAST = 0xffffffff;

/** @param {CryptoKey} ek private @param {Bytes} theirs @param {Bytes} root @param {Bytes} from A @param {Bytes} to A @returns {Promise<CryptoKey>} */
async function derive(ek, theirs, root, from, to) {
  const peer = await crypto.subtle.importKey('raw', theirs, X25519, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ ...X25519, public: peer }, ek, 256));
  if (shared.every((b) => b === 0)) throw new TypeError('not a key'); // RFC 7748 §6.1
  const key = await hkdf(shared, root, fields(label('pair'), from, to), 32);
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** Between oneself and one other seat. */
export class Channel {
  #send;
  #receive;
  #sent = 0;
  #received = 0;

  /** @param {CryptoKey} send @param {CryptoKey} receive */
  constructor(send, receive) {
    this.#send = send;
    this.#receive = receive;
  }

  /**
   * @param {CryptoKey} ek one's own, private @param {Bytes} self one's own announce hash @param {Announcement} peer @param {Bytes} root
   * @returns {Promise<Channel>} rejects when their key is none
   */
  static async to(ek, self, peer, root) {
    return new Channel(...await Promise.all([derive(ek, peer.ek, root, self, peer.hash), derive(ek, peer.ek, root, peer.hash, self)]));
  }

  /** @param {Bytes} plain @returns {Promise<Bytes>} what travels in `relay` */
  async seal(plain) {
    if (this.#sent === LAST) throw new RangeError('the channel is used up');
    const head = concat(u8(SUITE), u32(++this.#sent));
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce(head), additionalData: head }, this.#send, plain);
    return concat(head, new Uint8Array(sealed));
  }

  /** @param {Bytes} data @returns {Promise<Bytes|null>} null when it is not genuine, or was here before */
  async open(data) {
    try {
      const r = new Reader(data);
      const head = r.take(5);
      const counter = new Reader(head.subarray(1)).u32();
      if (head[0] !== SUITE || counter <= this.#received) return null;
      const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce(head), additionalData: head }, this.#receive, r.rest());
      if (counter <= this.#received) return null;
      this.#received = counter;
      return new Uint8Array(plain);
    } catch {
      return null;
    }
  }
}

/** @param {Bytes} head @returns {Bytes} */
const nonce = (head) => concat(new Uint8Array(8), head.subarray(1));
