// @ts-nocheck -- doubles of a group's state: as much of it as the rules look at
// A group without sessions, to see which commits count in it: as lab in e2ee/group/rules_test.go.
import { random } from '../../../static/js/e2ee/bytes.js';
import { fingerprint } from '../../../static/js/e2ee/link.js';
import * as links from '../../../static/js/e2ee/link.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';
import { Found, HEIR, firstExtensions, grant, withGrant } from '../../../static/js/e2ee/policy.js';
import { policyFor } from '../../../static/js/e2ee/rules.js';
import { COHOST, HOST, SEAT, admit, keyPackage, signatureKeyOf, writeSeat } from '../../../static/js/e2ee/seat.js';

export const VIEWER = 0;
const SERVER = random(32);

/** A group of people; the first is the creator. */
export class Lab {
  people = new Map();
  groupId = random(16);
  leaves = [];

  static async of(names, edit = async (m) => m) {
    const lab = new Lab();
    await lab.person('ann');
    lab.link = await links.make(lab.people.get('ann').ikPublic, true);
    lab.secrets = await links.secrets(lab.link, 'k7qm-2f9x-w3dj-8hrt');
    const creator = await fingerprint(lab.people.get('ann').ikPublic);
    const first = { creator, lobby: true, pskVersion: 1, roles: [], heirs: [], revoked: [] };
    lab.meeting = await edit(first, lab);
    for (const name of names) lab.leaves.push(await lab.leaf(name));
    lab.names = names;
    lab.found = new Found();
    return lab;
  }

  /** ann the creator, hal a host, coe a co-host, vic a viewer, and the participants pat and pam */
  static withRoles(edit = async (m) => m) {
    return Lab.of(['ann', 'hal', 'coe', 'vic', 'pat', 'pam'], async (m, lab) => {
      let next = withGrant(m, await lab.grant('ann', 'hal', HOST));
      next = withGrant(next, await lab.grant('hal', 'coe', COHOST));
      return edit(withGrant(next, await lab.grant('ann', 'vic', VIEWER)), lab);
    });
  }

  async person(name) {
    if (!this.people.has(name)) {
      const { privateKey, publicKey } = await newSignatureKey();
      this.people.set(name, { ik: { privateKey, publicKey: null }, ikPublic: publicKey });
    }
    return this.people.get(name);
  }

  async key(name) {
    return (await this.person(name)).ikPublic;
  }

  async leaf(name, { admission = null, bot = false, identity, extensions } = {}) {
    const key = await this.key(name);
    const seat = writeSeat({ bot, name: new Uint8Array(12 + 64 + 16), admission });
    return {
      signatureKey: key,
      credential: { type: 1, identity: identity ?? key },
      extensions: extensions ?? [{ type: SEAT, data: seat }],
    };
  }

  async grant(by, to, role) {
    return grant(await this.person(by), this.groupId, await this.key(to), role);
  }

  async heir(by, to) {
    return this.grant(by, to, HEIR);
  }

  async admission(by, to, role) {
    return admit(await this.person(by), this.groupId, await this.key(to), role);
  }

  extensions(m) {
    return firstExtensions(SERVER, m);
  }

  get serverKey() {
    return SERVER;
  }

  get context() {
    return { groupId: this.groupId, extensions: this.extensions(this.meeting) };
  }

  get state() {
    const member = (leaf) => {
      if (!this.leaves[leaf]) throw new Error('not a member');
      return this.leaves[leaf];
    };
    const members = [...this.leaves.keys()].filter((leaf) => this.leaves[leaf]);
    return { context: this.context, tree: { members, member } };
  }

  /** as much of a Group as the rules look at */
  get group() {
    const { state } = this;
    const members = state.tree.members.map((leaf) => ({ leaf, node: this.leaves[leaf] }));
    return { state, members, context: this.context };
  }

  at(name) {
    return this.names.indexOf(name);
  }

  /** a proposal by value */
  by(name, proposal) {
    return {
      proposal,
      sender: { type: 1, leaf: this.at(name) },
      reference: null,
      authenticatedData: new Uint8Array(0),
    };
  }

  remove(who, by) {
    return this.by(by, { type: 3, removed: this.at(who) });
  }

  psk(by, version = 1) {
    return this.by(by, { type: 4, psk: { type: 1, id: links.pskId(version), nonce: random(32) } });
  }

  policy(by, meeting) {
    return this.by(by, { type: 7, extensions: this.extensions(meeting) });
  }

  async add(by, name, { admission = null, proven = true, node } = {}) {
    const who = await this.person(name);
    const seat = writeSeat({ bot: false, name: new Uint8Array(12 + 64 + 16), admission });
    const own = await keyPackage(signatureKeyOf(who), this.secrets, seat);
    const k = { ...own.keyPackage, ...(node && { leaf: { ...own.keyPackage.leaf, ...node } }) };
    if (!proven) k.extensions = [{ ...k.extensions[0], data: random(32) }];
    return this.by(by, { type: 1, keyPackage: k });
  }

  /** @returns {Promise<string>} why a commit does not count; empty when it does */
  judge(by, ...list) {
    return policyFor(this.secrets, this.found).commit(list, this.at(by), new Uint8Array(0), this.state);
  }
}
