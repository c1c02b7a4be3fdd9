// Where tiles go. Pure geometry: sizes in CSS pixels, nothing of the DOM.

/** The most tiles a page may hold; the server has a slot for each. */
export const MAX_TILES = 49;

/** @typedef {{x: number, y: number, w: number, h: number}} Box */
/** @typedef {{minAspect?: number, maxAspect?: number, gap?: number}} GridOptions */

/**
 * grid packs n equal tiles into width × height, as large as they go, with the last row centred.
 * @param {number} n @param {number} width @param {number} height @param {GridOptions} [opts]
 * @returns {Box[]}
 */
export function grid(n, width, height, opts = {}) {
  const gap = opts.gap ?? 8;
  const best = bestColumns(n, width, height, opts);
  if (!best) return [];
  const { cols, rows, w, h } = best;
  const top = (height - rows * h - (rows - 1) * gap) / 2;
  /** @type {Box[]} */
  const boxes = [];
  for (let i = 0; i < n; i++) {
    const row = Math.floor(i / cols);
    const inRow = Math.min(cols, n - row * cols);
    const left = (width - inRow * w - (inRow - 1) * gap) / 2;
    boxes.push(round({ x: left + (i - row * cols) * (w + gap), y: top + row * (h + gap), w, h }));
  }
  return boxes;
}

/**
 * @param {number} n @param {number} width @param {number} height @param {GridOptions} opts
 * @returns {{cols: number, rows: number, w: number, h: number}|null}
 */
function bestColumns(n, width, height, { minAspect = 4 / 3, maxAspect = 16 / 9, gap = 8 }) {
  let best = null;
  let bestScore = 0;
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    let w = (width - gap * (cols - 1)) / cols;
    let h = (height - gap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    if (w / h > maxAspect) w = h * maxAspect;
    else if (w / h < minAspect) h = w / minAspect;
    // Between two of nearly one size, the one with fewer holes in its last row looks calmer.
    const score = w * h * (1 - 0.03 * ((cols * rows - n) / cols));
    if (score > bestScore) {
      bestScore = score;
      best = { cols, rows, w, h };
    }
  }
  return best;
}

/**
 * capacity says how many tiles a page may hold so that none is narrower than minWidth, at most limit.
 * @param {number} width @param {number} height @param {{minWidth?: number, limit?: number} & GridOptions} [opts]
 * @returns {number} at least 1
 */
export function capacity(width, height, opts = {}) {
  const minWidth = opts.minWidth ?? 160;
  const limit = Math.min(opts.limit ?? MAX_TILES, MAX_TILES);
  for (let n = limit; n > 1; n--) {
    const fit = bestColumns(n, width, height, opts);
    if (fit && fit.w >= minWidth) return n;
  }
  return 1;
}

/**
 * stage splits the space into a stage and a strip of thumbnails beside or under it.
 * @param {number} staged tiles on the stage @param {number} others how many more there are
 * @param {number} width @param {number} height @param {GridOptions} [opts] aspects are of the tiles on the stage
 * @returns {{stage: Box[], strip: Box[], perPage: number}} perPage: how many of the others the strip holds
 */
export function stage(staged, others, width, height, { gap = 8, minAspect = 0.5, maxAspect = 4 } = {}) {
  const shape = { gap, minAspect, maxAspect };
  if (others === 0) return { stage: grid(staged, width, height, shape), strip: [], perPage: 0 };
  const side = width > height * 1.1;
  const thumbW = side ? Math.max(112, Math.min(240, width * 0.17)) : Math.max(92, Math.min(180, (width - 2 * gap) / 3));
  const thumbH = Math.min((thumbW * 9) / 16, height / 3);
  const room = side ? height : width;
  const step = (side ? thumbH : thumbW) + gap;
  const perPage = Math.max(1, Math.floor((room + gap) / step));
  const shown = Math.min(others, perPage);
  const start = (room - shown * step + gap) / 2;
  const strip = Array.from({ length: shown }, (_, i) =>
    round(
      side
        ? { x: width - thumbW, y: start + i * step, w: thumbW, h: thumbH }
        : { x: start + i * step, y: height - thumbH, w: thumbW, h: thumbH },
    ),
  );
  const w = side ? width - thumbW - gap : width;
  const h = side ? height : height - thumbH - gap;
  return { stage: grid(staged, w, h, shape), strip, perPage };
}

/**
 * duo is one-to-one: the other fills the space, the person's own picture floats in a corner.
 * @param {number} width @param {number} height @returns {{main: Box, corner: Box}}
 */
export function duo(width, height) {
  const portrait = height > width;
  const w = portrait ? Math.max(84, Math.min(140, width * 0.28)) : Math.max(120, Math.min(260, width * 0.2));
  const h = portrait ? (w * 4) / 3 : (w * 9) / 16;
  return { main: { x: 0, y: 0, w: width, h: height }, corner: round({ x: width - w - 12, y: height - h - 12, w, h }) };
}

/** @param {Box} b @param {number} width of the space @returns {Box} the same place for right-to-left languages */
export const mirror = (b, width) => ({ ...b, x: width - b.x - b.w });

/** @param {Box} b @returns {Box} whole pixels, so that edges are sharp */
function round(b) {
  const x = Math.round(b.x);
  const y = Math.round(b.y);
  return { x, y, w: Math.floor(b.w), h: Math.floor(b.h) };
}

/**
 * pages says which page is shown of how many.
 * @param {number} total @param {number} perPage @param {number} wanted
 * @returns {{page: number, pages: number, from: number, to: number}}
 */
export function pages(total, perPage, wanted) {
  const count = Math.max(1, Math.ceil(total / Math.max(1, perPage)));
  const page = Math.max(0, Math.min(wanted, count - 1));
  return { page, pages: count, from: page * perPage, to: Math.min(total, (page + 1) * perPage) };
}

/**
 * swipe says which page a finger asks for: one that went sideways, far enough and not up or down.
 * @param {number} dx px @param {number} dy px @param {boolean} rtl @returns {-1|0|1}
 */
export function swipe(dx, dy, rtl) {
  if (Math.abs(dx) < 60 || Math.abs(dx) < 2 * Math.abs(dy)) return 0;
  return dx < 0 !== rtl ? 1 : -1;
}
