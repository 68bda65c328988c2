/** Lint rules; at the end, the import order of `src` (docs/architecture.md): a folder imports only from floors below it. */

import { readdirSync } from 'node:fs';

/** Top down. */
const floors = [
  'cli',
  'commands',
  'serve',
  'report',
  'explore',
  'use',
  'experiment',
  'models',
  'evaluation',
  'language',
  'training',
  'huggingface',
  'onnx',
  'data',
  'numeric',
  'util',
];

/** Folders whose own folders must not know each other; `shared` ones may be imported by all of them. */
const siblings = {
  models: {
    folders: readdirSync('src/models', { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'factorization')
      .map(({ name }) => name),
  },
};

/** Rooms of a model's folder, top down: a room imports only from rooms in lines below its own. */
const rooms = {
  'models/gpt2': [['engine'], ['training', 'decoding', 'items'], ['prompt'], ['network']],
};

function restrict(files, group, message) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] } };
}

const above = (n) => floors.slice(0, n).flatMap((floor) => [`**/${floor}/**`, `**/${floor}.ts`]);

/** Imports that the order of the floors would allow: a model never sees how it is scored. */
const hidden = { models: ['**/evaluation/**'] };

const order = floors
  .slice(1)
  .map((floor, n) =>
    restrict(
      [`src/${floor}/**/*.{ts,js}`],
      [...above(n + 1), ...(hidden[floor] ?? [])],
      `src/${floor} may import only from ${floors.slice(n + 2).join(', ') || 'nothing'}.`,
    ),
  );

const apart = Object.entries(siblings).flatMap(([floor, { folders }]) =>
  folders.map((folder) =>
    restrict(
      [`src/${floor}/${folder}/**/*.{ts,js}`],
      [
        ...above(floors.indexOf(floor)),
        ...(hidden[floor] ?? []),
        ...folders.filter((other) => other !== folder).map((other) => `**/${other}/**`),
      ],
      `src/${floor}/${folder} may import neither from floors above nor from its siblings.`,
    ),
  ),
);

/** Relative imports alone tell rooms from floors: `../training/` is a room, `../../../training/` the floor. */
const inRooms = Object.entries(rooms).flatMap(([folder, lines]) => {
  const [floor, model] = folder.split('/');
  const others = siblings[floor].folders.filter((other) => other !== model).map((other) => `**/${other}/**`);
  return lines.flatMap((line, n) =>
    line.map((room) => {
      const closed = lines
        .slice(0, n + 1)
        .flat()
        .filter((other) => other !== room);
      const message = `src/${folder}/${room} may import only from ${
        lines
          .slice(n + 1)
          .flat()
          .join(', ') || 'floors'
      } and below.`;
      const group = [...above(floors.indexOf(floor)), ...(hidden[floor] ?? []), ...others];
      const regex = `^\\.\\./(${[...closed, 'index\\.ts'].join('|')})`;
      return {
        files: [`src/${folder}/${room}/**/*.ts`],
        rules: {
          'no-restricted-imports': [
            'error',
            {
              patterns: [
                { group, message },
                { regex, message },
              ],
            },
          ],
        },
      };
    }),
  );
});

export default {
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'off',
    'typescript/consistent-type-imports': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    eqeqeq: 'error',
    'no-console': 'error',
    'prefer-const': 'error',
    'no-var': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'no-await-in-loop': 'off',
    'import/no-named-as-default-member': 'off',
    'no-shadow': 'off',
    'unicorn/no-array-sort': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'no-restricted-properties': [
      'error',
      {
        object: 'Math',
        property: 'random',
        message: 'Randomness is an argument: pass a generator (src/util/rng.ts).',
      },
    ],
    'max-lines': ['error', { max: 400 }],
    'max-lines-per-function': ['error', { max: 60 }],
  },
  overrides: [
    ...order,
    ...apart,
    ...inRooms,
    { files: ['*.config.{ts,mjs}'], rules: { 'import/no-default-export': 'off' } },
    { files: ['src/cli.ts', 'scripts/**', 'examples/**'], rules: { 'no-console': 'off' } },
    { files: ['test/**', 'scripts/**'], rules: { 'max-lines': 'off', 'max-lines-per-function': 'off' } },
  ],
  ignorePatterns: ['dist', 'node_modules', 'src/**/wasm', '/results', '/data', 'test/fixtures', 'coverage'],
};
