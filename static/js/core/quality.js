// From what getStats says to a number from 0 (lost) to 4 (good), and to the words of the statistics panel.

/**
 * @typedef {object} Sample one look at the statistics; counters grow
 * @property {number} at ms
 * @property {number} bytesIn @property {number} bytesOut
 * @property {number} packetsIn @property {number} lostIn
 * @property {number} packetsOut @property {number} lostOut
 * @property {number} rtt seconds, 0 when not known
 * @property {number} jitter seconds
 * @property {number} freezes seconds frozen in total
 */

/**
 * @typedef {object} Rates
 * @property {number} kbitIn @property {number} kbitOut
 * @property {number} lossIn 0…1 @property {number} lossOut
 * @property {number} rtt ms @property {number} jitter ms
 * @property {number} frozen share of the interval, 0…1
 */

/** @param {Sample} a the earlier @param {Sample} b @returns {Rates} */
export function rates(a, b) {
  const s = Math.max(0.001, (b.at - a.at) / 1000);
  const grown = (/** @type {keyof Sample} */ k) => Math.max(0, b[k] - a[k]);
  const share = (/** @type {number} */ lost, /** @type {number} */ got) => (lost + got > 0 ? lost / (lost + got) : 0);
  return {
    kbitIn: (grown('bytesIn') * 8) / 1000 / s,
    kbitOut: (grown('bytesOut') * 8) / 1000 / s,
    lossIn: share(grown('lostIn'), grown('packetsIn')),
    lossOut: Math.min(1, grown('lostOut') / Math.max(1, grown('packetsOut'))),
    rtt: b.rtt * 1000,
    jitter: b.jitter * 1000,
    frozen: Math.min(1, grown('freezes') / s),
  };
}

/**
 * score is 0 (no connection) to 4 (good). The worst of the measures counts: a person hears loss whatever the delay.
 * @param {Rates} r @returns {1|2|3|4}
 */
export function score(r) {
  const loss = Math.max(r.lossIn, r.lossOut);
  const grade = (/** @type {number} */ v, /** @type {number[]} */ limits) => 4 - limits.filter((l) => v > l).length;
  const worst = Math.min(
    grade(loss, [0.02, 0.05, 0.12]),
    grade(r.rtt, [200, 400, 800]),
    grade(r.jitter, [40, 80, 160]),
    grade(r.frozen, [0.05, 0.2, 0.5]),
  );
  return /** @type {1|2|3|4} */ (Math.max(1, worst));
}

/**
 * smooth moves one step at a time, down after 2 bad looks, up after 3 good ones: bars that flicker tell nothing.
 * @param {{shown: number, run: number}} before @param {number} now
 * @returns {{shown: number, run: number}} run counts looks in one direction, negative downwards
 */
export function smooth(before, now) {
  const { shown } = before;
  if (now === 0) return { shown: 0, run: 0 };
  if (shown === 0) return { shown: now, run: 0 };
  if (now === shown) return { shown, run: 0 };
  const run = now < shown ? Math.min(0, before.run) - 1 : Math.max(0, before.run) + 1;
  if (run <= -2) return { shown: shown - 1, run: 0 };
  if (run >= 3) return { shown: shown + 1, run: 0 };
  return { shown, run };
}

/** @param {string} text @returns {string} with everything that looks like an address taken out */
export function withoutAddresses(text) {
  return text
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '[address]')
    .replace(/\b(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\b/gi, '[address]')
    .replace(/[0-9a-f-]{36}\.local/gi, '[address]');
}
