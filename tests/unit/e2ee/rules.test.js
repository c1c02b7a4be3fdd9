// @ts-nocheck -- of doubles of a group's state
// Which commits count (docs/e2ee.md, sections 7 and 8): the cases of e2ee/group/rules_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint } from '../../../static/js/e2ee/link.js';
import { HEIR, grantsAreRight, meetingOf, roleOf, withGrant, writeMeeting } from '../../../static/js/e2ee/policy.js';
import { addProblem, joinedProblem, pathProblem, removalCounts } from '../../../static/js/e2ee/rules.js';
import { COHOST, HOST, MEETING, PARTICIPANT, seatOf, writeSeat } from '../../../static/js/e2ee/seat.js';
import { random } from '../../../static/js/e2ee/bytes.js';
import { Lab, VIEWER } from './lab.js';

/** @param {Lab} lab */
const wanting =
  (lab) =>
  async (by, what, counts, ...list) => {
    const problem = await lab.judge(by, ...(await Promise.all(list)));
    assert.equal(problem === '', counts, `${by}: ${what}: ${problem}`);
  };

test('who may remove', async () => {
  const lab = await Lab.withRoles();
  const wants = wanting(lab);
  for (const [by, may] of Object.entries({
    ann: { hal: true, coe: true, pat: true },
    hal: { ann: true, coe: true, pat: true },
    coe: { ann: false, hal: false, vic: true, pat: true },
    pat: { ann: false, coe: false, pam: false },
    vic: { pat: false },
  })) {
    for (const [who, counts] of Object.entries(may)) await wants(by, `removes ${who}`, counts, lab.remove(who, by));
  }
  const back = lab.add('pat', 'pam');
  await wants('pat', 'brings pam back', true, back, lab.remove('pam', 'pat'), lab.psk('pat'));
  await wants('pat', 'and coe goes', false, back, lab.remove('coe', 'pat'), lab.psk('pat'));
});

test('proposals count by who made them', async () => {
  const lab = await Lab.withRoles();
  const wants = wanting(lab);
  await wants('pat', "commits pam's own leaving", true, lab.remove('pam', 'pam'));
  await wants('pat', 'commits what a host proposed', true, lab.remove('vic', 'hal'));
  await wants('ann', 'commits what pam may not', false, lab.remove('hal', 'pam'));
  const server = (proposal, authenticatedData) => ({
    proposal,
    sender: { type: 2, index: 0 },
    reference: random(32),
    authenticatedData,
  });
  const removed = lab.at('coe');
  const own = server({ type: 3, removed }, await lab.key('coe'));
  const wrong = server({ type: 3, removed }, await lab.key('pat'));
  await wants('pat', "commits the server's", true, own);
  await wants('pat', "commits the server's of another key", false, wrong);
  const add = await lab.add('pat', 'new', { admission: await lab.admission('ann', 'new', PARTICIPANT) });
  await wants('pat', 'commits what the server adds', false, server(add.proposal, random(0)), lab.psk('pat'));
  const open = lab.extensions({ ...lab.meeting, lobby: false });
  await wants('pat', "commits the server's policy", false, server({ type: 7, extensions: open }, random(0)));
  await wants('ann', 'commits the PSK of another', false, lab.psk('hal'));
  await wants('ann', 'commits an Update', false, lab.by('ann', { type: 2 }));

  const counts = (proposed) => removalCounts(lab.group, lab.secrets, lab.found, proposed);
  for (const [proposed, is] of [
    [lab.remove('pam', 'pam'), true],
    [lab.remove('pam', 'pat'), false],
    [lab.remove('vic', 'hal'), true],
    [own, true],
    [wrong, false],
    [server({ type: 3, removed: 77 }, random(32)), false],
    [{ ...lab.remove('pam', 'pam'), sender: { type: 1, leaf: 77 } }, false],
    [{ ...lab.remove('pam', 'pam'), sender: { type: 3 } }, false],
    [lab.psk('ann'), false],
  ]) {
    assert.equal(await counts(proposed), is);
  }
});

