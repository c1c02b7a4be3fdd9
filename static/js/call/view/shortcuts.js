// From key presses to verbs; which means which is decided in core/keymap.js.
/** @import {CallContext} from '../context.js' */
import { command } from '../../core/keymap.js';
import { rightToLeft } from '../../i18n/i18n.js';

/** @param {CallContext} context */
export function listenKeys({ ui, verbs, cleanup }) {
  const stop = new AbortController();
  cleanup(() => stop.abort());
  const see = (/** @type {KeyboardEvent} */ event, /** @type {'down'|'up'} */ edge) => {
    const at = event.target instanceof Element ? event.target : document.body;
    const typing = at.matches('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
    const found = command(
      {
        key: event.key,
        repeat: event.repeat,
        ctrlKey: event.ctrlKey,
        altKey: event.altKey,
        metaKey: event.metaKey,
        typing,
        onControl: at.matches('button, a, summary, input, [tabindex="0"], [role^=menuitem]'),
        rtl: rightToLeft(),
        dialog: Boolean(document.querySelector('dialog[open], .menu')),
      },
      edge,
      ui.get().shortcuts,
    );
    if (!found || event.defaultPrevented) return;
    event.preventDefault();
    verbs[found]();
  };
  document.addEventListener('keydown', (e) => see(e, 'down'), { signal: stop.signal });
  document.addEventListener('keyup', (e) => see(e, 'up'), { signal: stop.signal });
  // The page doesn't hear of a key that is released in another window.
  window.addEventListener('blur', () => verbs.talk_end(), { signal: stop.signal });
}
