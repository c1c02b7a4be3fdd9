// Whether packets still arrive over a connection: the browser's counters and the time in, a judgement out. ICE's own
// states do not say: Firefox calls a connection "disconnected" while media flows, and Chromium calls a dead one
// "connected" for seconds.

/** The counters are read this often, in ms. */
export const LOOK_MS = 500;
/** What arrived is remembered for so many looks. */
const MEMORY = 6;
/** Packets a second that count as flowing: a voice, a picture, or the server's feedback on what we send. */
const FLOWING = 10;
/** Looks of the last MEMORY in which something arrived, for what comes slower but steadily: a voice in silence. */
const STEADY = 4;
/** Nothing at all for so long is a break, in ms: where packets were flowing, and where they came steadily. */
const FLOWING_LIMIT_MS = 1500;
const STEADY_LIMIT_MS = 3000;

/**
 * @typedef {object} Reading counters of one connection; they only grow while the path stays the same
 * @property {string} path of the candidates in use; empty while there are none
 * @property {number} packets of media and RTCP received
 * @property {number} heard the same, with answers to checks of ICE
 */

/**
 * @typedef {object} Flow
 * @property {Reading|null} last
 * @property {number} at ms, when it was read
 * @property {number} silent ms for which nothing arrived
 * @property {readonly number[]} recent packets that arrived in each look until the silence, the last MEMORY
 * @property {number} missed looks of the silence
 */

/** @returns {Flow} nothing is known: nothing is expected either */
export const newFlow = () => ({ last: null, at: 0, silent: 0, recent: [], missed: 0 });

/**
 * looked takes the counters of now.
 * @param {Flow} flow @param {Reading} reading @param {number} now ms @returns {Flow}
 */
export function looked(flow, reading, now) {
  const { last } = flow;
  if (!last) return { ...flow, last: reading, at: now };
  const arrived = reading.path !== last.path || reading.heard > last.heard;
  if (!arrived) {
    // A page that slept saw nothing, which does not mean that nothing came: it counts as one look.
    const silent = flow.silent + Math.min(now - flow.at, LOOK_MS);
    return { ...flow, last: reading, at: now, silent, missed: Math.min(flow.missed + 1, MEMORY) };
  }
  const packets = reading.path === last.path ? reading.packets - last.packets : 0;
  const recent = [...flow.recent, ...Array(flow.missed).fill(0), Math.max(packets, 1)].slice(-MEMORY);
  return { last: reading, at: now, silent: 0, recent, missed: 0 };
}

/**
 * forget is called when less is to be expected from now on: a participant stopped sending, or the view changed. The
 * judgement starts again with what arrives next.
 * @param {Flow} flow @returns {Flow}
 */
export const forget = (flow) => ({ ...flow, silent: 0, recent: [], missed: 0 });

/**
 * expected names what is to arrive: the sources that slots carry and their owners have switched on, and, for the
 * server's feedback, the person's own sources.
 * @param {readonly string[]} own @param {Iterable<{participant: number, source?: string}>} slots
 * @param {ReadonlyMap<number, {sources: readonly string[]}>} people @returns {Set<string>}
 */
export function expected(own, slots, people) {
  const out = new Set(own.map((source) => `self/${source}`));
  for (const { participant, source = '' } of slots) {
    if (people.get(participant)?.sources.includes(source)) out.add(`${participant}/${source}`);
  }
  return out;
}

/** @param {Flow} flow @returns {number} ms of silence that are a break; Infinity where little was to be heard before */
function limit({ recent }) {
  if (recent.length < 2) return Infinity;
  const perSecond = recent.reduce((sum, n) => sum + n, 0) / ((recent.length * LOOK_MS) / 1000);
  if (perSecond >= FLOWING) return FLOWING_LIMIT_MS;
  return recent.filter((n) => n > 0).length >= STEADY ? STEADY_LIMIT_MS : Infinity;
}

/** @param {Flow} flow @returns {boolean} whether what was arriving has stopped */
export const stopped = (flow) => flow.silent >= limit(flow);

/** @param {Flow} flow @returns {boolean} whether something arrived between the last two looks */
export const arriving = (flow) => flow.silent === 0 && flow.recent.length > 0;
