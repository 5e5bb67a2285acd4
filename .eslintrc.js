import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const NEST = [{ group: ['@nestjs/*'], message: 'Only lib/nest and lib/api may know Nest.' }];

const lib = (...folders) => folders.map((folder) => `./lib/${folder}`);

/** Which folders of lib may not import which: arrows point down. */
const ARROWS = [
  {
    target: lib('id', 'clock', 'backoff', 'scope', 'codec'),
    from: lib('engine', 'worker', 'nest', 'store', 'job', 'dlq', 'cluster', 'workflow', 'event'),
  },
  {
    target: lib('job', 'dlq', 'cluster', 'ext', 'middleware', 'event', 'workflow'),
    from: lib('engine', 'worker', 'nest'),
  },
  { target: lib('worker'), from: lib('engine', 'nest') },
  { target: lib('store'), from: lib('engine', 'worker', 'nest', 'middleware', 'ext') },
  { target: lib('engine'), from: lib('nest') },
  { target: lib('testing', 'cli'), from: lib('nest') },
  // What ships for tests and for the command line is no part of what runs.
  {
    target: lib('id', 'clock', 'codec', 'job', 'dlq', 'cluster', 'event', 'workflow', 'store', 'worker', 'engine'),
    from: lib('testing', 'cli'),
  },
];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'dist-sample/',
      'dist-chaos/',
      'node_modules/',
      'coverage/',
      '.tmp/',
      'bench/out/',
      'bench/node_modules/',
      // Applications of their own, compiled by their own compilers.
      'test/packaging/*/',
      '!test/packaging/support/',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      ...importX.flatConfigs.typescript.settings,
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })],
    },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': ['error', { zones: ARROWS }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      // What callers hand in may be of another type than it says: it is checked all the same.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // A method is async also so that what it throws is a rejection.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/nest/**', 'lib/api/**', 'lib/index.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: NEST }] },
  },
  {
    files: ['test/**/*.ts', 'sample/**/*.ts'],
    rules: {
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    // Node runs these as they are: types are stripped, and what is more than a type is not understood.
    files: ['bench/**/*.ts'],
    rules: {
      '@typescript-eslint/parameter-properties': ['error', { prefer: 'class-property' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'TSEnumDeclaration, Decorator',
          message: 'Types are stripped from this file: it cannot have these.',
        },
      ],
    },
  },
  {
    files: ['*.config.ts', 'test/support/global-setup.ts', 'test/packaging/global-setup.ts'],
    rules: { 'import-x/no-default-export': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        structuredClone: 'readonly',
      },
    },
  },
);