test('who is added', async () => {
  const lab = await Lab.withRoles(async (m, l) => ({ ...m, revoked: [await l.key('rex')] }));
  const wants = wanting(lab);
  const one = async (by, what, counts, name, o) => wants(by, what, counts, lab.add(by, name, o), lab.psk(by));
  const by = (who, role, of = 'new') => lab.admission(who, of, role);
  await one('pat', 'one whom a host admitted', true, 'new', { admission: await by('hal', HOST) });
  await one('pat', 'one whom the creator admitted', true, 'new', { admission: await by('ann', PARTICIPANT) });
  await one('pat', 'one whom a co-host admitted', true, 'new', { admission: await by('coe', PARTICIPANT) });
  await one('pat', "a co-host's co-host", false, 'new', { admission: await by('coe', COHOST) });
  await one('ann', 'one whom a participant admitted', false, 'new', { admission: await by('pat', PARTICIPANT) });
  await one('ann', 'one who was not admitted', false, 'new', {});
  await one('ann', "one with another's", false, 'new', { admission: await by('ann', PARTICIPANT, 'pat') });
  const forged = { ...(await by('ann', VIEWER)), role: PARTICIPANT };
  await one('ann', 'one with a changed admission', false, 'new', { admission: forged });
  const rex = await lab.admission('ann', 'rex', PARTICIPANT);
  await one('ann', 'a revoked key', false, 'rex', { admission: rex });
  const admission = await by('ann', PARTICIPANT);
  await one('ann', 'a key package without the link', false, 'new', { admission, proven: false });
  const good = await lab.add('ann', 'new', { admission });
  await wants('ann', 'with the secret of the link', true, good, lab.psk('ann'));
  await wants('ann', 'without it', false, good);
  await wants('ann', 'with another', false, good, lab.psk('ann', 2));
  await wants('ann', 'with it twice', false, good, lab.psk('ann'), lab.psk('ann'));
  const credential = { type: 1, identity: await lab.key('pat') };
  await one('ann', "one with another's credential", false, 'new', { admission, node: { credential } });
  await one('ann', 'one without a seat', false, 'new', { admission, node: { extensions: [] } });
  assert.equal(await addProblem(lab.group, lab.secrets, lab.found, good.proposal.keyPackage), '');
  const back = await lab.add('ann', 'pam');
  assert.equal(await addProblem(lab.group, lab.secrets, lab.found, back.proposal.keyPackage), '', 'a return');

  const open = await Lab.withRoles(async (m) => ({ ...m, lobby: false }));
  await wanting(open)('pat', 'without a lobby anybody', true, open.add('pat', 'new'), open.psk('pat'));
  const away = await Lab.of(['ann', 'pat'], async (m, l) => withGrant(m, await l.grant('ann', 'hal', HOST)));
  await wanting(away)('pat', 'a host who comes back', true, away.add('pat', 'hal'), away.psk('pat'));
});

test('a commit adds 64 at most', async () => {
  const lab = await Lab.of(['ann', 'pat'], async (m) => ({ ...m, lobby: false }));
  const adds = await Promise.all(Array.from({ length: 65 }, (_, i) => lab.add('pat', `n${i}`)));
  assert.notEqual(await lab.judge('pat', ...adds, lab.psk('pat')), '');
  assert.equal(await lab.judge('pat', ...adds.slice(1), lab.psk('pat')), '');
});

