// From what is on the screen to the `view` message: what to send us, most important first, how high.
/** @import {Want} from './types.js' */
/** @import {PlacedTile} from './tiles.js' */
/** @import {State} from './state.js' */

/** Wants a `view` may hold (docs/protocol.md, Limits). */
export const MAX_WANTS = 64;

/** Heights asked for. Few of them, so that dragging a window's edge is not a storm of messages. */
const STEPS = [90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2160];

/** @param {number} px device pixels @returns {number} the next height asked for */
export function stepUp(px) {
  return STEPS.find((s) => s >= px) ?? STEPS[STEPS.length - 1];
}

const IMPORTANCE = { stage: 0, main: 0, grid: 1, strip: 2, corner: 3 };

/**
 * wants lists the remote tracks that the placed tiles show and that are switched on.
 * @param {State} s @param {readonly PlacedTile[]} tiles @param {number} pixelRatio @returns {Want[]}
 */
export function wants(s, tiles, pixelRatio) {
  return tiles
    .filter((t) => !t.self && s.people.get(t.participant)?.sources.includes(t.source))
    .map((t) => ({ t, speaks: s.speakers.includes(t.participant) ? 0 : 1 }))
    .sort((a, b) => IMPORTANCE[a.t.role] - IMPORTANCE[b.t.role] || a.speaks - b.speaks)
    .slice(0, MAX_WANTS)
    .map(({ t }) => ({
      participant: t.participant,
      source: t.source,
      height: stepUp(t.box.h * Math.min(pixelRatio, 2)),
    }));
}

/** The small window's height on a dense screen, lines. */
const FLOATING_HEIGHT = 360;

/**
 * @param {State} s @param {{participant: number, source: 'camera'|'screen'}} featured
 * @returns {Want[]} the one picture of the small window, where nothing else is seen
 */
export function floatingWants(s, { participant, source }) {
  const sends = s.people.get(participant)?.sources.includes(source);
  return sends ? [{ participant, source, height: FLOATING_HEIGHT }] : [];
}

/** The height of the one picture of who saves bandwidth, lines. */
const LOW_HEIGHT = 360;

/** @param {readonly Want[]} list @returns {Want[]} the most important one, small */
export const onePicture = (list) => list.slice(0, 1).map((w) => ({ ...w, height: Math.min(w.height, LOW_HEIGHT) }));

/** @param {readonly Want[]} a @param {readonly Want[]} b @returns {boolean} */
export function sameWants(a, b) {
  return (
    a.length === b.length &&
    a.every((w, i) => w.participant === b[i].participant && w.source === b[i].source && w.height === b[i].height)
  );
}

/** Slots are asked for in these steps, so that a growing meeting takes few further offers. */
const POOLS = [9, 16, 25, 36, 49];

/** @param {number} shown video tracks wanted at once @returns {number} video slots to have */
export function slotsFor(shown) {
  return POOLS.find((n) => n >= shown) ?? POOLS[POOLS.length - 1];
}
