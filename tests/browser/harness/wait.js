/**
 * Resolves after so many milliseconds.
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * How long something that has to happen may take, in ms, before it counts as never: a machine that does other work
 * too is slow, and only a test that fails waits for so long.
 */
export const patience = 60_000;

/** Thrown by what until() asks when waiting on is of no use. */
export class Hopeless extends Error {}

/**
 * Asks until the answer is truthy, and fails with a sentence that says what was waited for.
 * @template T
 * @param {string} what
 * @param {() => Promise<T> | T} ask
 * @param {number} [timeoutMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, timeoutMs = patience) {
  const deadline = Date.now() + timeoutMs;
  /** @type {unknown} */
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (Date.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`waited ${timeoutMs} ms in vain: ${what} (last: ${seen})`);
    }
    await sleep(50);
  }
}
