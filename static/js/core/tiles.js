// Which tiles there are, in which order, and which of them are on the screen.
/** @import {State} from './state.js' */
/** @import {Box} from './layout.js' */
import * as layout from './layout.js';

/**
 * @typedef {object} Tile
 * @property {string} key stable for the tile's life: "7/camera"; "self/camera" for the person's own, whose number
 *   changes with the seat
 * @property {number} participant
 * @property {'camera'|'screen'} source
 * @property {boolean} self
 */
/** @typedef {Tile & {box: Box, role: 'grid'|'stage'|'strip'|'main'|'corner'}} PlacedTile */

/** @typedef {'auto'|'grid'|'speaker'} Mode */

/**
 * @typedef {object} ViewOptions
 * @property {Mode} mode
 * @property {string} pin key of the pinned tile, or empty
 * @property {number} page
 * @property {number} width CSS pixels
 * @property {number} height
 * @property {number} limit most tiles a page
 * @property {number} spotlight the participant a host shows large to everyone; 0 for none
 * @property {number} stageSpeaker who is on the stage in speaker mode; 0 for no one yet
 * @property {boolean} hideSelf
 */

/**
 * @typedef {object} View
 * @property {PlacedTile[]} tiles
 * @property {number} page @property {number} pages
 * @property {'grid'|'stage'|'duo'} kind
 */

/** @param {number} participant @param {'camera'|'screen'} source @param {boolean} self @returns {Tile} */
const tile = (participant, source, self) => ({
  key: `${self ? 'self' : participant}/${source}`,
  participant,
  source,
  self,
});

/**
 * order keeps people where they are. Newcomers go to the end. A participant who speaks from beyond the first page
 * swaps places with the one there who has been silent longest, and one with a picture swaps with one who has none. So
 * tiles don't jump, and a large meeting doesn't start with a page of initials.
 * @param {readonly number[]} before the order so far
 * @param {readonly number[]} present all others, in order of arrival
 * @param {readonly number[]} speakers loudest first
 * @param {ReadonlyMap<number, number>} spokeAt when each last spoke, any clock
 * @param {number} first how many the first page holds
 * @param {(participant: number) => boolean} [shows] who has a picture
 * @returns {number[]}
 */
export function order(before, present, speakers, spokeAt, first, shows = () => false) {
  const here = new Set(present);
  const kept = before.filter((p) => here.has(p));
  const known = new Set(kept);
  const list = [...kept, ...present.filter((p) => !known.has(p))];
  for (const speaker of speakers) {
    const from = list.indexOf(speaker);
    if (from < first) continue;
    const to = longestSilent(list, first, spokeAt, (p) => !speakers.includes(p));
    if (to < 0) break;
    [list[from], list[to]] = [list[to], list[from]];
  }
  for (let from = first; from < list.length; from++) {
    if (!shows(list[from])) continue;
    const to = longestSilent(list, first, spokeAt, (p) => !shows(p) && !speakers.includes(p));
    if (to < 0) break;
    [list[from], list[to]] = [list[to], list[from]];
  }
  return list;
}

/**
 * @param {readonly number[]} list
 * @param {number} first
 * @param {ReadonlyMap<number, number>} spokeAt
 * @param {(p: number) => boolean} among
 * @returns {number} the place on the first page of the one of these who last spoke longest ago; -1 when there is none
 */
function longestSilent(list, first, spokeAt, among) {
  let to = -1;
  for (let i = 0; i < Math.min(first, list.length); i++) {
    if (among(list[i]) && (to < 0 || (spokeAt.get(list[i]) ?? 0) <= (spokeAt.get(list[to]) ?? 0))) to = i;
  }
  return to;
}

/**
 * all lists every tile: the screens that others share first, then the person, then the others in their order. The
 * person's own screen has no tile: it would mirror itself, and a banner says that it is shared.
 * @param {State} s @param {readonly number[]} others @param {boolean} hideSelf @returns {Tile[]}
 */
export function all(s, others, hideSelf) {
  /** @type {Tile[]} */
  const screens = [];
  /** @type {Tile[]} */
  const cameras = [];
  if (!hideSelf) cameras.push(tile(s.self, 'camera', true));
  for (const n of others) {
    const p = s.people.get(n);
    if (!p || p.kind === 'egress') continue; // it only receives: a badge and the list of people say that it is here
    if (p.sources.includes('screen')) screens.push(tile(n, 'screen', false));
    cameras.push(tile(n, 'camera', false));
  }
  return [...screens, ...cameras];
}

/**
 * featured is the one picture there is room for: a shared screen before who speaks, before who has a camera on.
 * @param {State} s @returns {{participant: number, source: 'camera'|'screen'}} participant 0: no one else is here
 */
export function featured(s) {
  const people = [...s.people.values()].filter((p) => p.kind !== 'egress');
  const sharer = people.find((p) => p.sources.includes('screen'));
  if (sharer) return { participant: sharer.participant, source: 'screen' };
  const others = s.speakers.filter((n) => s.people.has(n));
  const shown = people.find((p) => p.sources.includes('camera')) ?? people[0];
  return {
    participant: s.people.get(s.spotlight)?.participant ?? others[0] ?? shown?.participant ?? 0,
    source: 'camera',
  };
}

