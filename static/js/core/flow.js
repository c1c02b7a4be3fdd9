// Whether packets still arrive over a connection: the browser's counters and the time in, a judgement out. ICE's own
// states do not say: Firefox calls a connection "disconnected" while media flows, and Chromium calls a dead one
// "connected" for seconds.

/** The counters are read this often, in ms. */
export const LOOK_MS = 250;
/** What arrived is remembered for so many looks. */
const MEMORY = 12;
/** So many paths are known again when they come back. */
const PATHS = 16;
/** Packets a second that count as flowing: a voice, a picture, or the server's feedback on what we send. */
const FLOWING = 10;
/**
 * Looks of the last MEMORY in which something arrived, for what comes slower but steadily: a voice in silence, or the
 * server's reports, two a second where there is nothing else.
 */
const STEADY = 5;
/**
 * Nothing at all for so long is a break, in ms: where packets were flowing, and where they came steadily. A pause of a
 * second is common on radio; Firefox needs some 300 ms of the 2 s after which sound is to be back another way.
 */
const FLOWING_LIMIT_MS = 1250;
const STEADY_LIMIT_MS = 3000;
/** After a change of network a break is believed in this share of the time. */
const SUSPECT = 0.5;
/** From this share of the limit on, one may ask whether the server is still there. */
const DOUBT = 0.5;

/**
 * @typedef {object} Reading counters of one connection; they only grow while the path stays the same
 * @property {string} path of the candidates in use; empty while there are none
 * @property {number} packets of media and RTCP received
 * @property {number} heard the same, with answers to checks of ICE
 */

/**
 * @typedef {object} Flow
 * @property {Reading|null} last
 * @property {ReadonlyMap<string, number>} known what was heard on each path, the last PATHS: one that goes from the
 *   statistics and comes back with what it had is no sign of life
 * @property {number} at ms, when it was read
 * @property {number} silent ms for which nothing arrived
 * @property {readonly number[]} recent packets that arrived in each look until the silence, the last MEMORY
 * @property {number} missed looks of the silence
 * @property {boolean} suspect the network changed, and nothing has arrived since
 */

/** @returns {Flow} nothing is known: nothing is expected either */
export const newFlow = () => ({
  last: null,
  known: new Map(),
  at: 0,
  silent: 0,
  recent: [],
  missed: 0,
  suspect: false,
});

/**
 * looked takes the counters of now.
 * @param {Flow} flow @param {Reading} reading @param {number} now ms @returns {Flow}
 */
export function looked(flow, reading, now) {
  const { last } = flow;
  const known = new Map(flow.known);
  known.delete(reading.path); // the latest is last
  known.set(reading.path, reading.heard);
  if (known.size > PATHS) known.delete([...known.keys()][0]);
  const seen = { ...flow, last: reading, known, at: now };
  if (!last) return seen;
  if (reading.heard <= (flow.known.get(reading.path) ?? 0)) {
    // A page that slept saw nothing, which does not mean that nothing came: it counts as one look.
    const silent = flow.silent + Math.min(now - flow.at, LOOK_MS);
    return { ...seen, silent, missed: Math.min(flow.missed + 1, MEMORY) };
  }
  const packets = reading.path === last.path ? reading.packets - last.packets : 0;
  const recent = [...flow.recent, ...Array(flow.missed).fill(0), Math.max(packets, 1)].slice(-MEMORY);
  return { ...seen, silent: 0, recent, missed: 0, suspect: false };
}

/**
 * forget is called when less is to be expected from now on: a participant stopped sending, or the view changed. The
 * judgement starts again with what arrives next.
 * @param {Flow} flow @returns {Flow}
 */
export const forget = (flow) => ({ ...flow, silent: 0, recent: [], missed: 0 });

/**
 * suspect is called when the network changed: silence is then believed sooner, until something arrives.
 * @param {Flow} flow @returns {Flow}
 */
export const suspect = (flow) => ({ ...flow, suspect: true });

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
function limit({ recent, suspect: sooner }) {
  if (recent.length < 4) return Infinity;
  const share = sooner ? SUSPECT : 1;
  const perSecond = recent.reduce((sum, n) => sum + n, 0) / ((recent.length * LOOK_MS) / 1000);
  if (perSecond >= FLOWING) return FLOWING_LIMIT_MS * share;
  return recent.filter((n) => n > 0).length >= STEADY ? STEADY_LIMIT_MS * share : Infinity;
}

/** @param {Flow} flow @returns {boolean} whether what was arriving has stopped */
export const stopped = (flow) => flow.silent >= limit(flow);

/** @param {Flow} flow @returns {boolean} whether it may have */
export const doubtful = (flow) => flow.silent >= limit(flow) * DOUBT;

/** @param {Flow} flow @returns {boolean} whether something arrived between the last two looks */
export const arriving = (flow) => flow.silent === 0 && flow.recent.length > 0;
