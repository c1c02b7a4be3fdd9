// Four bars for how good a connection is. The caller adds the words.
import { svgElement } from './icons.js';

/** @param {number} q 0…4 @returns {SVGElement} */
export function bars(q) {
  const svg = svgElement('svg', {
    viewBox: '0 0 24 24',
    class: `icon bars q${q}`,
    'aria-hidden': 'true',
    focusable: 'false',
  });
  for (let i = 0; i < 4; i++) {
    const height = 5 + i * 4;
    svg.append(
      svgElement('rect', {
        x: String(3 + i * 5),
        y: String(20 - height),
        width: '3.4',
        height: String(height),
        rx: '1',
        class: i < q ? 'bar-on' : 'bar-off',
      }),
    );
  }
  return svg;
}
