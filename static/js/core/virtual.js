// Which rows of a long list exist: those on the screen and a few more, however long the list.

/**
 * @param {number} count rows in the list
 * @param {number} rowHeight px
 * @param {number} scrollTop px
 * @param {number} viewHeight px
 * @param {number} [overscan] rows kept beyond each edge
 * @returns {{from: number, to: number, before: number, total: number}} rows [from, to), px before them, px in all
 */
export function visibleRows(count, rowHeight, scrollTop, viewHeight, overscan = 6) {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - overscan;
  const last = Math.ceil((Math.max(0, scrollTop) + viewHeight) / rowHeight) + overscan;
  const from = Math.max(0, Math.min(first, count));
  const to = Math.max(from, Math.min(last, count));
  return { from, to, before: from * rowHeight, total: count * rowHeight };
}
