import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mirror, grid, swipe } from '../js/core/layout.js';
import { command } from '../js/core/keymap.js';

const css = fileURLToPath(new URL('../css', import.meta.url));

test('language: style sheets name start and end, not left and right', () => {
  for (const file of readdirSync(css)) {
    const text = readFileSync(`${css}/${file}`, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [rule, selector, body] of text.matchAll(/([^{}]+)\{([^{}]*)\}/g)) {
      // What has no logical form, and its mirror.
      if (selector.includes('[dir="rtl"]') || selector.includes('.meter-bar')) continue;
      for (const physical of [
        /(?:margin|padding|border)-(?:left|right)/,
        /(?:^|[;\s])(?:left|right)\s*:/,
        /(?:text-align|float)\s*:\s*(?:left|right)/,
      ]) {
        assert.doesNotMatch(body, physical, rule.trim());
      }
      for (const [, property, value] of body.matchAll(/\b(padding|margin|inset|border-width)\s*:\s*([^;]+)/g)) {
        const parts = split(value);
        if (
          parts.length < 4 ||
          value.includes('safe-area') ||
          (property === 'inset' && /^0 auto auto 0$/.test(value.trim()))
        ) {
          continue;
        }
        assert.equal(parts[1], parts[3], `${file}: ${rule.trim()}`);
      }
    }
  }
});

/** The parts of a value, where blanks in parentheses do not count. @param {string} value */
function split(value) {
  let depth = 0;
  let part = '';
  const parts = [];
  for (const c of `${value.trim()} `) {
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (c === ' ' && depth === 0) {
      parts.push(part);
      part = '';
    } else part += c;
  }
  return parts;
}

test('language: tiles are mirrored within the same space, and arrows follow the eye', () => {
  const boxes = grid(5, 800, 600);
  for (const b of boxes) {
    const m = mirror(b, 800);
    assert.ok(m.x >= 0 && m.x + m.w <= 800);
    assert.deepEqual(mirror(m, 800), b);
  }
  const stroke = {
    repeat: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    typing: false,
    onControl: false,
    dialog: false,
  };
  assert.equal(command({ ...stroke, key: 'ArrowLeft' }, 'down', true), 'previous');
  assert.equal(command({ ...stroke, key: 'ArrowLeft', rtl: true }, 'down', true), 'next');
  assert.equal(command({ ...stroke, key: 'ArrowRight', rtl: true }, 'down', true), 'previous');
});

test('layouts: a finger that goes sideways turns the page, towards where one reads on', () => {
  assert.equal(swipe(-90, 10, false), 1);
  assert.equal(swipe(90, 10, false), -1);
  assert.equal(swipe(90, -10, true), 1);
  assert.equal(swipe(40, 0, false), 0, 'too short');
  assert.equal(swipe(-90, 80, false), 0, 'a scroll');
});
