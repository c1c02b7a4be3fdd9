// JavaScript's end of the line protocol by which a test drives members of several implementations in one group:
// e2ee/mls/interop.md.
import { hex, utf8 } from '../../../static/js/e2ee/bytes.js';
import { bytes, psksOf, serve } from './lines.js';
import { Member, add, remove } from './member.js';

/** @type {Map<string, Member>} */
const members = new Map();

/** @param {any} request @returns {Member} */
const memberOf = ({ member }) => {
  const found = members.get(member);
  if (!found) throw new Error(`no member ${member}`);
  return found;
};

const extensionsOf = (/** @type {any[]|undefined} */ list) => list?.map((x) => ({ type: x.type, data: bytes(x.data) }));

/** @param {Member} member */
const stateOf = ({ group }) => ({
  epoch: Number(group.epoch),
  leaf: group.leaf,
  members: group.members.length,
  authenticator: hex(group.authenticator),
  treeHash: hex(group.context.treeHash),
});

/** @param {any} sender @returns {number} */
const senderOf = (sender) => sender.leaf ?? sender.index ?? 0;

/** @type {Record<string, import('./lines.js').Command>} */
const commands = {
  async keypackage({ member, identity }) {
    const made = new Member();
    const keyPackage = hex(await made.keyPackage(bytes(identity)));
    members.set(member, made);
    return { keyPackage };
  },
  async create({ member, identity, groupId, extensions }) {
    const made = new Member();
    await made.create(bytes(identity), bytes(groupId), extensionsOf(extensions ?? []));
    members.set(member, made);
    return stateOf(made);
  },
  async join(request) {
    const member = memberOf(request);
    await member.join(bytes(request.welcome), psksOf(request));
    return stateOf(member);
  },
  async commit(request) {
    const { commit, welcomes, hash } = await memberOf(request).commit({
      adds: (request.adds ?? []).map(bytes),
      removes: request.removes ?? [],
      psks: psksOf(request),
      extensions: extensionsOf(request.extensions ?? undefined),
      references: request.references ?? false,
      path: request.path ?? false,
      authenticatedData: bytes(request.authenticatedData),
    });
    return { commit: hex(commit), welcomes: welcomes.map(hex), hash: hex(hash) };
  },
  async confirm(request) {
    const member = memberOf(request);
    member.confirm();
    return stateOf(member);
  },
  async discard(request) {
    memberOf(request).discard();
    return {};
  },
  async propose(request) {
    const proposal = request.add ? add(bytes(request.add)) : remove(request.remove ?? 0);
    return { proposal: hex(await memberOf(request).propose(proposal)) };
  },
  async process(request) {
    const member = memberOf(request);
    const { reference, removed, sender, authenticatedData } = await member.process(
      bytes(request.message),
      psksOf(request),
    );
    if (reference) return { reference: hex(reference) };
    if (removed) return { removed: true };
    return { ...stateOf(member), sender: senderOf(sender), authenticatedData: hex(authenticatedData) };
  },
  async state(request) {
    return stateOf(memberOf(request));
  },
  async export(request) {
    const { label, context, length } = request;
    return { secret: hex(await memberOf(request).group.exportSecret(label ?? '', bytes(context), length)) };
  },
  async seal(request) {
    const { data, authenticatedData } = request;
    return { message: hex(await memberOf(request).group.seal(bytes(data), bytes(authenticatedData))) };
  },
  async open(request) {
    const { data, sender, authenticatedData } = await memberOf(request).group.open(bytes(request.message));
    return { data: hex(data ?? utf8('')), sender: senderOf(sender), authenticatedData: hex(authenticatedData) };
  },
  async forget({ member }) {
    members.delete(member);
    return {};
  },
};

await serve(commands);
