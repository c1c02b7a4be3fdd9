// Which key does what. Single letters can be switched off (WCAG 2.1.4), and none acts while the person types.

/**
 * @typedef {'mic'|'camera'|'screen'|'hand'|'chat'|'people'|'layout'|'help'|'next'|'previous'|'talk'|'talk_end'|'react'
 *   |'stats'} Command
 */

/** @type {readonly {keys: string, command: Command}[]} shown on the sheet, in this order */
export const SHORTCUTS = [
  { keys: 'M', command: 'mic' },
  { keys: 'V', command: 'camera' },
  { keys: 'S', command: 'screen' },
  { keys: 'H', command: 'hand' },
  { keys: 'R', command: 'react' },
  { keys: 'C', command: 'chat' },
  { keys: 'P', command: 'people' },
  { keys: 'L', command: 'layout' },
  { keys: 'I', command: 'stats' },
  { keys: '←', command: 'previous' },
  { keys: '→', command: 'next' },
  { keys: 'Space', command: 'talk' },
  { keys: '?', command: 'help' },
];

/** @type {Map<string, Command>} */
const BY_KEY = new Map([
  ['m', 'mic'],
  ['v', 'camera'],
  ['s', 'screen'],
  ['h', 'hand'],
  ['r', 'react'],
  ['c', 'chat'],
  ['p', 'people'],
  ['l', 'layout'],
  ['i', 'stats'],
  ['?', 'help'],
  ['ArrowLeft', 'previous'],
  ['ArrowRight', 'next'],
]);

/**
 * @typedef {object} Stroke
 * @property {string} key @property {boolean} repeat
 * @property {boolean} ctrlKey @property {boolean} altKey @property {boolean} metaKey
 * @property {boolean} typing focus is in a field
 * @property {boolean} onControl focus is on something that Space or the arrows work
 * @property {boolean} dialog a dialog is open
 * @property {boolean} [rtl] the page is read from right to left
 */

/**
 * command says what a key press means. Space belongs to the control that has the focus; it is push-to-talk only
 * elsewhere.
 * @param {Stroke} k @param {'down'|'up'} edge @param {boolean} enabled @returns {Command|null}
 */
export function command(k, edge, enabled) {
  if (k.typing || k.ctrlKey || k.altKey || k.metaKey || k.dialog || !enabled) return null;
  if (k.key === ' ') {
    if (k.onControl || k.repeat) return null;
    return edge === 'down' ? 'talk' : 'talk_end';
  }
  if (edge === 'up' || k.repeat) return null;
  if (k.onControl && k.key.startsWith('Arrow')) return null;
  if (k.rtl && k.key === 'ArrowLeft') return 'next';
  if (k.rtl && k.key === 'ArrowRight') return 'previous';
  return BY_KEY.get(k.key.length === 1 ? k.key.toLowerCase() : k.key) ?? null;
}