/**
 * view places the tiles that are on the screen.
 * @param {State} s @param {readonly number[]} others in their order @param {ViewOptions} o
 * @returns {View}
 */
export function view(s, others, o) {
  const hideSelf = o.hideSelf && s.people.size > 0;
  const tiles = all(s, others, hideSelf);
  const staged = stagedTiles(tiles, o);
  if (staged.length > 0) return stageView(tiles, staged, o);
  const two = tiles.length === 2 && tiles.every((x) => x.source === 'camera');
  if (o.mode !== 'grid' && two && !hideSelf) return duoView(tiles, o);
  const perPage = layout.capacity(o.width, o.height, { limit: o.limit, ...gridShape(o) });
  const { page, pages, from, to } = layout.pages(tiles.length, perPage, o.page);
  const shown = tiles.slice(from, to);
  const boxes = layout.grid(shown.length, o.width, o.height, gridShape(o));
  return { kind: 'grid', page, pages, tiles: shown.map((t, i) => ({ ...t, box: boxes[i], role: 'grid' })) };
}

/**
 * @param {ViewOptions} o
 * @returns {{minAspect: number, minWidth: number, gap: number}} phones may stand tiles upright
 */
function gridShape(o) {
  const portrait = o.height > o.width;
  return { minAspect: portrait ? 0.8 : 4 / 3, minWidth: o.width < 600 ? 130 : 160, gap: o.width < 600 ? 6 : 10 };
}

/** @param {Tile[]} tiles @param {ViewOptions} o @returns {Tile[]} */
function stagedTiles(tiles, o) {
  const pinned = tiles.find((t) => t.key === o.pin);
  if (pinned) return [pinned];
  const screens = tiles.filter((t) => t.source === 'screen');
  const lit = tiles.find((t) => t.participant === o.spotlight && !t.self);
  // A shared screen belongs beside the participant in the spotlight.
  if (lit) return [...screens.filter((t) => t !== lit).slice(0, 1), lit];
  if (o.mode === 'grid') return [];
  if (screens.length > 0) return screens.slice(0, 2);
  if (o.mode !== 'speaker') return [];
  const others = tiles.filter((t) => t.source === 'camera' && !t.self);
  const speaker = others.find((t) => t.participant === o.stageSpeaker) ?? others[0] ?? tiles[0];
  return speaker ? [speaker] : [];
}

/** @param {Tile[]} tiles @param {Tile[]} staged @param {ViewOptions} o @returns {View} */
function stageView(tiles, staged, o) {
  const keys = new Set(staged.map((t) => t.key));
  const rest = tiles.filter((t) => !keys.has(t.key));
  // A face is framed like a picture; a screen takes all there is, since its shape is not ours to know.
  const shape = staged.some((t) => t.source === 'screen')
    ? {}
    : { minAspect: o.height > o.width ? 0.7 : 1.5, maxAspect: 16 / 9 };
  const { perPage } = layout.stage(staged.length, rest.length, o.width, o.height, shape);
  const { page, pages, from, to } = layout.pages(rest.length, perPage, o.page);
  const shown = rest.slice(from, to);
  const boxes = layout.stage(staged.length, shown.length, o.width, o.height, shape);
  return {
    kind: 'stage',
    page,
    pages,
    tiles: [
      ...staged.map((t, i) => /** @type {PlacedTile} */ ({ ...t, box: boxes.stage[i], role: 'stage' })),
      ...shown.map((t, i) => /** @type {PlacedTile} */ ({ ...t, box: boxes.strip[i], role: 'strip' })),
    ],
  };
}

/** @param {Tile[]} tiles @param {ViewOptions} o @returns {View} */
function duoView(tiles, o) {
  const { main, corner } = layout.duo(o.width, o.height);
  return {
    kind: 'duo',
    page: 0,
    pages: 1,
    tiles: tiles.map((t) => (t.self ? { ...t, box: corner, role: 'corner' } : { ...t, box: main, role: 'main' })),
  };
}

/** How long another participant must speak before the stage switches to them. */
export const STAGE_ATTACK_MS = 700;
/** The least time the stage stays with a participant. */
export const STAGE_HOLD_MS = 2500;

/** @typedef {{on: number, since: number, candidate: number, candidateSince: number}} Stage */

/** @returns {Stage} */
export const newStage = () => ({ on: 0, since: -Infinity, candidate: 0, candidateSince: 0 });

/**
 * nextStage decides who is on the stage, with hysteresis: a cough does not turn heads.
 * @param {Stage} st @param {readonly number[]} speakers others who speak, loudest first @param {number} now ms
 * @returns {Stage} the same object when nothing changed
 */
export function nextStage(st, speakers, now) {
  const loudest = speakers[0] ?? 0;
  if (loudest === 0 || loudest === st.on) return st.candidate === 0 ? st : { ...st, candidate: 0 };
  if (st.on === 0) return { on: loudest, since: now, candidate: 0, candidateSince: 0 };
  if (loudest !== st.candidate) return { ...st, candidate: loudest, candidateSince: now };
  const ready = now - st.candidateSince >= STAGE_ATTACK_MS && now - st.since >= STAGE_HOLD_MS;
  return ready ? { on: loudest, since: now, candidate: 0, candidateSince: 0 } : st;
}
