// ESLint rules of our own about the modules of the web client: which folder may import which, and that every export
// has a user.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** @typedef {Record<string, string[]>} Rooms the folders each folder may import from, besides itself */

/**
 * @param {string} root
 * @param {string} file
 * @returns {string} its folder with forward slashes; '' for the root itself
 */
const roomOf = (root, file) => relative(root, dirname(file)).split(sep).join('/');

/** @param {any} node @returns {string} the relative module that an import or export names; empty for none */
const named = (node) =>
  typeof node.source?.value === 'string' && node.source.value.startsWith('.') ? node.source.value : '';

/**
 * importDirection reports imports that the table does not allow. A folder that is not in the table may import
 * everything.
 * @param {string} root @param {Rooms} rooms @returns {import('eslint').Rule.RuleModule}
 */
export function importDirection(root, rooms) {
  return {
    meta: { type: 'problem', schema: [] },
    create(context) {
      const from = roomOf(root, context.filename);
      const allowed = rooms[from];
      if (!allowed) return {};
      const see = (/** @type {any} */ node) => {
        const module = named(node);
        const to = module && roomOf(root, resolve(dirname(context.filename), module));
        if (module && to !== from && !allowed.includes(to)) {
          context.report({ node, message: `js/${from} does not import js/${to}: eslint.config.js says what it may.` });
        }
      };
      return { ImportDeclaration: see, ImportExpression: see, ExportNamedDeclaration: see, ExportAllDeclaration: see };
    },
  };
}

/**
 * unusedExport reports exported names that no other module imports; a test is a user too.
 * @param {string[]} folders all that may import from the linted files @returns {import('eslint').Rule.RuleModule}
 */
export function unusedExport(folders) {
  /** @type {Map<string, Set<string>>|undefined} file → the names others take from it; read once a run */
  let uses;
  return {
    meta: { type: 'problem', schema: [] },
    create(context) {
      const parse = (/** @type {string} */ text) =>
        /** @type {any} */ (context.languageOptions.parser).parse(text, { ecmaVersion: 2024, sourceType: 'module' });
      return {
        Program(program) {
          uses ??= usesIn(folders, parse);
          const taken = uses.get(context.filename);
          for (const { name, node } of exportsOf(program)) {
            if (!taken?.has(name)) context.report({ node, message: `Nothing imports '${name}'.` });
          }
        },
      };
    },
  };
}

/** @param {any} program @returns {{name: string, node: any}[]} */
function exportsOf(program) {
  return program.body
    .filter((/** @type {any} */ s) => s.type === 'ExportNamedDeclaration')
    .flatMap((/** @type {any} */ node) => [
      ...node.specifiers.map((/** @type {any} */ s) => ({ name: s.exported.name, node: s })),
      ...(node.declaration?.declarations ?? (node.declaration ? [node.declaration] : [])).map(
        (/** @type {any} */ d) => ({ name: d.id.name, node: d }),
      ),
    ]);
}

/** @param {string[]} folders @param {(text: string) => any} parse @returns {Map<string, Set<string>>} */
function usesIn(folders, parse) {
  const uses = new Map();
  const add = (/** @type {string} */ file, /** @type {string[]} */ names) =>
    uses.set(file, new Set([...(uses.get(file) ?? []), ...names]));
  for (const folder of folders) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.js') || name.includes('node_modules')) continue;
      const file = join(folder, name);
      const program = parsed(readFileSync(file, 'utf8'), parse);
      for (const node of nodesOf(program)) {
        const module = named(node);
        if (module) add(resolve(dirname(file), module), namesTaken(node, program));
      }
    }
  }
  return uses;
}

/** @param {string} text @param {(text: string) => any} parse @returns {any} null where ESLint itself will complain */
function parsed(text, parse) {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {any} node an import, or an export from elsewhere @param {any} program around it
 * @returns {string[]} what it takes. What `import * as x` and `import()` give is used as a property or taken apart
 *   somewhere in the module: every name of a property there counts.
 */
function namesTaken(node, program) {
  const specifiers = node.specifiers ?? [];
  if (node.type === 'ImportDeclaration' && specifiers.every((/** @type {any} */ s) => s.type === 'ImportSpecifier')) {
    return specifiers.map((/** @type {any} */ s) => s.imported.name);
  }
  if (node.type === 'ExportNamedDeclaration') return specifiers.map((/** @type {any} */ s) => s.local.name);
  return [...nodesOf(program)].flatMap((n) =>
    n.type === 'MemberExpression' && !n.computed
      ? [n.property.name]
      : n.type === 'Property' && !n.computed
        ? [n.key.name]
        : [],
  );
}

/** @param {any} node @returns {Generator<any>} it and all nodes in it */
function* nodesOf(node) {
  if (typeof node?.type === 'string') yield node;
  for (const [key, value] of Object.entries(node ?? {})) {
    if (key !== 'parent' && value && typeof value === 'object') yield* nodesOf(value);
  }
}