test('who may change what', async () => {
  const lab = await Lab.withRoles(async (m, l) => ({
    ...m,
    heirs: [await l.heir('ann', 'pam')],
    revoked: [await l.key('rex')],
  }));
  const wants = wanting(lab);
  const { meeting } = lab;
  const change = (by, what, counts, next) => wants(by, what, counts, lab.policy(by, next));
  const open = { ...meeting, lobby: false };
  const revoke = async (name) => ({ ...meeting, revoked: [...meeting.revoked, await lab.key(name)] });
  const role = (g) => withGrant(meeting, g);
  const other = { ...meeting, creator: await fingerprint(await lab.key('pat')) };
  for (const by of ['ann', 'hal']) {
    await change(by, 'lobby', true, open);
    await change(by, 'role', true, role(await lab.grant(by, 'pat', HOST)));
    await change(by, 'role signed by the creator', true, role(await lab.grant('ann', 'pat', HOST)));
    await change(by, 'revokes a host', true, await revoke('hal'));
    await change(by, 'heirs', true, { ...meeting, heirs: [...meeting.heirs, await lab.heir(by, 'pat')] });
    await change(by, 'another creator', false, other);
    await change(by, 'another creator, and no roles', false, { ...other, roles: [], heirs: [] });
  }
  await change('ann', 'role that another signed', false, role(await lab.grant('hal', 'pat', HOST)));
  const heirs = [...meeting.heirs, await lab.heir('hal', 'pat')];
  await change('ann', 'heir that another signed', false, { ...meeting, heirs });
  await change('hal', 'role that no host signed', false, role(await lab.grant('pat', 'pat', HOST)));
  const forged = { ...(await lab.grant('hal', 'pat', COHOST)), role: HOST, signed: HOST };
  await change('hal', 'role of a wrong signature', false, role(forged));
  const promoted = { ...(await lab.heir('hal', 'pat')), role: HOST };
  await change('hal', 'role as if an heir had succeeded', false, role(promoted));
  const hal = await lab.key('hal');
  const out = { ...meeting, roles: meeting.roles.filter((g) => g.key.join() !== hal.join()) };
  await change('ann', 'takes hal out and leaves what hal signed', false, out);
  const anew = withGrant(out, await lab.grant('ann', 'coe', COHOST));
  await change('ann', 'takes hal out and signs that anew', true, anew);
  await change('coe', 'lobby', true, open);
  await change('coe', 'revokes a participant', true, await revoke('pat'));
  await change('coe', 'revokes a host', false, await revoke('hal'));
  await change('coe', 'revokes a co-host', false, await revoke('coe'));
  await change('coe', 'gives back a key', true, { ...meeting, revoked: [] });
  await change('coe', 'role', false, role(await lab.grant('coe', 'pat', COHOST)));
  await change('coe', 'heirs', false, { ...meeting, heirs: [] });
  await change('coe', 'version', false, { ...meeting, pskVersion: 2 });
  await change('pat', 'lobby', false, open);
  await change('vic', 'revokes', false, await revoke('pat'));
  await change('pam', 'succeeds while there are hosts', false, role({ ...meeting.heirs[0], role: HOST }));
  const [required, sender, ours] = lab.extensions(meeting);
  const anotherKey = [required, { ...sender, data: lab.extensions(meeting)[0].data }, ours];
  for (const extensions of [anotherKey, [required, sender], [required, ours], [required, sender, ours, ours]]) {
    await wants('ann', 'another extension', false, lab.by('ann', { type: 7, extensions }));
  }
});

test('who succeeds', async () => {
  const lab = await Lab.of(['pat', 'coe', 'pam', 'vic'], async (m, l) => {
    let next = withGrant(m, await l.grant('ann', 'coe', COHOST));
    next = withGrant(next, await l.grant('ann', 'vic', VIEWER));
    return { ...next, heirs: [await l.heir('ann', 'pam'), await l.heir('ann', 'vic')] };
  });
  const wants = wanting(lab);
  const { meeting } = lab;
  const own = async (name) => {
    const key = await lab.key(name);
    const g = [...meeting.roles, ...meeting.heirs].find((x) => x.key.join() === key.join());
    return g ?? lab.grant(name, name, HOST);
  };
  for (const [by, counts] of Object.entries({ coe: true, pam: true, pat: false, vic: false })) {
    const after = withGrant(meeting, { ...(await own(by)), role: HOST });
    await wants(by, 'succeeds', counts, lab.policy(by, after));
    await wants(by, 'succeeds and opens the lobby', false, lab.policy(by, { ...after, lobby: false }));
  }
  const listed = withGrant(meeting, { ...meeting.heirs[1], role: HOST });
  await wants('vic', 'succeeds by what was listed before', false, lab.policy('vic', listed));
  await wants(
    'pat',
    'has coe succeed',
    false,
    lab.policy('pat', withGrant(meeting, { ...(await own('coe')), role: HOST })),
  );
});

