// @ts-nocheck -- of doubles of epochs and rosters
// The parts that a session is made of, each by itself (docs/e2ee.md, sections 3, 7, 9, 11, 12 and 15).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beats } from '../../../static/js/e2ee/beats.js';
import { Blame } from '../../../static/js/e2ee/blame.js';
import { base64url, random } from '../../../static/js/e2ee/bytes.js';
import { pairNumber } from '../../../static/js/e2ee/codes.js';
import { Commits, findPsk } from '../../../static/js/e2ee/commits.js';
import { entryHash, readHead, writeRejected } from '../../../static/js/e2ee/entries.js';
import { fold } from '../../../static/js/e2ee/fold.js';
import * as links from '../../../static/js/e2ee/link.js';
import { encodeMessage } from '../../../static/js/e2ee/mls/messages.js';
import { newSignatureKey } from '../../../static/js/e2ee/mls/signing.js';
import { newPair } from '../../../static/js/e2ee/mls/x25519.js';
import { Newcomer, isTakenOver, vouches } from '../../../static/js/e2ee/newcomer.js';
import { People } from '../../../static/js/e2ee/people.js';
import { MAX_REVOKED } from '../../../static/js/e2ee/policy.js';
import { Losses, Roster } from '../../../static/js/e2ee/presence.js';
import { openPrivate, sealPrivate } from '../../../static/js/e2ee/private.js';
import { COHOST, HOST, PARTICIPANT, openName, sealName } from '../../../static/js/e2ee/seat.js';
import { Session } from '../../../static/js/e2ee/session.js';
import { Stewardship } from '../../../static/js/e2ee/stewardship.js';
import { Rates, classOf, encodeTalk, parseTalk } from '../../../static/js/e2ee/talk.js';

const MEETING = 'k7qm-2f9x-w3dj-8hrt';

const identity = async () => {
  const { privateKey, publicKey } = await newSignatureKey();
  return { ik: { privateKey, publicKey: null }, ikPublic: publicKey };
};

/** An epoch of people with roles, leaves in their order; the first is oneself. */
function epochOf(people, { number = 5n, at = 0 } = {}) {
  const members = new Map();
  const leaves = new Map();
  for (const [leaf, [name, role, added]] of people.entries()) {
    const ik = new TextEncoder().encode(name.padEnd(32));
    const m = { key: base64url(ik), ik, leaf, role, added: Boolean(added), encryptionKey: ik, seat: { bot: false } };
    members.set(m.key, m);
    leaves.set(leaf, m);
  }
  const hosts = [...members.values()].filter((m) => m.role === HOST);
  const group = { leaf: 0, copathSizes: () => [], context: {} };
  const meeting = { roles: [], heirs: [], revoked: [] };
  const order = async () => [...leaves.keys()];
  return { members, leaves, self: leaves.get(0), hosts, number, at, group, meeting, order };
}

const named = (epoch, name) => [...epoch.members.values()].find((m) => new TextDecoder().decode(m.ik).trim() === name);

test('a link has each of its parts once, and right', async () => {
  const link = await links.make(random(32), true);
  const fragment = links.format(link);
  assert.deepEqual(links.parse(fragment), link);
  assert.deepEqual(links.parse(`${fragment}&x=1`), link);
  const [k, c, l] = fragment.slice(1).split('&');
  for (const bad of [
    '',
    [k, c],
    [k, l],
    [c, l],
    [k, k, c, l],
    [k, c, l, l],
    [k.slice(0, -2), c, l],
    [k, `${c}AA`, l],
    [k, c, 'l=2'],
    [k, c, 'l='],
    [`${k.slice(0, -1)}!`, c, l],
  ]) {
    assert.equal(links.parse([bad].flat().join('&')), null, String(bad));
  }
  assert(links.hasKey('#k=AA') && !links.hasKey('#c=AA'));
});

test('only the secret of the version that is asked for is given', async () => {
  const secrets = await links.secrets(await links.make(random(32), true), MEETING);
  const find = findPsk(secrets);
  const id = links.pskId(7);
  assert.deepEqual(await find({ type: 1, id }), await links.psk(secrets, 7));
  const other = id.slice();
  other[5] ^= 1;
  for (const bad of [
    { type: 2, id },
    { type: 1, id: other },
    { type: 1, id: id.slice(1) },
  ]) {
    assert.equal(find(bad), null);
  }
});

