// Who makes commits that others can't open: where two say so of one commit, its author is shown to hosts (docs/e2ee.md,
// section 7).
/** @import {Bytes} from './bytes.js' */
import { base64url } from './bytes.js';
import { entryHash } from './entries.js';

/** Commits remembered. */
const REMEMBERED = 64;

/** @template T @param {Map<string, T>} map forgets the oldest */
function bound(map) {
  if (map.size > REMEMBERED) map.delete(/** @type {string} */ (map.keys().next().value));
}

/** The authors of the last commits, and who could not open them. */
export class Blame {
  /** the key of who made commits that two others could not open */
  culprit = '';
  /** by hash @type {Map<string, string>} */
  #authors = new Map();
  /** by hash, keys @type {Map<string, Set<string>>} */
  #stuck = new Map();

  /** @param {Bytes} commit @param {string} author */
  async remember(commit, author) {
    this.#authors.set(base64url(await entryHash(commit)), author);
    bound(this.#authors);
  }

  /** @param {string} hash @param {string} key of who is stuck; empty where it isn't known */
  said(hash, key) {
    const author = this.#authors.get(hash);
    if (!author || !key || key === author) return;
    const who = this.#stuck.get(hash) ?? new Set();
    this.#stuck.set(hash, who.add(key));
    bound(this.#stuck);
    if (who.size >= 2) this.culprit = author;
  }
}
