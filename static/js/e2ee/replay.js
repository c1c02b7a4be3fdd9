// Which counters of one key were seen: nothing is taken twice, and nothing from further back than the window.

/** Counters that may come late, behind the highest one seen. */
const WINDOW = 1024;

/** The window of one sender's track in one epoch. A counter is accepted once, ever. */
export class ReplayWindow {
  #highest = -1n;
  /** one bit a counter of the last WINDOW */
  #seen = new Uint32Array(WINDOW / 32);

  /** @param {bigint} ctr @returns {boolean} whether it was not taken yet and is not too old; changes nothing */
  fresh(ctr) {
    if (ctr > this.#highest) return true;
    return this.#highest - ctr < WINDOW && !this.#bit(ctr);
  }

  /** @param {bigint} ctr of a frame that was authentic @returns {boolean} false when it was taken before after all */
  take(ctr) {
    if (!this.fresh(ctr)) return false;
    if (ctr > this.#highest) this.#advance(ctr);
    const i = Number(ctr % BigInt(WINDOW));
    this.#seen[i >> 5] |= 1 << (i & 31);
    return true;
  }

  /** @param {bigint} ctr */
  #bit(ctr) {
    const i = Number(ctr % BigInt(WINDOW));
    return (this.#seen[i >> 5] & (1 << (i & 31))) !== 0;
  }

  /** @param {bigint} to clears what falls out */
  #advance(to) {
    const steps = to - this.#highest;
    if (steps >= WINDOW) {
      this.#seen.fill(0);
    } else {
      for (let c = this.#highest + 1n; c <= to; c++) {
        const i = Number(c % BigInt(WINDOW));
        this.#seen[i >> 5] &= ~(1 << (i & 31));
      }
    }
    this.#highest = to;
  }
}