test('the leaf of a path', async () => {
  const lab = await Lab.withRoles();
  const pat = lab.at('pat');
  const problem = async (o = {}, sender = { type: 1, leaf: pat }) => {
    const leaf = await lab.leaf(o.name ?? 'pat', o);
    const received = { message: { content: { commit: { path: { leaf } } } }, sender };
    return pathProblem(lab.group, received, lab.found);
  };
  assert.equal(await problem(), '');
  assert.notEqual(await problem({ bot: true }), '');
  assert.equal(await problem({ admission: await lab.admission('hal', 'pat', HOST) }), '');
  assert.notEqual(await problem({ admission: await lab.admission('ann', 'pam', HOST) }), '');
  assert.notEqual(await problem({ extensions: [] }), '');
  assert.notEqual(await problem({ identity: await lab.key('ann') }), '');
  assert.notEqual(await problem({ name: 'pam' }), '', 'another key');
  const kept = await lab.admission('pam', 'pat', PARTICIPANT);
  kept.signature[3] ^= 1;
  lab.leaves[pat] = await lab.leaf('pat', { admission: kept });
  assert.equal(await problem({ admission: kept }), '', 'as before, whatever it is worth');
  assert.equal(await problem(), '', 'left out');
});

test("a room's owner is host on a device", async () => {
  const lab = await Lab.of(['pat', 'pam']);
  const { meeting, groupId, found } = lab;
  const key = await lab.key('own');
  const leaf = await lab.leaf('own', { admission: await lab.admission('ann', 'own', HOST) });
  assert.equal(await roleOf(meeting, groupId, key, leaf, found), HOST);
  const entry = withGrant(meeting, await lab.grant('ann', 'own', PARTICIPANT));
  assert.equal(await roleOf(entry, groupId, key, leaf, found), PARTICIPANT, 'an entry takes that back');
  const forged = { ...(await lab.admission('pat', 'own', HOST)), issuer: await lab.key('ann') };
  const lesser = await lab.admission('ann', 'own', COHOST);
  const others = await lab.admission('pat', 'own', HOST);
  for (const admission of [forged, lesser, others]) {
    const odd = await lab.leaf('own', { admission });
    assert.equal(await roleOf(meeting, groupId, key, odd, found), PARTICIPANT);
  }
  lab.leaves.push(leaf);
  assert.equal(await joinedProblem(lab.group, meeting.creator, lab.serverKey, found), '');
  lab.leaves[2] = await lab.leaf('own', { admission: forged });
  assert.notEqual(await joinedProblem(lab.group, meeting.creator, lab.serverKey, found), '');
});

test('a group that is shown is checked', async () => {
  const lab = await Lab.withRoles();
  const problem = (creator = lab.meeting.creator, key = lab.serverKey) =>
    joinedProblem(lab.group, creator, key, lab.found);
  assert.equal(await problem(), '');
  assert.notEqual(await problem(random(16)), '');
  assert.notEqual(await problem(lab.meeting.creator, random(32)), '');
  const { context } = lab;
  const more = {
    ...lab.group,
    context: { ...context, extensions: [...context.extensions, { type: 9, data: random(1) }] },
  };
  assert.notEqual(await joinedProblem(more, lab.meeting.creator, lab.serverKey, lab.found), '');
  lab.leaves[4] = await lab.leaf('pat', { extensions: [] });
  assert.notEqual(await problem(), '', 'a leaf without a seat');
  lab.leaves[4] = await lab.leaf('pat');
  lab.meeting = withGrant(lab.meeting, await lab.grant('pat', 'pat', HOST));
  assert.notEqual(await problem(), '', 'a role that the creator has not given');
});

