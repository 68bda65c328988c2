/**
 * Bundles src, minified, into dist/chunks: what is needed before the command is known in one file, what commands need
 * before they run in another, what they load later in others, and the bodies of worker threads. dist/cli.js is src/cli.ts
 * alone, dist/index.js src/index.ts. Packages that every command needs are inside; the others stay where npm installs
 * them and are loaded by the first command that uses them.
 *
 * All the rest lies in dist/chunks: as deep below the package's root as src/util, from which `packageRoot` is found, and
 * in one folder with the worker that src/numeric/pool/pool.ts starts from its own.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

const CLI = 'src/cli.ts';
const PROGRAM = 'src/commands/program.ts';

/** Packages inside the bundle. */
const BUNDLED = [
  'cli-table3',
  'commander',
  'csv-parse',
  'fastest-levenshtein',
  'json-stringify-pretty-compact',
  'p-limit',
  'zod',
];

const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const external = Object.keys({ ...dependencies, ...peerDependencies })
  .filter((name) => !BUNDLED.includes(name))
  .map((name) => new RegExp(`^${name}(/|$)`));

/** zod re-exports its messages in 60 languages; English is the one it uses. */
const englishOnly = {
  name: 'english-only',
  load: {
    filter: { id: /zod\/v4\/locales\/index\.js$/ },
    handler: () => "export { default as en } from './en.js';",
  },
};

/**
 * Of modules, by id: the chunk that has it.
 * @type {Map<string, string | null>}
 */
const chunks = new Map();

/**
 * 'start' for what the command line imports before it knows the command, 'commands' for what the commands import before they
 * run; null for others.
 * @param {string} id
 * @param {{ getModuleInfo(id: string): { importers: string[], dynamicImporters: string[] } | null }} context
 * @returns {string | null}
 */
function chunkOf(id, context) {
  if (!chunks.has(id)) {
    chunks.set(id, null); // ends circles of imports
    const { importers = [], dynamicImporters = [] } = context.getModuleInfo(id) ?? {};
    const chunksAbove = importers.map((importer) =>
      importer.endsWith(CLI) ? 'start' : chunkOf(importer, context),
    );
    if (dynamicImporters.some((importer) => importer.endsWith(PROGRAM))) chunksAbove.push('commands');
    chunks.set(id, ['start', 'commands'].find((chunk) => chunksAbove.includes(chunk)) ?? null);
  }
  return chunks.get(id) ?? null;
}

/**
 * @param {string} chunk
 * @returns {(id: string, context: Parameters<typeof chunkOf>[1]) => string | null}
 */
const only = (chunk) => (id, context) => (chunkOf(id, context) === chunk ? chunk : null);

rmSync('dist/chunks', { recursive: true, force: true });
const bundle = await rolldown({
  input: {
    cli: CLI,
    index: 'src/index.ts',
    'chunks/worker': 'src/numeric/pool/worker.js',
    'chunks/parser': 'src/data/ratings/parser.js',
  },
  platform: 'node',
  external: [/^node:/, ...external],
  plugins: [englishOnly],
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false }, // some commands load others, which are there
});
await bundle.write({
  dir: 'dist',
  format: 'esm',
  minify: true,
  sourcemap: true,
  chunkFileNames: 'chunks/[name]-[hash].js',
  codeSplitting: {
    groups: [
      // By priority: a chunk takes what its modules import, and `commands` would take commander.
      { debugName: 'start', name: only('start'), priority: 2 },
      { debugName: 'commands', name: only('commands'), priority: 1 },
    ],
  },
});
await bundle.close();
chmodSync('dist/cli.js', 0o755);
