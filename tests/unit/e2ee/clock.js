// @ts-nocheck -- doubles of everything that a session meets: their types would be most of them
// Virtual time: events in order, and tasks that sleep in it.

export class Clock {
  now = 0;
  /** @type {{at: number, n: number, run: () => any}[]} */
  #events = [];
  #n = 0;
  #active = 0;

  at(at, run) {
    const event = { at: Math.max(at, this.now), n: this.#n++, run };
    let lo = 0;
    let hi = this.#events.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      const e = this.#events[mid];
      if (e.at < event.at || (e.at === event.at && e.n < event.n)) lo = mid + 1;
      else hi = mid;
    }
    this.#events.splice(lo, 0, event);
  }

  in(ms, run) {
    this.at(this.now + ms, run);
  }

  /** task begins work that may sleep; time stands still until it sleeps or ends. */
  task(work) {
    this.#active++;
    const done = work().finally(() => {
      this.#active--;
    });
    done.catch(() => {});
    return done;
  }

  /** sleep is for tasks: it ends after ms, or when woken. */
  async sleep(ms, wake = new Promise(() => {})) {
    this.#active--;
    await Promise.race([new Promise((resolve) => this.in(ms, resolve)), wake]);
    this.#active++;
  }

  /** wait is for tasks that wait for another one. */
  async wait(other) {
    this.#active--;
    await other;
    this.#active++;
  }

  async runUntil(end) {
    while (this.#events.length > 0 && this.#events[0].at <= end) {
      const event = this.#events.shift();
      this.now = event.at;
      await event.run();
      for (let i = 0; i < 4; i++) await null;
      while (this.#active > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.now = end;
  }
}
