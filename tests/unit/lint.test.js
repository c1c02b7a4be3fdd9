import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Linter } from 'eslint';
import { importDirection, unusedExport } from '../lint/modules.js';

/**
 * @param {string} cwd
 * @param {import('eslint').Rule.RuleModule} rule
 * @param {string} file
 * @param {string} code
 * @returns {string[]} what the rule says
 */
function lint(cwd, rule, file, code) {
  const config = {
    plugins: { modules: { rules: { rule } } },
    rules: { 'modules/rule': /** @type {const} */ ('error') },
  };
  return new Linter({ cwd }).verify(code, config, { filename: join(cwd, file) }).map((m) => m.message);
}

test('a folder imports only those that the table names, by whatever kind of import', () => {
  const rule = importDirection('/app/js', { core: [], view: ['core'] });
  const says = (/** @type {string} */ file, /** @type {string} */ code) =>
    lint('/app', rule, `js/${file}`, code).length;
  assert.equal(says('view/a.js', "import '../core/x.js'; import './b.js'; import 'node:fs';"), 0);
  assert.equal(says('main.js', "import './view/a.js';"), 0, 'what is not in the table is free');
  for (const code of [
    "import '../view/a.js';",
    "import { a } from '../view/a.js';",
    "export { a } from '../view/a.js';",
    "export * from '../view/a.js';",
    "await import('../view/a.js');",
  ]) {
    assert.equal(says('core/x.js', code), 1, code);
  }
  assert.equal(says('core/x.js', "import '../core/deeper/a.js';"), 1, 'a folder in a folder is another one');
});

test('an export that no module imports is found, and none that is used in any way', () => {
  const root = mkdtempSync(join(tmpdir(), 'lint-'));
  try {
    mkdirSync(join(root, 'js'));
    const code = 'export const a = 1, b = 2; export function c() {} export class D {} const e = 3; export { e as f };';
    const rule = (/** @type {string} */ user) => {
      writeFileSync(join(root, 'js/x.js'), code);
      writeFileSync(join(root, 'js/user.js'), user);
      return lint(root, unusedExport([join(root, 'js')]), 'js/x.js', code).map((m) => m.match(/'(.*)'/)?.[1]);
    };
    assert.deepEqual(rule(''), ['a', 'b', 'c', 'D', 'f']);
    assert.deepEqual(rule("import './x.js'; const a = 1;"), ['a', 'b', 'c', 'D', 'f'], 'a name of its own is no use');
    assert.deepEqual(rule("import { a as z, D, f } from './x.js';"), ['b', 'c']);
    assert.deepEqual(rule("import * as x from './x.js'; x.a(); x.c;"), ['b', 'D', 'f']);
    assert.deepEqual(rule("const { b, D } = await import('./x.js'); (await import('./x.js')).c();"), ['a', 'f']);
    assert.deepEqual(rule("export { a, b as q } from './x.js';"), ['c', 'D', 'f']);
  } finally {
    rmSync(root, { recursive: true });
  }
});
