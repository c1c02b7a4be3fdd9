// A peer of the line protocol whose members are ts-mls (npm), an implementation that shares nothing with ours. It makes
// a path only where RFC 9420 requires one. tsmlsfixes.js has what it does otherwise than the RFC.
import { register } from 'node:module';
import { hex } from '../../../static/js/e2ee/bytes.js';
import { hash } from '../../../static/js/e2ee/mls/primitives.js';
import { pairFrom } from '../../../static/js/e2ee/mls/x25519.js';
import { bytes, psksOf, serve } from './lines.js';

/**
 * ts-mls's entry also imports a package that it does not depend on, so its modules are imported one by one. The name is
 * no literal, because its types are not checked with ours.
 */
const name = 'ts-mls';
register('./tsmlsfixes.js', import.meta.url);
const modules = [
  'clientState',
  'createCommit',
  'createMessage',
  'crypto/ciphersuite',
  'crypto/getCiphersuiteImpl',
  'keyPackage',
  'incomingMessageAction',
  'keySchedule',
  'message',
  'privateMessage',
  'processMessages',
];
const parts = await Promise.all(modules.map((module) => import(`${name}/${module}.js`)));
const mls = /** @type {any} */ (Object.assign({}, ...parts));
const suite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'));
const CAPABILITIES = {
  versions: ['mls10'],
  ciphersuites: ['MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'],
  extensions: [0xf0c0, 0xf0c1, 0xf0c2],
  proposals: [],
  credentials: ['basic'],
};
/** Extensions that RFC 9420 defines have names here. @type {Record<number, string>} */
const DEFAULTS = { 3: 'required_capabilities', 5: 'external_senders' };
const LIFETIME = { notBefore: 0n, notAfter: 0xffffffffffffffffn };

/** @type {Map<string, {own?: any, state?: any, pending?: any}>} */
const members = new Map();

/** @param {any} request @returns {{own?: any, state?: any, pending?: any}} */
function memberOf({ member }) {
  const found = members.get(member);
  if (!found) throw new Error(`no member ${member}`);
  return found;
}

const encode = (/** @type {any} */ message) =>
  hex(new Uint8Array(mls.encodeMlsMessage({ version: 'mls10', ...message })));
const decode = (/** @type {string} */ text) => mls.decodeMlsMessage(bytes(text), 0)[0];
const extensionsOf = (/** @type {any[]|null|undefined} */ list) =>
  (list ?? []).map((x) => ({ extensionType: DEFAULTS[x.type] ?? x.type, extensionData: bytes(x.data) }));

/** @param {any} request */
const pskIndex = (request) => {
  const known = psksOf(request);
  return { findPsk: (/** @type {any} */ id) => known.find((p) => hex(p.id) === hex(id.pskId))?.psk };
};

/** @param {{state?: any}} member */
const stateOf = ({ state }) => ({
  epoch: Number(state.groupContext.epoch),
  leaf: state.privatePath.leafIndex,
  members: state.ratchetTree.filter((/** @type {any} */ node) => node?.nodeType === 'leaf').length,
  authenticator: hex(state.keySchedule.epochAuthenticator),
  treeHash: hex(state.groupContext.treeHash),
});

/** @param {string} identity */
const newPackage = (identity) =>
  mls.generateKeyPackage({ credentialType: 'basic', identity: bytes(identity) }, CAPABILITIES, LIFETIME, [], suite);

/** @param {string} message */
const addOf = (message) => ({ proposalType: 'add', add: { keyPackage: decode(message).keyPackage } });
const removeOf = (/** @type {number} */ removed) => ({ proposalType: 'remove', remove: { removed } });

/** @param {any} request @returns {any[]} */
function proposalsOf(request) {
  const { extensions, adds, removes } = request;
  const context = { extensions: extensionsOf(extensions) };
  const psks = psksOf(request).map(({ id }) => ({
    proposalType: 'psk',
    psk: { preSharedKeyId: { psktype: 'external', pskId: id, pskNonce: crypto.getRandomValues(new Uint8Array(32)) } },
  }));
  return [
    ...(extensions ? [{ proposalType: 'group_context_extensions', groupContextExtensions: context }] : []),
    ...(removes ?? []).map(removeOf),
    ...(adds ?? []).map(addOf),
    ...psks,
  ];
}

/** @param {any} welcome @returns {string[]} one for each joiner, in the order of the Adds */
const split = (welcome) =>
  welcome.secrets.map((/** @type {any} */ s) =>
    encode({ wireformat: 'mls_welcome', welcome: { ...welcome, secrets: [s] } }),
  );

/**
 * isRemoved: whether a commit removes this member. ts-mls does not see it when another gets its leaf at once.
 * @param {any} state @param {any} message decoded @returns {boolean}
 */
function isRemoved({ privatePath, unappliedProposals }, { publicMessage }) {
  const { contentType, commit } = publicMessage.content;
  if (contentType !== 'commit') return false;
  const kept = Object.entries(unappliedProposals).map(([key, { proposal }]) => ({ key, proposal }));
  return commit.proposals.some((/** @type {any} */ item) => {
    const key = item.reference && Buffer.from(item.reference).toString('base64');
    const proposal = item.proposal ?? kept.find((k) => k.key === key)?.proposal;
    return proposal?.proposalType === 'remove' && proposal.remove.removed === privatePath.leafIndex;
  });
}