test('names open for whom they were sealed, and only as names', async () => {
  const secrets = await links.secrets(await links.make(random(32), true), MEETING);
  const [ik, other] = [random(32), random(32)];
  const sealed = await sealName(secrets, ik, 'Ann');
  assert.equal(await openName(secrets, ik, sealed), 'Ann');
  assert.equal(await openName(secrets, other, sealed), '');
  assert.equal(await openName(secrets, ik, await sealName(secrets, ik, 'Ann\u202e')), '');
  assert.equal(sealed.length, (await sealName(secrets, ik, 'A')).length, 'lengths do not tell');
});

test('a private message is of who signed it', async () => {
  const [ann, mal, bob] = [await identity(), await identity(), await identity()];
  const leaf = await newPair();
  const under = { groupId: random(16), epoch: 3n, key: random(16), hpke: random(32) };
  const to = { ik: bob.ikPublic, encryptionKey: leaf.publicKey };
  const inner = { kind: 'chat', counter: 1, text: 'yes' };
  const open = (data, from = ann.ikPublic, u = under) => openPrivate(u, bob.ikPublic, leaf, from, data);
  const data = await sealPrivate(under, ann, to, inner);
  assert.deepEqual(await open(data), inner);
  await assert.rejects(open(await sealPrivate(under, { ...mal, ikPublic: ann.ikPublic }, to, inner)), /forged/);
  await assert.rejects(open(data, mal.ikPublic));
  for (const u of [{ hpke: random(32) }, { key: random(16) }, { groupId: random(16) }]) {
    await assert.rejects(open(data, ann.ikPublic, { ...under, ...u }));
  }
  for (const at of [3, 12, 40, data.length - 1]) {
    const changed = data.slice();
    changed[at] ^= 1;
    await assert.rejects(open(changed), `byte ${at}`);
  }
  await assert.rejects(open(await sealPrivate(under, ann, to, { ...inner, text: 'x'.repeat(1501) })));
});

test('what members say is read as it was written, and nothing else', () => {
  for (const m of [
    { type: 'here' },
    { type: 'beat', epoch: 4n, position: 9n },
    { type: 'chat', text: 'hello' },
    { type: 'reaction', text: 'heart' },
    { type: 'app', text: '{}' },
    { type: 'compare', epoch: 4n },
    { type: 'consent', given: true, bot: random(32) },
  ]) {
    const plain = encodeTalk(m);
    assert.deepEqual(parseTalk(plain), m);
    if (!('text' in m)) assert.throws(() => parseTalk(Uint8Array.of(...plain, 0)), m.type);
    if (plain.length > 1) assert.throws(() => parseTalk(plain.slice(0, 'text' in m ? 1 : -1)), m.type);
  }
  assert.equal(parseTalk(Uint8Array.of(99, 1)), null);
  assert.throws(() => parseTalk(Uint8Array.of(7, 2, ...random(32))));
  assert.deepEqual([0, 64, 65, 8192].map(classOf), [64, 64, 256, 8192]);
  assert.throws(() => classOf(8193));
});

test('of a flood ten a second are read, after a burst of forty, of each by itself', () => {
  const rates = new Rates();
  const taken = (who, now, n) => Array.from({ length: n }, () => rates.take(who, now)).filter(Boolean).length;
  assert.equal(taken('mal', 0, 100), 40);
  assert.equal(taken('ann', 0, 5), 5);
  assert.equal(taken('mal', 1000, 100), 10);
  assert.equal(taken('mal', 100_000, 100), 40);
});

test('the number of two people is the same for both', async () => {
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  assert.equal(await pairNumber(a, b), await pairNumber(b, a));
});

test('names that look the same are folded to the same', () => {
  for (const [a, b] of [
    ['Ann', 'Аnn'],
    ['paypal', 'раураl'],
    ['Ann', 'ＡＮＮ'],
    ['Il', 'lI'],
    ['modem', 'modern'],
    ['O0', '0o'],
    ['a  b ', ' A b'],
  ]) {
    assert.equal(fold(a), fold(b), `${a} ${b}`);
  }
  assert.notEqual(fold('Zoë'), fold('Zoe'));
});

