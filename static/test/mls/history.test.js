// Random histories: members of one group commit in turns, and all of them reach the same epochs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, random, utf8 } from '../../js/e2ee/bytes.js';
import { Member, add, remove } from '../../../tests/unit/mls/member.js';

/** @param {number} seed @returns {(n: number) => number} below n, always the same */
function dice(seed) {
  let x = seed;
  return (n) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * n);
  };
}

/** @template T @param {(n: number) => number} roll @param {T[]} list @returns {T} */
const one = (roll, list) => list[roll(list.length)];

/** One group, and what all of its members know. */
class History {
  members = /** @type {Member[]} */ ([]);
  psks = [{ id: utf8('root'), psk: random(32) }];
  epoch = 0n;

  /** @param {number} seed @param {number} most how many members */
  constructor(seed, most) {
    this.roll = dice(seed);
    this.most = most;
  }

  async begin() {
    const founder = new Member();
    await founder.create(utf8('0'), random(16));
    this.members.push(founder);
    return this;
  }

  async proposals() {
    const { members, roll } = this;
    if (roll(4) > 0 || members.length < 3) return null;
    const committer = one(roll, members);
    const proposer = one(roll, members);
    const joiner = new Member();
    const leaves = members.filter((m) => m !== committer).map((m) => m.group.leaf);
    const adding = roll(2) === 0;
    const change = adding ? add(await joiner.keyPackage(utf8('p'))) : remove(one(roll, leaves));
    const message = await proposer.propose(change);
    for (const member of members) if (member !== proposer) await member.process(message);
    const joiners = adding ? [joiner] : [];
    return { committer, change: { references: true, path: !adding || roll(2) > 0, psks: this.psks }, joiners };
  }

  async byValue() {
    const { members, roll } = this;
    const committer = one(roll, members);
    const others = members.filter((m) => m !== committer);
    const joiners = Array.from({ length: roll(Math.min(4, this.most - members.length + 1)) }, () => new Member());
    const adds = [];
    for (const joiner of joiners) adds.push(await joiner.keyPackage(utf8(`${adds.length}`)));
    const gone = others.filter(() => roll(members.length) === 0).slice(0, 3);
    const removes = gone.map((m) => m.group.leaf);
    const extensions = roll(6) === 0 ? [{ type: 0xf0c0, data: random(roll(9)) }] : null;
    const path = roll(2) === 0 || removes.length > 0 || extensions !== null || adds.length === 0;
    return { committer, change: { adds, removes, extensions, path, psks: roll(2) ? this.psks : [] }, joiners };
  }

  /** One commit that all members process. */
  async step() {
    const { members, roll, psks } = this;
    const { committer, change, joiners } = (await this.proposals()) ?? (await this.byValue());
    if (roll(5) === 0) {
      await committer.commit({ path: true });
      committer.discard(); // and nothing has changed
    }
    const { commit, welcomes } = await committer.commit(change);
    const stay = [];
    for (const member of members) {
      if (member === committer) stay.push(member);
      else if (!(await member.process(commit, psks)).removed) stay.push(member);
    }
    committer.confirm();
    for (const [i, joiner] of joiners.entries()) await joiner.join(welcomes[i], psks);
    this.members = [...stay, ...joiners];
    await this.same();
  }

  async same() {
    const { members, roll } = this;
    this.epoch++;
    for (const { group } of members) {
      assert.equal(group.epoch, this.epoch);
      assert.equal(hex(group.authenticator), hex(members[0].group.authenticator));
      assert.equal(group.members.length, members.length);
    }
    const from = one(roll, members);
    const message = await from.group.seal(utf8('hello'), utf8('aad'), roll(40));
    const to = one(roll, members);
    if (to === from) return;
    const { data, sender, authenticatedData } = await to.group.open(message);
    assert.deepEqual(
      [hex(data), sender.leaf, hex(authenticatedData)],
      [hex(utf8('hello')), from.group.leaf, hex(utf8('aad'))],
    );
    await assert.rejects(to.group.open(message), { check: 'generation' });
  }
}

for (const [seed, most, steps] of [
  [1, 2, 20],
  [2, 5, 25],
  [3, 9, 20],
  [4, 32, 15],
]) {
  test(`history ${seed}: ${steps} commits of up to ${most} members`, async () => {
    const history = await new History(seed, most).begin();
    for (let i = 0; i < steps; i++) await history.step();
  });
}
