// The tasks of a page's threads while something is done, by Chromium's own trace.

/**
 * @typedef {object} Tasks of one thread, in ms
 * @property {number} longest @property {number} longestCpu @property {number} long how many took more than 50 ms
 * @property {number} cpu of all together
 */

/**
 * @typedef {{name: string, ph: string, pid: number, tid: number, dur?: number, tdur?: number, args: {name?: string}}}
 *   TraceEvent
 */

/** @param {TraceEvent[]} tasks @returns {Tasks} */
function summed(tasks) {
  const most = (/** @type {(number|undefined)[]} */ list) =>
    list.reduce((/** @type {number} */ a, b) => Math.max(a, b ?? 0), 0) / 1000;
  return {
    longest: most(tasks.map((e) => e.dur)),
    longestCpu: most(tasks.map((e) => e.tdur)),
    long: tasks.filter((e) => (e.dur ?? 0) > 50_000).length,
    cpu: tasks.reduce((sum, e) => sum + (e.tdur ?? 0), 0) / 1000,
  };
}

/**
 * @param {import('playwright-core').Browser} browser Chromium, with one page of ours
 * @param {import('playwright-core').Page} page @param {() => Promise<unknown>} act
 * @returns {Promise<{main: Tasks, workers: Tasks[]}>} workers: the busiest first
 */
export async function tasksOf(browser, page, act) {
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
  await act();
  await page.waitForTimeout(300);
  const { traceEvents } = /** @type {{traceEvents: TraceEvent[]}} */ (JSON.parse(String(await browser.stopTracing())));
  const threads = (/** @type {RegExp} */ name) =>
    new Set(
      traceEvents
        .filter((e) => e.ph === 'M' && e.name === 'thread_name' && name.test(e.args.name ?? ''))
        .map((e) => `${e.pid}/${e.tid}`),
    );
  const tasks = traceEvents.filter((e) => e.ph === 'X' && /RunTask$/.test(e.name));
  const of = (/** @type {Set<string>} */ ids) => tasks.filter((e) => ids.has(`${e.pid}/${e.tid}`));
  return {
    main: summed(of(threads(/^CrRendererMain$/))),
    workers: [...threads(/^DedicatedWorker/)].map((id) => summed(of(new Set([id])))).sort((a, b) => b.cpu - a.cpu),
  };
}