test('of two who say that they are stuck the author is shown, and not for one who says it twice', async () => {
  const commit = random(50);
  const hash = base64url(await entryHash(commit));
  const blame = new Blame();
  await blame.remember(commit, 'mal');
  for (const by of ['bob', 'bob', 'mal', '']) blame.said(hash, by);
  assert.equal(blame.culprit, '');
  blame.said(base64url(random(32)), 'cat');
  assert.equal(blame.culprit, '');
  blame.said(hash, 'cat');
  assert.equal(blame.culprit, 'mal');
});

test('a newcomer takes other secrets only where their commit rejects that of the first', async () => {
  const content = (data) => ({
    wireFormat: 1,
    message: {
      content: {
        groupId: random(16),
        epoch: 1n,
        sender: { type: 1, leaf: 0 },
        authenticatedData: data,
        contentType: 3,
        commit: { proposals: [], path: null },
      },
      auth: { signature: random(64), confirmationTag: random(32) },
      membershipTag: random(32),
    },
  });
  const first = encodeMessage(content(new Uint8Array(0)));
  const rejecting = encodeMessage(content(writeRejected([await entryHash(first)])));
  const n = new Newcomer(true);
  assert(n.takes(4), 'nothing was taken yet');
  n.joined(4, 0);
  await n.saw(4, first);
  await n.saw(5, encodeMessage(content(new Uint8Array(0))));
  await n.saw(6, rejecting);
  assert(!n.takes(5));
  assert(n.takes(6));
  assert(!n.takes(7), 'not seen');
  n.confirm();
  assert(!n.takes(6));
});

test('a host confirms a group, or who stands in for one where oneself is host', () => {
  const epoch = epochOf([['dave', PARTICIPANT], ['ann', HOST], ['pat', PARTICIPANT]]); // prettier-ignore
  const n = new Newcomer(true);
  n.joined(3, 0);
  n.heard(epoch, named(epoch, 'pat'));
  assert(!n.confirmed);
  n.heard(epoch, named(epoch, 'ann'));
  assert(n.confirmed);

  const own = epochOf([['ann', HOST], ['pat', PARTICIPANT]]); // prettier-ignore
  const back = new Newcomer(true);
  back.joined(3, 0);
  back.heard(own, named(own, 'pat'));
  assert(back.confirmed, 'a host who is alone takes the word of others');

  const hostless = epochOf([['dave', PARTICIPANT], ['pat', PARTICIPANT]]); // prettier-ignore
  for (const [lobby, sure] of [
    [true, false],
    [false, true],
  ]) {
    const m = new Newcomer(lobby);
    m.joined(3, 0);
    m.entered(hostless);
    assert.equal(m.confirmed, sure, 'what counts is the link');
    assert.equal(m.linkOnly, sure);
    m.heard(hostless, named(hostless, 'pat'));
    assert.equal(m.confirmed, sure, 'a stand-in confirms to hosts alone');
  }
});

test('who has another seat by the roster was taken over, and no one else', () => {
  assert(isTakenOver(6, 5));
  assert(!isTakenOver(5, 5));
  assert(!isTakenOver(0, 5));
});

test('a group that no one confirms is given up after 5 s, then later, if one who could is here', () => {
  const epoch = epochOf([['dave', PARTICIPANT], ['ann', HOST]]); // prettier-ignore
  const n = new Newcomer(true);
  n.joined(3, 1000);
  const [here, away] = [{ connected: () => true }, { connected: () => false }];
  assert(!n.givesUp(epoch, here, 5999));
  assert(!n.givesUp(epoch, away, 6000));
  assert(n.givesUp(epoch, here, 6000));
  assert(n.takes(9), 'whatever comes then');
  n.joined(9, 7000);
  assert(!n.givesUp(epoch, here, 16_999));
  assert(n.givesUp(epoch, here, 17_000));
});

test('hosts that are not new confirm an epoch with a new member', () => {
  const before = epochOf([['ann', HOST], ['pat', PARTICIPANT]]); // prettier-ignore
  const after = epochOf([['ann', HOST], ['pat', PARTICIPANT], ['dave', PARTICIPANT, true]]); // prettier-ignore
  assert(vouches(after, before));
  assert(!vouches(after, null), 'new oneself');
  assert(!vouches(before, before), 'no one is new');
  const pat = epochOf([['pat', PARTICIPANT], ['ann', HOST], ['dave', PARTICIPANT, true]]); // prettier-ignore
  assert(!vouches(pat, before), 'a host does');
});

