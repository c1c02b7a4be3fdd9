// A peer that holds sessions of this implementation, so that a test in another language can have both in one meeting.
// JSON lines: one request a line on standard input, one answer a line on standard output, in order. It ends with its
// input.
//
// - {"id", "cmd": "create", "seat", "meeting", "fragment", "name", "password"?, "seed"?} → {"announce", "key"}. seat: a
//   name that the test chooses; seed: 32 bytes of an Ed25519 private key with "public" beside it, in hex: else a new
//   identity
// - {"id", "cmd": "event", "seat", "now", "event"} → {"out", "deadline", "view"}. event and out:
//   static/js/e2ee/types.js. Bytes in `out` are hex, epochs are numbers; "deadline" is null where nothing is due
// - {"id", "cmd": "state", "seat"} → {"epoch", "authenticator", "leaf", "confirmed"}
// - {"id", "cmd": "forget", "seat"} → {}
//
// An answer has the request's id, and "error" (a text) where it failed.
import { createInterface } from 'node:readline';
import { hex, unhex } from '../../../static/js/e2ee/bytes.js';
import { NONE } from '../../../static/js/e2ee/encoding.js';
import { parse, passwordSecrets } from '../../../static/js/e2ee/link.js';
import { newSignatureKey, signatureKeyFrom } from '../../../static/js/e2ee/mls/signing.js';
import { Session } from '../../../static/js/e2ee/session.js';

/** @type {Map<string, Session>} */
const seats = new Map();

/** @param {string} name @returns {Session} */
function sessionOf(name) {
  const session = seats.get(name);
  if (!session) throw new Error(`no seat ${name}`);
  return session;
}

/** @param {any} m @returns {Promise<import('../../../static/js/e2ee/seat.js').Identity>} */
async function identityOf({ seed, public: ik }) {
  const { privateKey, publicKey } = seed ? await signatureKeyFrom(unhex(seed), unhex(ik)) : await newSignatureKey();
  return { ik: { privateKey, publicKey: /** @type {any} */ (null) }, ikPublic: publicKey };
}

/** @type {Record<string, (m: any) => Promise<object>>} */
const COMMANDS = {
  create: async (m) => {
    const link = parse(m.fragment);
    if (!link) throw new Error('an incomplete link');
    const p = m.password ? (await passwordSecrets(link, m.meeting, m.password)).p : NONE;
    const session = await Session.create({ meeting: m.meeting, link, identity: await identityOf(m), name: m.name, p });
    seats.set(m.seat, session);
    return { announce: session.announce, key: session.key };
  },
  event: async ({ seat, now, event }) => {
    const session = sessionOf(seat);
    const out = await session.handle(event, now);
    const deadline = await session.deadline(now);
    return { out, deadline: deadline === Infinity ? null : deadline, view: session.view(now) };
  },
  state: async ({ seat }) => {
    const { epoch, confirmed } = sessionOf(seat);
    const group = epoch?.group;
    const authenticator = group ? hex(group.authenticator) : '';
    return { epoch: Number(epoch?.number ?? -1), authenticator, leaf: group?.leaf ?? -1, confirmed };
  },
  forget: async ({ seat }) => {
    seats.delete(seat);
    return {};
  },
};

/** @param {string} _key @param {any} value @returns {any} as JSON has it */
const plain = (_key, value) => {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? hex(value) : value;
};

for await (const line of createInterface({ input: process.stdin })) {
  const m = JSON.parse(line);
  let answer;
  try {
    const command = COMMANDS[m.cmd];
    if (!command) throw new Error(`no command ${m.cmd}`);
    answer = await command(m);
  } catch (err) {
    answer = { error: err instanceof Error ? err.message : String(err) };
  }
  process.stdout.write(`${JSON.stringify({ id: m.id, ...answer }, plain)}\n`);
}
