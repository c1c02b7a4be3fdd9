// A labelled input with a place for its error, wired together for screen readers.
import { h, setText, set, uniqueId } from './dom.js';
/** @import {Props, Child} from './dom.js' */

/**
 * @typedef {object} Field
 * @property {HTMLElement} el
 * @property {HTMLInputElement} input
 * @property {(text: string) => void} fail shows an error and puts the focus into the field; empty takes it away
 */

/**
 * @param {string} label
 * @param {Props} props of the input
 * @param {{help?: Child, optional?: string}} [o]
 * @returns {Field}
 */
export function field(label, props, o = {}) {
  const id = uniqueId('field');
  const input = h('input', { id, class: 'input', 'aria-describedby': `${id}-error ${id}-help`, ...props });
  const error = h('p', {
    class: 'field-error',
    id: `${id}-error`,
    role: 'alert',
    'data-testid': props['data-testid'] ? `${props['data-testid']}-error` : null,
  });
  const el = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label, o.optional && h('span', { class: 'muted' }, ` (${o.optional})`)),
    input,
    error,
    o.help && h('p', { class: 'field-help', id: `${id}-help` }, o.help),
  );
  return {
    el,
    input,
    fail(text) {
      setText(error, text);
      set(input, 'aria-invalid', text ? 'true' : null);
      if (text) input.focus();
    },
  };
}

/**
 * @param {string} label
 * @param {boolean} checked
 * @param {(on: boolean) => void} change
 * @param {{help?: string, testid?: string}} [o]
 * @returns {HTMLElement}
 */
export function toggle(label, checked, change, o = {}) {
  const id = uniqueId('toggle');
  const input = h('input', {
    id,
    type: 'checkbox',
    class: 'switch',
    role: 'switch',
    checked,
    'data-testid': o.testid,
    'aria-describedby': o.help ? `${id}-help` : null,
    onchange: () => change(input.checked),
  });
  return h(
    'div',
    { class: 'toggle' },
    h('div', null, h('label', { for: id }, label), o.help && h('p', { class: 'field-help', id: `${id}-help` }, o.help)),
    input,
  );
}

/**
 * @param {string} label @param {boolean} checked @param {string} testid
 * @returns {{el: HTMLElement, input: HTMLInputElement}} a choice that counts when its form is sent
 */
export function check(label, checked, testid) {
  const input = h('input', { type: 'checkbox', checked, 'data-testid': testid });
  return { el: h('label', { class: 'check-field' }, input, label), input };
}

/**
 * @param {string} label
 * @param {{value: string, label: string}[]} options
 * @param {string} value
 * @param {(value: string) => void} change
 * @param {{testid?: string}} [o] @returns {HTMLElement}
 */
export function select(label, options, value, change, o = {}) {
  const id = uniqueId('select');
  const el = h(
    'select',
    { id, class: 'input', 'data-testid': o.testid, onchange: () => change(el.value) },
    options.map((x) => h('option', { value: x.value, selected: x.value === value }, x.label)),
  );
  el.value = options.some((x) => x.value === value) ? value : (options[0]?.value ?? '');
  return h('div', { class: 'field' }, h('label', { for: id }, label), el);
}
