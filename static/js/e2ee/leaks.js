// Whether media leaves the page without passing through the worker's transforms. The browser's counters are compared with the worker's:
// it must never happen, and cannot be seen otherwise. Pure.

/** Looks closer together than this, in ms, are one: a page that was held up makes up for those it missed in a moment. */
const APART_MS = 1000;

/**
 * @typedef {object} Sent what the browser counts of one source
 * @property {number} bytes of payload, without retransmissions
 * @property {number|null} frames that the encoder made; null where the browser does not count them (audio)
 */

/** Compares the counters of each source from one look to the next. */
export class LeakWatch {
  /** @type {Map<string, Sent & {passed: number, suspect: boolean, at: number}>} at the last look */
  #last = new Map();

  /**
   * look takes the counters of now. Bytes alone prove nothing for video: a sender that probes the path repeats old payloads, also while
   * nothing is encoded. So a source leaks if it made frames and sent bytes while no frame reached its transform, in two looks one after
   * the other: what passed before the source was switched off, or the device slept, may leave a moment after it.
   * @param {string} source @param {Sent} sent @param {number} passed frames that reached its transform, whether sealed or dropped
   * @param {number} now ms @returns {boolean} whether it leaks
   */
  look(source, sent, passed, now) {
    const before = this.#last.get(source) ?? { bytes: 0, frames: 0, passed: 0, suspect: false, at: -Infinity };
    if (now - before.at < APART_MS) return false;
    const encoded = sent.frames === null || sent.frames > (before.frames ?? 0);
    const suspect = encoded && sent.bytes > before.bytes && passed === before.passed;
    this.#last.set(source, { ...sent, passed, suspect, at: now });
    return suspect && before.suspect;
  }
}