/**
 * prune drops private keys of nodes that have other keys now. ts-mls keeps them, and decrypts with them.
 * @param {any} state @returns {Promise<any>}
 */
async function prune(state) {
  const { privatePath, ratchetTree } = state;
  const entries = await Promise.all(
    Object.entries(privatePath.privateKeys).map(async ([node, key]) => {
      const value = ratchetTree[Number(node)];
      const announced = value?.leaf?.hpkePublicKey ?? value?.parent?.hpkePublicKey;
      const { publicKey } = await pairFrom(new Uint8Array(key));
      return announced && hex(announced) === hex(publicKey) ? [[node, key]] : [];
    }),
  );
  return { ...state, privatePath: { ...privatePath, privateKeys: Object.fromEntries(entries.flat()) } };
}

/** @param {any} message decoded @returns {{sender: number, authenticatedData: string}} */
function aboutPublic({ publicMessage }) {
  const { sender, authenticatedData } = publicMessage.content;
  return { sender: sender.leafIndex ?? sender.senderIndex ?? 0, authenticatedData: hex(authenticatedData) };
}

await serve({
  async keypackage({ member, identity }) {
    const own = await newPackage(identity);
    members.set(member, { own });
    return { keyPackage: encode({ wireformat: 'mls_key_package', keyPackage: own.publicPackage }) };
  },
  async create({ member, identity, groupId, extensions }) {
    const own = await newPackage(identity);
    const list = extensionsOf(extensions);
    const state = await mls.createGroup(bytes(groupId), own.publicPackage, own.privatePackage, list, suite);
    members.set(member, { state });
    return stateOf({ state });
  },
  async join(request) {
    const member = memberOf(request);
    const { publicPackage, privatePackage } = member.own;
    const { welcome } = decode(request.welcome);
    member.state = await mls.joinGroup(welcome, publicPackage, privatePackage, pskIndex(request), suite);
    return stateOf(member);
  },
  async commit(request) {
    const member = memberOf(request);
    const state = request.references ? member.state : { ...member.state, unappliedProposals: {} };
    const result = await mls.createCommit(
      { state, cipherSuite: suite, pskIndex: pskIndex(request) },
      {
        wireAsPublicMessage: true,
        extraProposals: proposalsOf(request),
        ratchetTreeExtension: true,
        authenticatedData: bytes(request.authenticatedData),
      },
    );
    member.pending = result.newState;
    const commit = encode(result.commit);
    const welcomes = result.welcome ? split(result.welcome) : [];
    return { commit, welcomes, hash: hex(await hash(bytes(commit))) };
  },
  async confirm(request) {
    const member = memberOf(request);
    if (!member.pending) throw new Error('no commit waits');
    member.state = await prune(member.pending);
    member.pending = undefined;
    return stateOf(member);
  },
  async discard(request) {
    memberOf(request).pending = undefined;
    return {};
  },
  async propose(request) {
    const member = memberOf(request);
    const proposal = request.add ? addOf(request.add) : removeOf(request.remove ?? 0);
    const { newState, message } = await mls.createProposal(member.state, true, proposal, suite);
    member.state = newState;
    return { proposal: encode(message) };
  },
  async process(request) {
    const member = memberOf(request);
    const message = decode(request.message);
    if (isRemoved(member.state, message)) return { removed: true };
    const accept = mls.acceptAll;
    const { newState } = await mls.processMessage(message, member.state, pskIndex(request), accept, suite);
    member.state = await prune(newState);
    if (message.publicMessage.content.contentType === 'proposal') return { reference: '00' };
    member.pending = undefined;
    return { ...stateOf(member), ...aboutPublic(message) };
  },
  async state(request) {
    return stateOf(memberOf(request));
  },
  async export(request) {
    const { exporterSecret } = memberOf(request).state.keySchedule;
    const { label, context, length } = request;
    return { secret: hex(await mls.mlsExporter(exporterSecret, label ?? '', bytes(context), length, suite)) };
  },
  async seal(request) {
    const member = memberOf(request);
    const [data, aad] = [bytes(request.data), bytes(request.authenticatedData)];
    const { newState, privateMessage } = await mls.createApplicationMessage(member.state, data, suite, aad);
    member.state = newState;
    return { message: encode({ wireformat: 'mls_private_message', privateMessage }) };
  },
  async open(request) {
    const member = memberOf(request);
    const message = decode(request.message);
    const { senderDataSecret } = member.state.keySchedule;
    const { leafIndex: sender } = await mls.decryptSenderData(message.privateMessage, senderDataSecret, suite);
    const result = await mls.processPrivateMessage(member.state, message.privateMessage, pskIndex(request), suite);
    member.state = result.newState;
    return { data: hex(result.message), authenticatedData: hex(message.privateMessage.authenticatedData), sender };
  },
  async forget({ member }) {
    members.delete(member);
    return {};
  },
});
