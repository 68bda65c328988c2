/**
 * Bundles src, minified, into dist/chunks: what every command needs in one file, what it loads later in others, and the
 * bodies of worker threads. dist/cli.js is src/cli.ts alone, dist/index.js src/index.ts. Packages that every command
 * needs are inside; the others stay where npm installs them and are loaded by the first command that uses them.
 *
 * All the rest lies in dist/chunks: as deep below the package's root as src/util, from which `packageRoot` is found, and
 * in one folder with the worker that src/numeric/pool/pool.ts starts from its own.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

const CLI = 'src/cli.ts';

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
 * Of modules, by id: does the command line import it before it knows the command?
 * @type {Map<string, boolean>}
 */
const isAtStart = new Map();

/**
 * The name of the chunk of such a module, null for others.
 * @param {string} id
 * @param {{ getModuleInfo(id: string): { importers: string[] } | null }} context
 * @returns {string | null}
 */
function startChunk(id, context) {
  if (!isAtStart.has(id)) {
    isAtStart.set(id, false); // ends circles of imports
    const importers = context.getModuleInfo(id)?.importers ?? [];
    isAtStart.set(
      id,
      importers.some((importer) => importer.endsWith(CLI) || startChunk(importer, context) !== null),
    );
  }
  return isAtStart.get(id) ? 'start' : null;
}

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
    groups: [{ debugName: 'start', name: startChunk }],
  },
});
await bundle.close();
chmodSync('dist/cli.js', 0o755);
