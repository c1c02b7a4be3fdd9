import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const docs = readFileSync(`${root}/docs/client.md`, 'utf8');
const browser = readdirSync(`${root}/tests/browser`).filter((f) => f.endsWith('.test.js'));
const NAMED = /(?:step|test|describe)\(\s*(['"`])(.+?)(?<!\\)\1,/g;
const namesIn = (/** @type {string} */ file) =>
  [...readFileSync(`${root}/tests/browser/${file}`, 'utf8').matchAll(NAMED)].map((m) => m[2].replaceAll('\\', ''));
const names = browser.flatMap(namesIn);

test("every row of the participant's table has tests of its name, and every test it names is there", () => {
  const from = docs.indexOf('## What each row');
  const rows = docs
    .slice(from, docs.indexOf('\n## ', from + 1))
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| row '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const inTable = new Set(rows.map(([row]) => row));
  for (const name of namesIn('rows.test.js').filter((n) => n.includes(': '))) {
    assert.ok(inTable.has(name.split(': ')[0]), `the table has no row for "${name}"`);
  }
  for (const [row, , shown, decided] of rows) {
    assert.ok(
      names.some((n) => n.startsWith(`${row}: `)),
      `no test is named "${row}: …"`,
    );
    for (const [, named] of shown.matchAll(/`([^`]+)`/g)) {
      if (named.endsWith('.test.js')) assert.ok(existsSync(`${root}/tests/browser/${named}`), named);
      else if (named.includes(': ')) {
        assert.ok(
          names.some((n) => n.startsWith(named.replace(/…$/, ''))),
          named,
        );
      }
    }
    for (const [, file] of decided.matchAll(/`([^`]+\.test\.js)`/g)) {
      assert.ok(existsSync(`${root}/static/test/${file}`), file);
    }
  }
});

test('every test of a row runs in both browsers', () => {
  const files = ['rows', 'together', 'breakouts', 'consent', 'keyboard', 'language', 'page', 'states', 'states-ladder'];
  for (const file of files) {
    assert.match(readFileSync(`${root}/tests/browser/${file}.test.js`, 'utf8'), /for \(const kind of kinds/, file);
  }
});

test('what the specification of the encryption says is shown, is: by a test, a scenario or a step in browsers', () => {
  const spec = readFileSync(`${root}/docs/e2ee.md`, 'utf8');
  const shown = spec.slice(spec.indexOf('## 16.'), spec.indexOf('## 17.'));
  const files = new Set([...readdirSync(`${root}/static/test`), ...readdirSync(`${root}/tests/unit/e2ee`), ...browser]);
  const scenarios = new Set(
    JSON.parse(readFileSync(`${root}/e2ee/testdata/hostile.json`, 'utf8')).map(
      (/** @type {{name: string}} */ s) => s.name,
    ),
  );
  const named = shown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => [.../** @type {string} */ (line.split(' | ').at(-1)).matchAll(/`([^`]+)`/g)])
    .map((m) => m[1]);
  assert.ok(named.length >= 60, `only ${named.length} are named`);
  for (const name of named) {
    if (/^(Test|Fuzz)/.test(name)) continue; // cmd/conclave/docs_test.go
    if (name.endsWith('.test.js')) assert.ok(files.has(name), name);
    else if (name.endsWith('…')) {
      assert.ok(
        names.some((n) => n.startsWith(name.slice(0, -1))),
        name,
      );
    } else assert.ok(scenarios.has(name), name);
  }
});
