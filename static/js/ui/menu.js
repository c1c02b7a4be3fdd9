// A menu under a button, on the platform's popover: Escape and a click elsewhere close it, arrows move in it.
import { h, uniqueId } from './dom.js';
import { icon } from './icons.js';
import { rightToLeft } from '../i18n/i18n.js';
/** @import {IconName} from './icons.js' */

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {IconName} [icon]
 * @property {() => void} act
 * @property {boolean} [danger]
 * @property {boolean} [checked] a choice among others when not undefined
 * @property {string} [testid]
 * @property {string} [hint]
 * @property {string} [name] what is read aloud, where the label is a picture
 * @property {boolean} [first] large, above the others, where the menu is a sheet
 */

/**
 * openMenu shows items next to the button that was pressed.
 * @param {HTMLElement} anchor
 * @param {(Item|null|false|undefined)[]} items
 * @param {string} label
 * @param {string} [testid]
 * @param {{look?: 'sheet'|'react-row'|'emoji-grid', foot?: HTMLElement, closed?: () => void}} [o] sheet: from the lower
 *   edge, as wide as the window. foot: below the items, to be looked at only. closed: called once it is
 */
export function openMenu(anchor, items, label, testid, o = {}) {
  const menu = h('div', {
    class: `menu ${o.look ?? ''}`,
    role: 'menu',
    'aria-label': label,
    popover: 'auto',
    id: uniqueId('menu'),
    'data-testid': testid,
  });
  const first = h('div', { class: 'menu-first', role: 'presentation' });
  const sheet = o.look === 'sheet';
  if (sheet) menu.append(first);
  for (const item of items) {
    if (item) (sheet && item.first ? first : menu).append(row(item, () => menu.hidePopover()));
  }
  if (o.foot) menu.append(h('div', { class: 'menu-foot', 'aria-hidden': 'true' }, o.foot));
  menu.addEventListener('keydown', (event) => move(event, menu));
  const again = () => {
    if (!sheet) place(menu, anchor);
  };
  window.addEventListener('resize', again);
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'closed') return;
    window.removeEventListener('resize', again);
    o.closed?.();
    // An item may have opened another menu on the same button, before this event came.
    if (anchor.getAttribute('aria-controls') === menu.id) {
      anchor.setAttribute('aria-expanded', 'false');
      anchor.removeAttribute('aria-controls');
    }
    if (menu.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    menu.remove();
  });
  (anchor.closest('dialog, main, header, footer') ?? document.body).append(menu);
  anchor.setAttribute('aria-expanded', 'true');
  anchor.setAttribute('aria-controls', menu.id);
  menu.showPopover();
  again();
  /** @type {HTMLElement|null} */ (menu.querySelector('[role^=menuitem]'))?.focus();
}

/** @param {Item} item @param {() => void} close @returns {HTMLElement} */
function row(item, close) {
  const choice = item.checked !== undefined;
  return h(
    'button',
    {
      class: item.danger ? 'menu-item danger' : 'menu-item',
      type: 'button',
      tabindex: '-1',
      role: choice ? 'menuitemradio' : 'menuitem',
      'aria-checked': choice ? String(item.checked) : null,
      'aria-label': item.name,
      title: item.name,
      'data-testid': item.testid,
      onclick: () => {
        close();
        item.act();
      },
    },
    choice ? icon('check', item.checked ? '' : 'invisible') : item.icon && icon(item.icon),
    h('span', { class: 'menu-label' }, item.label),
    item.hint && h('kbd', null, item.hint),
  );
}

/** @param {KeyboardEvent} event @param {HTMLElement} menu */
function move(event, menu) {
  const rows = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll('[role^=menuitem]')]);
  const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  // In a grid, up and down go by lines, and right and left as one sees them.
  const across = rows.filter((r) => r.offsetTop === rows[0].offsetTop).length;
  const line = across < rows.length ? across : 1;
  const ahead = across > 1 && rightToLeft() ? -1 : 1;
  const to = {
    ArrowDown: at + line,
    ArrowUp: at - line + rows.length,
    ArrowRight: at + ahead + rows.length,
    ArrowLeft: at - ahead + rows.length,
    Home: 0,
    End: rows.length - 1,
  }[event.key];
  if (to === undefined) {
    if (event.key === 'Tab') menu.hidePopover();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  rows[to % rows.length]?.focus();
}

/** @param {HTMLElement} menu @param {HTMLElement} anchor puts the menu above or below, within the window */
function place(menu, anchor) {
  const a = anchor.getBoundingClientRect();
  const m = menu.getBoundingClientRect();
  const above = a.top > window.innerHeight - a.bottom;
  const top = above ? a.top - m.height - 8 : a.bottom + 8;
  menu.style.top = `${Math.max(8, Math.min(top, window.innerHeight - m.height - 8))}px`;
  menu.style.left = `${Math.max(8, Math.min(a.left + a.width / 2 - m.width / 2, window.innerWidth - m.width - 8))}px`;
}