test('policies of wrong form', async () => {
  const lab = await Lab.withRoles(async (m, l) => ({ ...m, heirs: [await l.heir('ann', 'pam')] }));
  const { meeting: good } = lab;
  const raw = writeMeeting(good);
  const read = (data) => meetingOf([{ type: MEETING, data }]);
  assert(read(raw));
  const [first, ...others] = good.roles;
  const withFirst = (o) => ({ ...good, roles: [{ ...first, ...o }, ...others] });
  const heir = good.heirs[0];
  for (const [what, m] of Object.entries({
    'two entries of a key': { ...good, roles: [...good.roles, good.roles.at(-1)] },
    'a role above host': withFirst({ role: 5, signed: 5 }),
    'an heir among roles': withFirst({ role: HEIR, signed: HEIR }),
    'signed for less': withFirst({ role: HOST, signed: PARTICIPANT }),
    'signed for more': withFirst({ role: PARTICIPANT, signed: HOST }),
    'an heir twice': { ...good, heirs: [heir, heir] },
    'a host among heirs': { ...good, heirs: [{ ...heir, role: HOST, signed: HOST }] },
    'four heirs': { ...good, heirs: await Promise.all(['a', 'b', 'c', 'd'].map((n) => lab.heir('ann', n))) },
    'too many revoked': { ...good, revoked: Array.from({ length: 257 }, () => random(32)) },
    'one revoked twice': { ...good, revoked: [heir.key, heir.key] },
    'too many roles': { ...good, roles: Array.from({ length: 65 }, () => ({ ...first, key: random(32) })) },
  })) {
    assert.equal(read(writeMeeting(m)), null, what);
  }
  assert(read(writeMeeting({ ...good, revoked: Array.from({ length: 256 }, () => random(32)) })));
  for (let n = 0; n < raw.length; n++) assert.equal(read(raw.slice(0, n)), null, `${n} bytes`);
  assert.equal(read(Uint8Array.of(...raw, 0)), null);
  const flag = raw.slice();
  flag[16] = 2; // lobby
  assert.equal(read(flag), null);
});

test('roles lead to the creator', async () => {
  const lab = await Lab.of(['ann']);
  const { groupId, found, meeting } = lab;
  const right = (m) => grantsAreRight(m, groupId, found);
  const chain = withGrant(
    withGrant(meeting, await lab.grant('ann', 'hal', HOST)),
    await lab.grant('hal', 'hugo', HOST),
  );
  assert(await right(withGrant(chain, await lab.grant('hugo', 'coe', COHOST))));
  const lower = withGrant(meeting, await lab.grant('ann', 'coe', COHOST));
  assert(!(await right(withGrant(lower, await lab.grant('coe', 'pat', COHOST)))), 'by one who is no host');
  assert(!(await right(withGrant(meeting, await lab.grant('pat', 'pat', HOST)))), 'by oneself');
  const circle = withGrant(meeting, await lab.grant('b', 'a', HOST));
  assert(!(await right(withGrant(circle, await lab.grant('a', 'b', HOST)))), 'in a circle');
  assert(!(await right({ ...meeting, heirs: [await lab.heir('pat', 'pam')] })), 'an heir');
  const moved = { ...(await lab.grant('ann', 'hal', HOST)), key: await lab.key('pat') };
  assert(!(await right(withGrant(meeting, moved))), "another's");
});

test('a seat is well-formed, and of its leaf', async () => {
  const lab = await Lab.of(['ann']);
  const leaf = await lab.leaf('ann', { admission: await lab.admission('ann', 'ann', PARTICIPANT) });
  assert(seatOf(leaf));
  const [{ type, data }] = leaf.extensions;
  const changed = (at, byte) => {
    const copy = data.slice();
    copy[at] = byte;
    return { ...leaf, extensions: [{ type, data: copy }] };
  };
  assert.equal(seatOf(changed(0, 2)), null, 'unknown flags');
  assert.equal(seatOf(changed(data.length - 97, 4)), null, 'an admission to an unknown role');
  for (const n of [data.length - 1, 60]) {
    assert.equal(seatOf({ ...leaf, extensions: [{ type, data: data.slice(0, n) }] }), null);
  }
  assert.equal(seatOf({ ...leaf, extensions: [{ type, data: Uint8Array.of(...data, 0) }] }), null);
  assert.equal(seatOf({ ...leaf, credential: { ...leaf.credential, type: 2 } }), null);
  for (const n of [0, 91, 93, 285]) {
    const odd = writeSeat({ bot: false, name: random(n), admission: null });
    assert.equal(seatOf({ ...leaf, extensions: [{ type, data: odd }] }), null, `a name of ${n} bytes`);
  }
});
