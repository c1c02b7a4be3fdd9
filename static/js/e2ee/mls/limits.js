// Bounds on what a peer can make this client parse, keep or compute. Each vector is also bounded by the message around
// it. Both implementations have the same: members that disagree about a message would part.

/** Leaves of a tree, blank ones included: SFrame's key id has ten bits for the sender. */
export const MAX_LEAVES = 1024;
/** Bytes of a handshake message. 64 adds of 600 bytes and a path over 1,000 blank parents (80 each) stay below it. */
export const MAX_HANDSHAKE = 128 * 1024;
/** Bytes of a Welcome, a GroupInfo or a ratchet tree: 1,024 leaves of 300 bytes and their parents stay below it. */
export const MAX_WELCOME = 512 * 1024;
/** Bytes of an application message, with its framing. */
export const MAX_APPLICATION = 64 * 1024;
/** Extensions in one list. */
export const MAX_EXTENSIONS = 64;
/** Numbers in one list of capabilities. */
export const MAX_LISTED = 256;
/** Certificates of one credential. */
export const MAX_CERTIFICATES = 16;
/** External senders of a group. */
export const MAX_EXTERNAL_SENDERS = 16;
/** Proposals in one commit. */
export const MAX_PROPOSALS = 2048;
/** Pre-shared keys in one commit or Welcome. */
export const MAX_PSKS = 64;
/** How far ahead of the last one used a message key may be: each costs three HMACs. */
export const MAX_SKIP = 1000;
/** Keys of skipped messages that are kept for one sender and kind: the newest. */
export const MAX_KEPT = 64;
/** Proposals that are kept for reference in one epoch: in all, of one member, and of one external sender. */
export const MAX_KEPT_PROPOSALS = { all: 4096, member: 32, external: MAX_LEAVES };
/** Resumption secrets of past epochs that are kept. */
export const MAX_RESUMPTION = 32;
