// The six reactions, as emoji the system draws: nothing to download, and familiar to each person.
import { h } from './dom.js';
import { t } from '../i18n/i18n.js';

/** @typedef {'thumbs_up'|'clap'|'heart'|'laugh'|'surprise'|'party'} Reaction */

/** @type {readonly {id: Reaction, glyph: string}[]} in the order of the protocol document */
export const REACTIONS = [
  { id: 'thumbs_up', glyph: '👍' },
  { id: 'clap', glyph: '👏' },
  { id: 'heart', glyph: '❤️' },
  { id: 'laugh', glyph: '😂' },
  { id: 'surprise', glyph: '😮' },
  { id: 'party', glyph: '🎉' },
];

/** Reactions in flight at once; more are dropped, they say the same. */
const MAX_FLYING = 30;

/**
 * fly lets a reaction rise over the call with the name of who sent it.
 * @param {HTMLElement} layer @param {string} id @param {string} name
 */
export function fly(layer, id, name) {
  const reaction = REACTIONS.find((r) => r.id === id);
  if (!reaction || layer.childElementCount >= MAX_FLYING) return;
  const el = h(
    'div',
    { class: 'flying', 'data-testid': 'reaction', 'data-reaction': id },
    h('span', { class: 'flying-glyph' }, reaction.glyph),
    h('span', { class: 'flying-name' }, name),
  );
  el.style.insetInlineStart = `${10 + Math.floor(performance.now() % 70)}%`;
  layer.appendChild(el);
  setTimeout(() => el.remove(), 4000);
}

/** @param {Reaction} id @returns {string} */
export const reactionLabel = (id) => t(`reaction.${id}`);
