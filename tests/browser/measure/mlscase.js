// What mls.js measures, in Node or in a worker of a browser: a group that is made by commits without a path, is
// joined by a Welcome, and is warmed by path commits of members spread over the tree.
/** @import {OwnKeyPackage} from '../../../static/js/e2ee/mls/keypackage.js' */
/** @import {SignatureKey} from '../../../static/js/e2ee/mls/signing.js' */
import { random, utf8 } from '../../../static/js/e2ee/bytes.js';
import { assembleWelcome } from '../../../static/js/e2ee/mls/commit.js';
import { Group } from '../../../static/js/e2ee/mls/group.js';
import { newKeyPackage } from '../../../static/js/e2ee/mls/keypackage.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';

/** Adds of one commit. */
const BATCH = 64;

/** @param {number} i @returns {import('../../../static/js/e2ee/mls/keypackage.js').LeafData} */
const leafData = (i) => ({
  credential: { type: 1, identity: utf8(`participant ${i}`) },
  capabilities: { versions: [1], suites: [1], extensions: [0xf0c0, 0xf0c1, 0xf0c2], proposals: [], credentials: [1] },
  extensions: [{ type: 0xf0c1, data: random(100) }], // as long as a sealed name and an admission
});

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** @template T @param {() => Promise<T>} act @returns {Promise<[T, number]>} with the milliseconds it took */
async function timed(act) {
  const start = performance.now();
  const value = await act();
  return [value, performance.now() - start];
}

/** @param {number} n below 16 @returns {number} */
const reversed = (n) => ((n & 1) << 3) | ((n & 2) << 1) | ((n & 4) >> 1) | ((n & 8) >> 3);

/**
 * @param {Group[]} groups @param {number} from
 * @returns {Promise<{groups: Group[], bytes: number, made: number, took: number[]}>}
 */
async function pathCommit(groups, from) {
  const [committed, made] = await timed(() => groups[from].commit({ path: true }));
  const took = [];
  const after = [];
  for (const [i, group] of groups.entries()) {
    if (i === from) after.push(committed.group);
    else {
      const [{ group: next }, ms] = await timed(async () => group.apply(await group.open(committed.message)));
      if (next) after.push(next);
      took.push(ms);
    }
  }
  return { groups: after, bytes: committed.message.length, made, took };
}

/**
 * @param {number} members at least 64
 * @returns {Promise<Record<string, number>>} milliseconds and bytes; medians, but for the last join and the first path
 */
export async function measure(members) {
  const policy = {};
  /** @type {{signatureKey: SignatureKey, own: OwnKeyPackage}[]} */
  const own = [];
  for (let i = 1; i < members; i++) {
    const signatureKey = await newSignatureKey();
    own.push({ signatureKey, own: await newKeyPackage(leafData(i), signatureKey) });
  }
  const signatureKey = await newSignatureKey();
  const extensions = [{ type: 0xf0c0, data: random(100) }];
  const first = await Group.found({ groupId: random(16), extensions, data: leafData(0), signatureKey, policy });
  const spread = Array.from({ length: 15 }, (_, k) => Math.floor(((k + 1) * members) / 16) - 1);
  let groups = [first];
  /** @type {number[]} */
  const joins = [];
  let welcomeBytes = 0;
  for (let at = 0; at < own.length; at += BATCH) {
    const batch = own.slice(at, at + BATCH);
    const proposals = batch.map((o) => ({ type: /** @type {const} */ (1), keyPackage: o.own.keyPackage }));
    const added = await groups[0].commit({ proposals, path: false });
    const [, ...others] = groups;
    groups = [added.group];
    for (const group of others) {
      const { group: next } = await group.apply(await group.open(added.message));
      if (next) groups.push(next);
    }
    for (const i of [...spread, own.length - 1].filter((n) => n >= at && n < at + BATCH)) {
      const welcome = assembleWelcome(added.encryptedGroupInfo ?? new Uint8Array(0), [added.joiners[i - at]]);
      const [group, ms] = await timed(() => Group.join({ welcome, ...own[i], policy }));
      joins.push(ms);
      groups.push(group);
      welcomeBytes = welcome.length;
    }
  }
  const cold = await pathCommit(groups, 0);
  groups = cold.groups;
  for (let k = 1; k < 16; k++) ({ groups } = await pathCommit(groups, reversed(k)));
  const warm = [];
  for (let k = 0; k < 16; k++) {
    const next = await pathCommit(groups, reversed(k));
    groups = next.groups;
    warm.push(next);
  }
  return {
    members,
    welcomeBytes,
    join: joins.at(-1) ?? 0,
    coldCommit: cold.made,
    coldBytes: cold.bytes,
    coldProcess: median(cold.took),
    warmCommit: median(warm.map((w) => w.made)),
    warmBytes: median(warm.map((w) => w.bytes)),
    warmProcess: median(warm.flatMap((w) => w.took)),
  };
}
