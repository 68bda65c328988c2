/**
 * `recsys openai` against a real llama.cpp server with a model of 4.5 MB that this script makes. Needs a built `dist`,
 * python3 and PyPI. Where the server cannot be installed, it says so and ends with exit code 0.
 *
 *     npx tsx scripts/chat-servers/llama.ts [FOLDER]     FOLDER keeps what was installed
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report, runChecks, startServer, tryToInstall, type Check } from './checks.ts';
import { freePort } from './port.ts';

const PACKAGES = ['xllamacpp==2026.10.11549', 'gguf==0.19.0', 'numpy==2.4.6'];
const START_SECONDS = 120;
const titles = [
  'The Shawshank Redemption (1994)',
  'Pulp Fiction (1994)',
  'Forrest Gump (1994)',
  'The Matrix (1999)',
  'The Godfather (1972)',
  'Star Wars: Episode IV - A New Hope (1977)',
  'Fargo (1996)',
  "Schindler's List (1993)",
  'Toy Story (1995)',
  'Heat (1995)',
];
const WHAT = "llama.cpp's server";

/** The Python that has the server, and the model's file; undefined where they cannot be had. */
async function install(folder: string): Promise<{ python: string; model: string } | undefined> {
  await mkdir(folder, { recursive: true });
  const bin = join(folder, 'venv/bin');
  const python = join(bin, 'python');
  const list = join(folder, 'titles.txt');
  const model = join(folder, 'tiny.gguf');
  await writeFile(list, `${titles.join('\n')}\n`);
  const quietly = { stdio: 'pipe' } as const;
  const installed = tryToInstall(WHAT, () => {
    if (!existsSync(python)) execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], quietly);
    execFileSync(join(bin, 'pip'), ['install', '--quiet', '--only-binary=:all:', ...PACKAGES], quietly);
    execFileSync(python, [join(import.meta.dirname, 'model.py'), model, list], quietly);
  });
  return installed ? { python, model } : undefined;
}

async function run(url: string): Promise<void> {
  const results = await mkdtemp(join(tmpdir(), 'recsys-llama-'));
  const base = [
    '--base-url',
    url,
    '--model',
    'tiny',
    '--compare-with',
    'popularity',
    '--results-dir',
    results,
  ];
  const checks: Check[] = [
    {
      name: 'five users, asked four at a time of a server with one slot: all answered',
      argv: [...base, '--num-users', '5'],
      code: 0,
      output: /Answers: 5 answered\./u,
    },
    {
      name: 'histories are limited in the tokens of the server: one per byte here',
      argv: [...base, '--num-users', '2', '--history-tokens', '300'],
      code: 0,
      output: /2 histories were too long/u,
    },
    {
      name: 'a prompt over the context says what to do',
      argv: [
        ...base,
        '--num-users',
        '1',
        '--max-output-tokens',
        '64',
        '--history-tokens',
        '60000',
        '--few-shot',
        '10',
      ],
      code: 1,
      output: /lower --history-tokens/u,
    },
    {
      name: 'a wrong path is not a missing model',
      argv: ['--base-url', url.replace('/v1', '/v7'), ...base.slice(2), '--num-users', '1'],
      code: 1,
      output: /nothing answers at this path/u,
    },
  ];
  runChecks([], checks);
  const record = await readFile(join(results, 'openai_recommendations.json'), 'utf8');
  report(
    'the record holds the titles that the model spells',
    titles.every((title) => record.includes(title)),
  );
}

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'recsys-llama-server-')));
const installed = await install(folder);
const port = await freePort();
const server =
  installed &&
  (await startServer(
    WHAT,
    [installed.python, join(import.meta.dirname, 'server.py'), installed.model, String(port)],
    `http://127.0.0.1:${port}/health`,
    { seconds: START_SECONDS },
  ));
try {
  if (server) await run(`http://127.0.0.1:${port}/v1`);
} finally {
  server?.kill();
}
