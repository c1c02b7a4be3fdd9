import js from '@eslint/js';
import globals from 'globals';
import { fileURLToPath } from 'node:url';
import { importDirection, unusedExport } from './tests/lint/modules.js';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Which folder of static/js imports which. The pure modules import nothing; the call does not know who shows it, and
 * its rooms import one another in one direction, view → panels → security. The screens and main.js put everything
 * together.
 */
const rooms = {
  core: [],
  i18n: [],
  net: [],
  ui: ['i18n'],
  media: ['core', 'ui'],
  e2ee: ['core', 'e2ee/mls', 'ui'],
  'e2ee/mls': ['e2ee'],
  rooms: ['core', 'e2ee', 'net'],
  call: ['core', 'e2ee', 'media', 'net', 'ui'],
  'call/security': ['core', 'i18n', 'ui'],
  'call/panels': ['call/security', 'core', 'i18n', 'media', 'ui'],
  'call/view': ['call/panels', 'call/security', 'core', 'i18n', 'media', 'net', 'ui'],
};
const modules = {
  rules: {
    'import-direction': importDirection(path('static/js'), rooms),
    'unused-export': unusedExport([path('static'), path('tests')]),
  },
};

const htmlSinks = ['innerHTML', 'outerHTML', 'srcdoc'].map((property) => ({
  property,
  message: 'Build DOM from nodes: the page has no HTML sink (Trusted Types).',
}));

const strict = {
  'array-callback-return': 'error',
  curly: ['error', 'multi-line'],
  'default-case-last': 'error',
  eqeqeq: ['error', 'always'],
  'no-constructor-return': 'error',
  'no-else-return': 'error',
  'no-eval': 'error',
  'no-extend-native': 'error',
  'no-implicit-coercion': ['error', { boolean: false }],
  'no-implied-eval': 'error',
  'no-lonely-if': 'error',
  'no-new-func': 'error',
  'no-return-assign': 'error',
  'no-script-url': 'error',
  'no-self-compare': 'error',
  'no-sequences': 'error',
  'no-shadow': 'error',
  'no-template-curly-in-string': 'error',
  'no-throw-literal': 'error',
  'no-unmodified-loop-condition': 'error',
  'no-unreachable-loop': 'error',
  'no-unused-expressions': 'error',
  'no-unused-vars': ['error', { args: 'after-used', argsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
  'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
  'no-useless-rename': 'error',
  'no-var': 'error',
  'object-shorthand': ['error', 'properties'],
  'prefer-const': 'error',
};

export default [
  { ignores: ['node_modules/', 'tests/browser/artefacts/'] },
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' }, rules: strict },
  {
    files: ['static/**/*.js'],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: 'module',
      globals: { ...globals.browser, trustedTypes: 'readonly' },
    },
    plugins: { modules },
    rules: {
      'modules/import-direction': 'error',
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      'no-alert': 'error',
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...htmlSinks,
        { property: 'insertAdjacentHTML', message: 'Build DOM from nodes.' },
        { object: 'document', property: 'write', message: 'Build DOM from nodes.' },
        { object: 'document', property: 'cookie', message: "Cookies are the server's; they are HttpOnly." },
      ],
    },
  },
  { files: ['static/js/i18n/*/*.js'], rules: { 'max-lines': 'off' } }, // one list, a line for each text
  {
    files: ['static/js/**/*.js', 'tests/browser/harness/*.js'],
    ignores: ['static/js/protocol-types.js'], // generated: it says what the protocol has, not what the client uses
    plugins: { modules },
    rules: { 'modules/unused-export': 'error' },
  },
  {
    files: ['tests/**/*.js', 'static/**/*.test.js', 'eslint.config.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: { ...globals.node, ...globals.browser } },
    rules: { 'no-console': 'off', 'max-lines': 'off' },
  },
];
