// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// What a bad member does past its session's own checks: messages made with the MLS library alone.
import { base64url, equal, unbase64url } from '../../../static/js/e2ee/bytes.js';
import { writeRejected, writeSecrets } from '../../../static/js/e2ee/entries.js';
import { psk, pskId } from '../../../static/js/e2ee/link.js';
import { pskProposal, findPsk } from '../../../static/js/e2ee/commits.js';
import { Group } from '../../../static/js/e2ee/mls/group.js';
import { readKeyPackageMessage } from '../../../static/js/e2ee/mls/keypackage.js';
import { firstExtensions, grant, withGrant, withMeeting } from '../../../static/js/e2ee/policy.js';
import { leafData, signatureKeyOf, writeSeat } from '../../../static/js/e2ee/seat.js';

/** A group with the state of another, and none of the rules. */
const lawless = (group) => new Group({ ...group.state, policy: {} });

const gce = (group, meeting) => ({ type: 7, extensions: withMeeting(group.context.extensions, meeting) });

const packageOf = (seat) => readKeyPackageMessage(unbase64url(seat.package.data));

/** @returns {Promise<any>} proposals of a kind, or null where it makes none */
async function proposalsOf(kind, mal, target) {
  const { epoch } = mal.session;
  const { group, meeting } = epoch;
  const leafOf = (seat) => epoch.members.get(seat.session.key)?.leaf ?? seat.leaves?.at(-1) ?? 0;
  const self = { role: async (role) => grant(mal.session.identity, epoch.groupId, epoch.self.ik, role) };
  switch (kind) {
    case 'remove':
      return [{ type: 3, removed: leafOf(target) }];
    case 'add':
      return [{ type: 1, keyPackage: packageOf(target) }, pskProposal(1)];
    case 'twice':
      return [{ type: 1, keyPackage: packageOf(target) }, pskProposal(1)];
    case 'no psk':
      return [{ type: 1, keyPackage: packageOf(target) }];
    case 'role':
      return [gce(group, withGrant(meeting, await self.role(3)))];
    case 'succeed': {
      const own = [...meeting.roles, ...meeting.heirs].find((g) => equal(g.key, epoch.self.ik));
      return [gce(group, withGrant(meeting, own ? { ...own, role: 3 } : await self.role(3)))];
    }
    case 'revoke':
      return [gce(group, { ...meeting, revoked: [...meeting.revoked, target.session.identity.ikPublic] })];
    case 'lobby':
      return [gce(group, { ...meeting, lobby: !meeting.lobby })];
    case 'creator':
      return [gce(group, { ...meeting, creator: epoch.self.ik.slice(0, 16) })];
    case 'nothing':
    case 'by reference':
      return [];
    default:
      return null;
  }
}

/** the reference of the removal of a leaf that came last */
const newestRemoval = (group, epoch, target) => {
  const leaf = epoch.members.get(target.session.key)?.leaf;
  return group.proposals
    .filter((p) => p.proposal.removed === leaf)
    .map((p) => p.reference)
    .slice(-1);
};

/** badProposal has the server put into the log what it would not take: a member's proposal to remove another. */
export async function badProposal(world, mal, target) {
  const { epoch } = mal.session;
  const removed = epoch.members.get(target.session.key)?.leaf ?? 0;
  const message = await lawless(epoch.group).propose({ type: 3, removed });
  world.clock.in(20, () => world.server.request(mal, 'propose', { data: base64url(message) }));
}

/** badCommit sends a commit that the session itself would not make. */
export async function badCommit(world, mal, kind, target, cannotOpen = []) {
  const { epoch } = mal.session;
  const group = lawless(epoch.group);
  const garbage = async () => {
    const { message } = await group.commit({ proposals: [], path: true });
    message[message.length - 40] ^= 1;
    return { message, joiners: [], added: [], encryptedGroupInfo: null };
  };
  const proposals = await proposalsOf(kind, mal, target);
  const references = kind === 'by reference' ? newestRemoval(group, epoch, target) : [];
  let made;
  try {
    const path = !proposals?.some((p) => p.type === 1);
    const authenticatedData = writeRejected(mal.session.commits.rejected);
    const find = findPsk(mal.session.secrets);
    const what = { proposals, references, path, psk: find, authenticatedData };
    made = proposals ? await group.commit(what) : await garbage();
  } catch {
    made = await garbage();
  }
  if (kind === 'cut') made.message = made.message.slice(0, -40);
  for (const name of cannotOpen) spoil(world.seat(name));
  const added = made.added.map((leaf, i) => ({
    participant: target.n,
    leaf,
    secrets: base64url(writeSecrets(made.joiners[i])),
  }));
  if (made.group && kind === 'nothing') mal.malGroup = made;
  const fields = {
    data: base64url(made.message),
    ...(made.encryptedGroupInfo && { group_info: base64url(made.encryptedGroupInfo) }),
    added,
  };
  world.clock.in(20, () => world.server.request(mal, 'commit', fields));
  // An honest session of the author would take its own commit: this one has made it past its session.
  if (kind === 'nothing') {
    const s = mal.session;
    s.commits.pending = {
      message: made.message,
      group: new Group({ ...made.group.state, policy: s.policy }),
      epoch: epoch.number,
      acts: [],
      at: world.clock.now,
      removed: made.removed,
      path: true,
    };
  }
}

/** spoil makes private keys above the leaf of a session useless, so that no path opens any more. */
function spoil(seat) {
  const { keys } = seat.session.epoch.group.state;
  const other = [...keys.values()];
  for (const [node, pair] of keys) {
    const wrong = other.find((p) => p !== pair) ?? pair;
    keys.set(node, { publicKey: pair.publicKey, privateKey: wrong === pair ? seat.spoiled : wrong.privateKey });
  }
}

/** forgedMeeting makes a group of mal's own, with the id and creator of the meeting, and dave in it. */
export async function forgedMeeting(world, mal, dave, asHost) {
  const s = mal.session;
  const { epoch } = s;
  let meeting = { ...epoch.meeting, lobby: false, roles: [], heirs: [] };
  if (asHost) meeting = withGrant(meeting, await grant(s.identity, epoch.groupId, s.identity.ikPublic, 3));
  const extensions = firstExtensions(world.server.key.publicKey, meeting);
  const seat = writeSeat({ bot: false, name: s.o.sealed, admission: epoch.self.seat.admission });
  let group = await Group.found({
    groupId: epoch.groupId,
    extensions,
    data: leafData(s.identity.ikPublic, seat),
    signatureKey: signatureKeyOf(s.identity),
    policy: {},
  });
  const find = (id) => (equal(id.id, pskId(1)) ? psk(s.secrets, 1) : null);
  const others = world.server.here().filter((x) => x !== mal && x !== dave && x.package);
  const adds = [dave, ...others].map((x) => ({ type: 1, keyPackage: packageOf(x) }));
  ({ group } = await group.commit({ proposals: [pskProposal(1)], path: true, psk: find }));
  const made = await group.commit({ proposals: [...adds, pskProposal(1)], path: true, psk: find });
  return { made, group: made.group };
}
