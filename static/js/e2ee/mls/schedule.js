// The key schedule (RFC 9420 §8): from one epoch's init_secret and a commit to the next epoch's secrets.
/** @import {Bytes} from '../bytes.js' */
/** @import {PskId} from './types.js' */
import { encode } from './codec.js';
import { deriveSecret, expandWithLabel } from './labels.js';
import { writePskId } from './messages.js';
import { KEY_LENGTH, NONCE_LENGTH, NONE, ZEROS, extract, hash, wipe } from './primitives.js';

/**
 * @typedef {object} EpochSecrets
 * @property {Bytes} senderData @property {Bytes} encryption @property {Bytes} exporter @property {Bytes} external
 * @property {Bytes} confirmation @property {Bytes} membership @property {Bytes} resumption
 * @property {Bytes} authenticator epoch_authenticator @property {Bytes} init
 */

/** @type {[keyof EpochSecrets, string][]} */
const LABELS = [
  ['senderData', 'sender data'],
  ['encryption', 'encryption'],
  ['exporter', 'exporter'],
  ['external', 'external'],
  ['confirmation', 'confirm'],
  ['membership', 'membership'],
  ['resumption', 'resumption'],
  ['authenticator', 'authentication'],
  ['init', 'init'],
];

/**
 * @param {Bytes} init of the epoch before @param {Bytes} commit commit_secret; zeros without a path
 * @param {Bytes} context the new GroupContext @returns {Promise<Bytes>}
 */
export async function joinerSecret(init, commit, context) {
  const both = await extract(init, commit);
  const joiner = await expandWithLabel(both, 'joiner', context);
  wipe(both);
  return joiner;
}

/** @param {Bytes} joiner @param {Bytes} psk psk_secret @returns {Promise<Bytes>} */
const member = (joiner, psk) => extract(joiner, psk);

/** @param {Bytes} joiner @param {Bytes} psk @returns {Promise<Bytes>} welcome_secret */
export async function welcomeSecret(joiner, psk) {
  const intermediate = await member(joiner, psk);
  const welcome = await deriveSecret(intermediate, 'welcome');
  wipe(intermediate);
  return welcome;
}

/** @param {Bytes} welcome @returns {Promise<[Bytes, Bytes]>} the key and nonce of a Welcome's GroupInfo */
export const welcomeKey = (welcome) =>
  Promise.all([
    expandWithLabel(welcome, 'key', NONE, KEY_LENGTH),
    expandWithLabel(welcome, 'nonce', NONE, NONCE_LENGTH),
  ]);

/** @param {Bytes} joiner @param {Bytes} psk @param {Bytes} context @returns {Promise<EpochSecrets>} */
export async function epochSecrets(joiner, psk, context) {
  const intermediate = await member(joiner, psk);
  const epoch = await expandWithLabel(intermediate, 'epoch', context);
  const secrets = await secretsFrom(epoch);
  wipe(intermediate, epoch);
  return secrets;
}

/** @param {Bytes} epoch epoch_secret @returns {Promise<EpochSecrets>} */
export async function secretsFrom(epoch) {
  const derived = await Promise.all(LABELS.map(async ([name, label]) => [name, await deriveSecret(epoch, label)]));
  return Object.fromEntries(derived);
}

/**
 * pskSecret combines pre-shared keys (RFC 9420 §8.4).
 * @param {{id: PskId, psk: Bytes}[]} psks in the order of their proposals @returns {Promise<Bytes>}
 */
export async function pskSecret(psks) {
  const inputs = await Promise.all(
    psks.map(async ({ id, psk }, i) => {
      const label = encode((w) => {
        writePskId(w, id);
        w.u16(i).u16(psks.length);
      });
      return expandWithLabel(await extract(ZEROS, psk), 'derived psk', label);
    }),
  );
  let secret = new Uint8Array(ZEROS);
  for (const input of inputs) secret = await extract(input, secret);
  return secret;
}

/**
 * MLS-Exporter of RFC 9420 §8.5.
 * @param {Bytes} exporter exporter_secret @param {string} label @param {Bytes} context @param {number} length
 * @returns {Promise<Bytes>}
 */
export async function exportSecret(exporter, label, context, length) {
  const [secret, contextHash] = await Promise.all([deriveSecret(exporter, label), hash(context)]);
  return expandWithLabel(secret, 'exported', contextHash, length);
}
