// The one error class of this folder. It says which check failed, and whether every member of the group sees the same.

/**
 * What failed. 'decode': not a well-formed message. 'epoch': of another group or epoch. 'membership', 'signature',
 * 'proposals', 'policy', 'tree' (a leaf, a key or a limit), 'parent-hash', 'confirmation': checks of RFC 9420 on a
 * handshake message. 'path': no path secret opens for this member. 'psk': this member lacks a pre-shared key.
 * 'generation': a message key was used before or is too far ahead. 'decrypt': a message does not open. 'welcome': a
 * Welcome is not for this key package, or does not fit the group. 'key': a private key or a shared secret is not
 * usable. 'usage': the caller asked for what RFC 9420 or a limit forbids.
 * @typedef {'decode'|'epoch'|'membership'|'signature'|'proposals'|'policy'|'tree'|'parent-hash'|'confirmation'|'path'
 *   |'psk'|'generation'|'decrypt'|'welcome'|'key'|'usage'} Check
 */

/** Checks that depend on what only this member has: another member may see another result. */
const OWN = new Set(['path', 'psk', 'generation', 'decrypt', 'welcome', 'key', 'usage']);

/** MlsError is the only error that a message of a peer can cause. */
export class MlsError extends Error {
  /** @param {Check} check @param {string} message */
  constructor(check, message) {
    super(`${check}: ${message}`);
    this.name = 'MlsError';
    /** what failed */
    this.check = check;
  }

  /**
   * public is true when the check used only the message and the state that all members of the epoch share, so that
   * all of them refuse the message. A confirmation tag counts as public: a member that checks it has opened the path
   * and found the announced public keys.
   * @returns {boolean}
   */
  get public() {
    return !OWN.has(this.check);
  }
}

/** @param {Check} check @param {string} message @returns {never} */
export function fail(check, message) {
  throw new MlsError(check, message);
}

/** @param {unknown} condition @param {Check} check @param {string} message @returns {asserts condition} */
export function must(condition, check, message) {
  if (!condition) fail(check, message);
}
