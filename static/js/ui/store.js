// Observable state: one value, watchers that see only the part they ask for, told once a frame at most.

/**
 * @template S
 * @typedef {object} Store
 * @property {() => S} get
 * @property {(next: S | ((s: S) => S)) => void} set
 * @property {<T>(select: (s: S) => T, see: (value: T, before: T|undefined) => void, same?: (a: T, b: T) => boolean)
 *   => () => void} watch calls see now and whenever the selected part changed; returns the way to stop
 */

/**
 * @template S
 * @param {S} initial @returns {Store<S>}
 */
export function createStore(initial) {
  let value = initial;
  let scheduled = false;
  /** @type {Set<() => void>} */
  const watchers = new Set();
  const flush = () => {
    scheduled = false;
    for (const w of [...watchers]) if (watchers.has(w)) w();
  };
  return {
    get: () => value,
    set(next) {
      const after = typeof next === 'function' ? /** @type {(s: S) => S} */ (next)(value) : next;
      if (after === value) return;
      value = after;
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(flush);
    },
    watch(select, see, same = Object.is) {
      let seen = select(value);
      const check = () => {
        const now = select(value);
        if (same(now, seen)) return;
        const before = seen;
        seen = now;
        see(now, before);
      };
      watchers.add(check);
      see(seen, undefined);
      return () => watchers.delete(check);
    },
  };
}

/**
 * shallow compares arrays and plain objects by their members.
 * @param {any} a @param {any} b @returns {boolean}
 */
export function shallow(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.is(a[k], b[k]));
}
