// The structures of RFC 9420 as this folder holds them. Epochs and lifetimes are bigint; bytes are never shared for
// writing.
/** @import {Bytes} from '../bytes.js' */
/** @import {Sealed} from './hpke.js' */

/** @typedef {{type: number, data: Bytes}} Extension */

/** @typedef {{type: 1, identity: Bytes} | {type: 2, certificates: Bytes[]}} Credential basic or x509 */

/**
 * @typedef {object} Capabilities RFC 9420 §7.2
 * @property {number[]} versions @property {number[]} suites @property {number[]} extensions
 * @property {number[]} proposals @property {number[]} credentials
 */

/**
 * @typedef {object} LeafNode RFC 9420 §7.2
 * @property {Bytes} encryptionKey @property {Bytes} signatureKey @property {Credential} credential
 * @property {Capabilities} capabilities
 * @property {1|2|3} source key_package, update or commit
 * @property {{notBefore: bigint, notAfter: bigint}} [lifetime] of key_package. It is not checked: clocks differ
 * @property {Bytes} [parentHash] of commit
 * @property {Extension[]} extensions @property {Bytes} signature
 * @property {Bytes} encoded all of it
 */

/**
 * @typedef {object} ParentNode RFC 9420 §7.1
 * @property {Bytes} encryptionKey @property {Bytes} parentHash
 * @property {number[]} unmerged leaf indices, in order
 * @property {Bytes} encoded all of it
 */

/**
 * @typedef {object} KeyPackage RFC 9420 §10
 * @property {number} version @property {number} suite @property {Bytes} initKey @property {LeafNode} leaf
 * @property {Extension[]} extensions @property {Bytes} signature
 * @property {Bytes} encoded all of it
 */

/**
 * @typedef {{type: 1, id: Bytes, nonce: Bytes}
 *   | {type: 2, usage: number, groupId: Bytes, epoch: bigint, nonce: Bytes}} PskId external or resumption (§8.4)
 */

/**
 * @typedef {{type: 1, keyPackage: KeyPackage}
 *   | {type: 2, leaf: LeafNode}
 *   | {type: 3, removed: number}
 *   | {type: 4, psk: PskId}
 *   | {type: 5, groupId: Bytes, version: number, suite: number, extensions: Extension[]}
 *   | {type: 6, kemOutput: Bytes}
 *   | {type: 7, extensions: Extension[]}} Proposal add, update, remove, psk, reinit, external_init,
 *   group_context_extensions (§12.1)
 */

/** @typedef {{reference: Bytes} | {proposal: Proposal}} ProposalOrRef */

/** @typedef {{encryptionKey: Bytes, encrypted: Sealed[]}} UpdatePathNode */
/** @typedef {{leaf: LeafNode, nodes: UpdatePathNode[]}} UpdatePath */
/** @typedef {{proposals: ProposalOrRef[], path: UpdatePath|null}} Commit */

/**
 * @typedef {{type: 1, leaf: number} | {type: 2, index: number} | {type: 3} | {type: 4}} Sender member, external,
 *   new_member_proposal, new_member_commit (§6)
 */

/**
 * @typedef {object} FramedContent RFC 9420 §6
 * @property {Bytes} groupId @property {bigint} epoch @property {Sender} sender @property {Bytes} authenticatedData
 * @property {1|2|3} contentType application, proposal, commit
 * @property {Bytes} [application] @property {Proposal} [proposal] @property {Commit} [commit]
 */

/** @typedef {{signature: Bytes, confirmationTag: Bytes|null}} ContentAuth */
/** @typedef {{wireFormat: 1|2, content: FramedContent, auth: ContentAuth}} AuthenticatedContent */
/** @typedef {{content: FramedContent, auth: ContentAuth, membershipTag: Bytes|null}} PublicMessage */

/**
 * @typedef {object} PrivateMessage RFC 9420 §6.3
 * @property {Bytes} groupId @property {bigint} epoch @property {1|2|3} contentType @property {Bytes} authenticatedData
 * @property {Bytes} senderData @property {Bytes} ciphertext
 */

/**
 * @typedef {object} GroupContext RFC 9420 §8.1
 * @property {number} version @property {number} suite @property {Bytes} groupId @property {bigint} epoch
 * @property {Bytes} treeHash @property {Bytes} confirmedTranscriptHash @property {Extension[]} extensions
 */

/**
 * @typedef {object} GroupInfo RFC 9420 §12.4.3
 * @property {GroupContext} context @property {Extension[]} extensions @property {Bytes} confirmationTag
 * @property {number} signer @property {Bytes} signature
 */

/** @typedef {{joinerSecret: Bytes, pathSecret: Bytes|null, psks: PskId[]}} GroupSecrets */
/** @typedef {{keyPackageRef: Bytes, encrypted: Sealed}} JoinerSecrets EncryptedGroupSecrets of RFC 9420 */
/** @typedef {{suite: number, secrets: JoinerSecrets[], encryptedGroupInfo: Bytes}} Welcome */

/**
 * @typedef {{wireFormat: 1, message: PublicMessage} | {wireFormat: 2, message: PrivateMessage}
 *   | {wireFormat: 3, message: Welcome} | {wireFormat: 4, message: GroupInfo}
 *   | {wireFormat: 5, message: KeyPackage}} MlsMessage
 */

export {};