test('beats of witnesses alone end a silence', () => {
  const epoch = epochOf([['pat', PARTICIPANT], ['ann', HOST], ['pam', PARTICIPANT]]); // prettier-ignore
  const beats = new Beats();
  beats.restart(0);
  beats.entered(epoch, 0);
  beats.heard(epoch, named(epoch, 'pam'), 40_000);
  const states = [44_999, 45_000, 74_999, 75_000].map((at) => beats.state(at));
  assert.deepEqual(states, ['ok', 'warn', 'warn', 'stopped']);
  beats.heard(epoch, named(epoch, 'ann'), 76_000);
  assert.equal(beats.state(76_000), 'ok');
});

test('a leaf that is lost stays lost where the log said so, from the first word of it', () => {
  const l = new Losses();
  l.learn(3, 'bob', 1000, true);
  l.learn(3, 'bob', 1500, false);
  l.back('bob');
  assert.deepEqual([l.stopAt, l.sayAt, l.leaves], [2000, 4000, [3]]);
  assert.deepEqual([l.overdue(5999), l.overdue(6000)], [[], [3]]);
  l.keep(() => false);
  assert.equal(l.stopAt, Infinity);
  l.learn(4, 'cat', 0, true);
  l.back('cat');
  assert.deepEqual(l.leaves, [], 'only the roster said so');
  l.learn(5, 'dan', 0, false);
  assert.deepEqual(l.overdue(99_999), [], 'the log has the removal');
});

test('three losses within a minute make a return wait, longer each time', () => {
  const l = new Losses();
  const lose = (at) => {
    l.learn(at, 'bob', at, true);
    l.keep(() => false);
    return l.mayReturn('bob');
  };
  assert.deepEqual([lose(0), lose(1000), lose(2000), lose(3000)], [0, 0, 12_000, 23_000]);
  assert.equal(l.mayReturn('cat'), 0);
});

test('a number keeps its announcement, and a key is where it was shown last', () => {
  const [a, b] = [random(32 + 92), random(32 + 92)].map(base64url);
  const r = new Roster();
  r.see({ participant: 1, announce: a });
  const { key } = r.seats.get(1);
  assert(key);
  assert.equal(r.number(key), 1);
  r.see({ participant: 1, announce: b });
  assert.equal(r.key(1), '', 'another announcement for the same number');
  r.see({ participant: 2, announce: a });
  r.see({ participant: 3, announce: a });
  r.gone(2);
  assert.equal(r.number(key), 3);
  assert.equal(r.see({ participant: 4, announce: a.slice(0, -2) }).key, '');
});

test('where no more can be revoked, none is forgotten, and the meeting is locked', async () => {
  const wanted = [];
  const session = { commits: { want: (act) => wanted.push(act) }, epoch: { self: { role: PARTICIPANT } } };
  const steward = new Stewardship(session);
  const key = random(32);
  await steward.take({ type: 'remove', keys: [base64url(key)] });
  const revoked = Array.from({ length: MAX_REVOKED }, () => random(32));
  const full = { roles: [], heirs: [], revoked, lobby: false };
  assert.deepEqual(await wanted[0].change(full), { ...full, lobby: true });
  const room = { ...full, revoked: revoked.slice(1) };
  assert.deepEqual(await wanted[0].change(room), { ...room, revoked: [...room.revoked, key] });
});

test('hosts and co-hosts admit those who wait, and no key that was removed', async () => {
  const [host, out] = [await identity(), await identity()];
  const admitted = async (role, lobby) => {
    const waiting = [random(32), out.ikPublic].map((key, i) => ({ participant: 8 + i, key: base64url(key) }));
    const meeting = { lobby, revoked: [out.ikPublic] };
    const epoch = { groupId: random(16), meeting, self: { role } };
    const session = { commits: {}, identity: host, waiting, epoch, out: [] };
    await new Stewardship(session).take({ type: 'admit', participants: [7, 8, 9] });
    const [{ list, missing }] = session.out;
    return [list.map((a) => a.participant), missing];
  };
  for (const lobby of [true, false]) {
    assert.deepEqual(await admitted(HOST, lobby), [[8], 2]);
    assert.deepEqual(await admitted(COHOST, lobby), [[8], 2]);
    assert.deepEqual(await admitted(PARTICIPANT, lobby), [[], 3]);
  }
});

