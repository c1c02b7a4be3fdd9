// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// One outside the group, as a session of these tests: it asks everybody, hears who agrees, and speaks. Browsers are
// never outside, so that there is only this one in JavaScript; bots have theirs in e2ee/group/outsidesession.go.
import { base64url, concat, random, unbase64url } from '../../../static/js/e2ee/bytes.js';
import { NONE, Reader, fields, label, u64, u8 } from '../../../static/js/e2ee/encoding.js';
import { Keyring, writeKid } from '../../../static/js/e2ee/keyring.js';
import * as links from '../../../static/js/e2ee/link.js';
import { openFrom, sealTo } from '../../../static/js/e2ee/mls/hpke.js';
import { verifyStrict } from '../../../static/js/e2ee/mls/signing.js';
import { newPair } from '../../../static/js/e2ee/mls/x25519.js';
import { ASK, MARK, VOICE, pskOf } from '../../../static/js/e2ee/outside.js';
import { sealName } from '../../../static/js/e2ee/seat.js';
import { deriveKey } from '../../../static/js/e2ee/sframe.js';

const QUIET = {
  beats: 'ok',
  culprit: '',
  waiting: false,
  heirless: false,
  linkOnly: false,
  falseGroup: false,
  state: 'in',
  people: [],
};

/** Its keys: those it was given, each of one track, and its own. */
class OutsideRing extends Keyring {
  given = new Map();
  sending = null;

  knows(e, id) {
    return this.given.has(`${e.epoch} ${writeKid(id)}`);
  }

  owns(e, id, owner) {
    return this.given.get(`${e.epoch} ${writeKid(id)}`)?.owner === owner;
  }

  key(e, kid) {
    return this.given.get(`${e.epoch} ${kid}`).key;
  }

  usable() {
    return this.sending !== null;
  }

  sendKey(track) {
    return this.sending?.[track] ?? null;
  }
}

const sign = async ({ ik }, bytes) =>
  new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, ik.privateKey, bytes));

export class Outsider {
  ring = new OutsideRing();
  switched = false;
  confirmed = false;
  epoch = null;
  /** by number: announces */
  people = new Map();
  admit = new Uint8Array(97);
  spoken = -1n;
  out = [];

  static async create({ meeting, link, identity, name }) {
    const o = new Outsider();
    o.secrets = await links.secrets(link, meeting);
    o.identity = identity;
    o.key = base64url(identity.ikPublic);
    o.pair = await newPair();
    o.announce = base64url(concat(identity.ikPublic, await sealName(o.secrets, identity.ikPublic, name)));
    return o;
  }

  view() {
    return QUIET;
  }

  async deadline() {
    return Infinity;
  }

  async handle(event, now) {
    if (event.type === 'welcome') {
      this.participant = event.participant;
      if (event.admit && event.admit !== 'AA') this.admit = unbase64url(event.admit);
      await this.#see(event.participants);
    } else if (event.type === 'roster') {
      for (const { participant } of event.left ?? []) this.#owner(participant, null);
      await this.#see([...(event.joined ?? []), ...(event.changed ?? [])]);
    } else if (event.type === 'relays') {
      for (const { from, data } of event.relays) await this.#relay(from, unbase64url(data), now);
    }
    return this.out.splice(0);
  }

  #owner(participant, announce) {
    const key = announce && base64url(announce.slice(0, 32));
    if (announce) this.people.set(participant, announce);
    else this.people.delete(participant);
    this.out.push({ type: 'media', order: { order: 'owners', owners: [[participant, key]] } });
  }

  async #see(list) {
    for (const { participant, announce } of list) {
      if (participant === this.participant || this.people.has(participant)) continue;
      this.#owner(participant, unbase64url(announce));
      await this.ask(participant);
    }
  }

  /** asks one; meant: whom it asks in truth */
  async ask(participant, meant = participant) {
    this.#send(participant, await this.question(this.people.get(meant).slice(0, 32)));
  }

  async question(to, purpose = 'a recording') {
    const sealed = await sealName(this.secrets, this.identity.ikPublic, purpose);
    const x = this.pair.publicKey;
    const signed = fields(label('ask'), this.secrets.meeting, this.identity.ikPublic, to, x, sealed);
    return concat(u64(MARK), u8(ASK), x, await sign(this.identity, signed), sealed);
  }

  #send(participant, data) {
    this.out.push({ type: 'send', what: 'relay', fields: { to: [{ participant, data: base64url(data) }] } });
  }

  async #relay(from, data, now) {
    const member = this.people.get(from)?.slice(0, 32);
    const given = member && (await openKeys(this, member, data).catch(() => null));
    if (!given) return;
    const { epoch } = given;
    if (!this.ring.find(Number(epoch % 1024n), now)) {
      const order = { order: 'epoch', epoch, base: new Uint8Array(16), leaf: 0, members: [], removal: false };
      await this.ring.take(order, now);
    }
    for (const { kid, key, salt } of given.keys) {
      const aead = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
      this.ring.given.set(`${epoch} ${kid}`, { owner: base64url(member), key: { kid, aead, salt } });
    }
    this.heard = given;
    if (epoch > this.spoken) await this.speak();
  }

  /** says a secret for the epoch that it was told of, and seals under it */
  async speak() {
    const { groupId, epoch, confirmed, externalPub } = this.heard;
    this.spoken = epoch;
    const base = random(16);
    const about = [label('outside'), groupId, u64(epoch)];
    const from = this.identity.ikPublic;
    const { enc, ciphertext } = await sealTo(externalPub, fields(...about), from, base, pskOf(this.secrets));
    const number = Uint8Array.of(0, this.participant);
    const sealed = concat(enc, ciphertext);
    const signature = await sign(this.identity, fields(...about, confirmed, number, sealed));
    const data = concat(u64(MARK), u8(VOICE), groupId, u64(epoch), number, this.admit, signature, sealed);
    for (const participant of this.people.keys()) this.#send(participant, data);
    const kid = (context) => writeKid({ context, sender: this.participant, bits: Number(epoch % 1024n) });
    this.ring.sending = [];
    for (const track of [0, 1, 2, 3]) {
      this.ring.sending.push({ key: await deriveKey(kid(8 + track), base), next: 0n });
    }
  }
}

/** What a member gave it. */
export async function openKeys({ secrets, identity, pair }, from, data) {
  const r = new Reader(data);
  if (r.u64() !== MARK || r.u8() !== 2) throw new TypeError('not keys');
  const [groupId, epoch, signature, sealed] = [r.take(16), r.u64(), r.take(64), r.rest()];
  const to = identity.ikPublic;
  const signed = fields(label('keys sig'), groupId, u64(epoch), from, to, sealed);
  if (!(await verifyStrict(from, signed, signature))) throw new TypeError('forged');
  const box = { enc: sealed.slice(0, 32), ciphertext: sealed.slice(32) };
  const info = fields(label('keys'), groupId, u64(epoch));
  const p = new Reader(await openFrom(pair, info, concat(from, to), box, pskOf(secrets)));
  const [confirmed, externalPub] = [p.take(32), p.take(32)];
  const admission = p.u8() ? p.take(97) : NONE;
  const keys = Array.from({ length: p.u8() }, () => ({
    kid: BigInt(p.u32()),
    key: p.take(16).slice(),
    salt: p.take(12).slice(),
  }));
  p.end();
  return { groupId, epoch, confirmed, externalPub, admission, keys };
}
