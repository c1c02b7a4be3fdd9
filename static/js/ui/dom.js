// Building DOM without markup: h('button', {class: 'primary', onclick}, 'Join'). Text becomes text nodes, always.

/** @typedef {Node|string|number|null|undefined|false} Child */
/** @typedef {Record<string, any>} Props attributes; on… are listeners; data and aria are spelt out ('aria-label') */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Props|null} [props] @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  if (props) for (const [name, value] of Object.entries(props)) set(el, name, value);
  add(el, children);
  return el;
}

/** @param {Element} el @param {string} name @param {any} value false and null take the attribute away */
export function set(el, name, value) {
  if (name.startsWith('on') && typeof value === 'function') {
    el.addEventListener(name.slice(2), value);
  } else if (value === false || value === null || value === undefined) {
    el.removeAttribute(name);
  } else if (name === 'value' || name === 'srcObject' || name === 'checked' || name === 'muted') {
    /** @type {any} */ (el)[name] = value;
  } else {
    el.setAttribute(name, value === true ? '' : String(value));
  }
}

/** @param {Node} el @param {(Child|Child[])[]} children */
function add(el, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    el.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** @param {Element} el @param {...(Child|Child[])} children */
export function fill(el, ...children) {
  el.replaceChildren();
  add(el, children);
}

/**
 * @param {Element} el
 * @param {string} text sets text only when it differs, so that nothing is repainted or announced twice
 */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** @param {Element} el @param {boolean} hidden */
export function setHidden(el, hidden) {
  if (el.hasAttribute('hidden') !== hidden) el.toggleAttribute('hidden', hidden);
}

/** @param {Element} el @param {string} name @param {string|boolean|null} value like set, but only when it differs */
export function attr(el, name, value) {
  const want = value === true ? '' : value === false ? null : value;
  if (el.getAttribute(name) !== want) set(el, name, want);
}

/**
 * keyed makes the children of el those of the list, in its order, keeping the elements (and the focus in them) of keys
 * that stay.
 * @template T
 * @param {Element} el @param {readonly T[]} list @param {(item: T) => string} key
 * @param {Map<string, HTMLElement>} made elements by key; keyed owns it
 * @param {(item: T) => HTMLElement} make @param {(el: HTMLElement, item: T, index: number) => void} update
 * @param {(el: HTMLElement, key: string) => void} [drop]
 */
export function keyed(el, list, key, made, make, update, drop) {
  const wanted = new Set(list.map(key));
  for (const [k, child] of made) {
    if (wanted.has(k)) continue;
    drop?.(child, k);
    child.remove();
    made.delete(k);
  }
  list.forEach((item, i) => {
    const k = key(item);
    let child = made.get(k);
    if (!child) {
      child = make(item);
      made.set(k, child);
    }
    update(child, item, i);
    if (child.parentNode !== el) el.appendChild(child);
  });
}

let ids = 0;
/** @param {string} prefix @returns {string} an id no other element has */
export const uniqueId = (prefix) => `${prefix}-${++ids}`;

/** @param {HTMLElement} el @param {boolean} on shows a control as busy and keeps it from being pressed twice */
export function setBusy(el, on) {
  attr(el, 'aria-busy', on ? 'true' : null);
  if (el instanceof HTMLButtonElement) el.disabled = on;
}