test('an author of a wrong commit leaves the ranking; who rejects commits next in rank', async () => {
  const epoch = epochOf([['ann', HOST], ['mal', PARTICIPANT], ['cat', PARTICIPANT]]); // prettier-ignore
  epoch.order = async () => [1, 2, 0];
  const roster = { connected: () => true };
  const commits = new Commits({ roster, losses: { mayReturn: () => 0 } });
  commits.entered(epoch, { author: '', path: true, own: null }, 0);
  commits.proposed(2, random(32), 1000);
  assert.equal(await commits.due(epoch, 1000), 1000 + 50 + 150, 'mal is before oneself; cat is going');
  commits.reject(random(32), named(epoch, 'mal').key, 1100);
  assert.equal(await commits.due(epoch, 1100), 1100, 'at once, in the place of mal');
  const alone = new Commits({ roster, losses: { mayReturn: () => 0 } });
  alone.entered(epoch, { author: '', path: true, own: null }, 0);
  alone.reject(random(32), '', 1100);
  assert.equal(await alone.due(epoch, 1100), 1100 + 2 * 150, 'with a path alone');
  alone.proposed(0, random(32), 1000);
  assert.equal(await alone.due(epoch, 1100), Infinity, 'one is on the way out');
});

test('with a waiting room only the creator founds', async () => {
  const [ann, bob] = [await identity(), await identity()];
  const server = { type: 'group', server_key: base64url((await newSignatureKey()).publicKey), position: 0, epoch: 0 };
  for (const [who, lobby, founds] of [
    [ann, true, true],
    [bob, true, false],
    [bob, false, true],
  ]) {
    const link = await links.make(ann.ikPublic, lobby);
    const s = await Session.create({ meeting: MEETING, link, identity: who, name: 'x' });
    await s.handle({ type: 'welcome', participant: 1, participants: [], resumed: false }, 0);
    const out = await s.handle({ ...server, found: true }, 0);
    assert.equal(out.some((o) => o.what === 'found'), founds); // prettier-ignore
  }
});

test('the head of an entry is read, whatever follows it', () => {
  const head = [0, 1, 0, 1, 2, 7, 7, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0, 5, 1, 8, 3];
  const want = { groupId: [7, 7], epoch: 9n, authenticatedData: [8], contentType: 3 };
  const read = (bytes) => {
    const h = readHead(Uint8Array.from(bytes));
    return h && { ...h, groupId: [...h.groupId], authenticatedData: [...h.authenticatedData] };
  };
  assert.deepEqual(read([...head, 99, 99]), want);
  assert.deepEqual(read(head), want);
  for (let n = 0; n < head.length; n++) assert.equal(read(head.slice(0, n)), null);
  assert.equal(read([0, 1, 0, 2, ...head.slice(4)]), null, 'no PublicMessage');
  assert.equal(read([0, 2, ...head.slice(2)]), null, 'another version');
});

test('the list of people is the group: whom only the server names is not in it, but for those outside', () => {
  const people = new People();
  const said = (participant, o = {}) => ({ participant, name: '', role: 'participant', sources: [], hand: 0, ...o });
  people.welcome({ participant: 1, participants: [said(2), said(3), said(4, { kind: 'bot' })], resumed: false });
  const person = (key, leaf, participant, o = {}) => ({ key, leaf, participant, name: key, role: 'participant', ...o });
  const view = {
    state: 'in',
    people: [person('ann', 0, 1, { self: true }), person('bob', 1, 2), person('gil', 2, 0)],
    outside: [
      { participant: 3, name: 'eve', key: 'eve' },
      { participant: 4, name: 'rec', key: 'rec' },
    ],
    lobbyNames: [],
  };
  const { first } = people.group(view);
  assert.deepEqual(first.map((p) => p.name).sort(), ['bob', 'gil', 'rec']);
  assert.equal(people.number('gil') > 2 ** 32, true, 'who has a leaf and no seat is shown');
  assert.equal(people.key(3), '');
});
