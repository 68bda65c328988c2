/**
 * `recsys openai` against `transformers serve`, Hugging Face's server, with a tiny GPT-2 that `recsys finetune-gpt2` makes
 * here; the server needs no network. Needs a built `dist`, python3 and PyPI (PyTorch: several GB). Where the server cannot be
 * installed, it says so and ends with exit code 0.
 *
 *     npx tsx scripts/chat-servers/transformers.ts [FOLDER]     FOLDER keeps what was installed
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report, runChecks, runProgram, startServer, tryToInstall, type Check } from './checks.ts';
import { freePort } from './port.ts';

const PACKAGES = ['transformers[serving]==5.24.0', 'torch==2.15.0'];
const START_SECONDS = 180;
const WHAT = 'transformers serve';
/** GPT-2 has no chat template of its own. */
const CHAT_TEMPLATE =
  "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

function install(folder: string): boolean {
  const bin = join(folder, 'venv/bin');
  if (existsSync(join(bin, 'transformers'))) return true;
  return tryToInstall(WHAT, () => {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], { stdio: 'pipe' });
    execFileSync(join(bin, 'pip'), ['install', '--quiet', '--only-binary=:all:', ...PACKAGES], {
      stdio: 'pipe',
    });
  });
}

/** A GPT-2 folder with random weights that were trained for moments, and a chat template. */
async function makeModel(folder: string): Promise<boolean> {
  const model = join(folder, 'model');
  if (existsSync(join(model, 'chat_template.jinja'))) return true;
  const argv = ['--init', 'scratch', '--preset', 'tiny', '--epochs', '1', '--texts-per-user', '1'];
  const where = ['--num-users', '1', '--output', model, '--results-dir', join(folder, 'results'), '--quiet'];
  const { code, text } = runProgram(['finetune-gpt2', ...argv, ...where]);
  if (report('a tiny GPT-2 is made without a network', code === 0, text)) {
    await writeFile(join(model, 'chat_template.jinja'), CHAT_TEMPLATE);
    return true;
  }
  return false;
}

/** Its model writes words at random: what counts is that they arrive, whole or cut by the limit, and are counted. */
const checks: Check[] = [
  {
    name: 'two users are answered; the model stops at its limit, and the answer is called truncated',
    argv: ['--num-users', '2', '--max-output-tokens', '32'],
    code: 0,
    output: /Answers: 2 truncated\./u,
  },
  {
    name: 'a prompt over the context of 1,024 tokens fails with the words of the server',
    argv: ['--num-users', '1', '--max-output-tokens', '32', '--few-shot', '10', '--retries', '0'],
    code: 1,
    output: /the one request failed/u,
  },
  {
    name: 'a wrong path is not a missing model',
    argv: ['--num-users', '1', '--base-url', 'WRONG'],
    code: 1,
    output: /nothing answers at this path/u,
  },
];

async function run(url: string, model: string): Promise<void> {
  const results = await mkdtemp(join(tmpdir(), 'recsys-transformers-'));
  const common = ['--model', model, '--compare-with', 'popularity', '--results-dir', results];
  const history = ['--history-tokens', '60', '--base-url', url]; // the last --base-url counts
  const tried = checks.map((check) => ({
    ...check,
    argv: check.argv.map((part) => (part === 'WRONG' ? url.replace('/v1', '/v7') : part)),
  }));
  runChecks([...common, ...history], tried);
  const record = await readFile(join(results, 'openai_recommendations.json'), 'utf8').catch(() => '');
  report('the record counts the tokens of the server, not an estimate', /"outputTokens": 64/u.test(record));
  await rm(results, { recursive: true });
}

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'recsys-transformers-server-')));
await mkdir(folder, { recursive: true });
if (install(folder) && (await makeModel(folder))) {
  const port = await freePort();
  const model = join(folder, 'model');
  const program = join(folder, 'venv/bin/transformers');
  const server = await startServer(
    WHAT,
    [program, 'serve', model, '--port', String(port), '--device', 'cpu'],
    `http://127.0.0.1:${port}/health`,
    { seconds: START_SECONDS, env: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } },
  );
  try {
    if (server) await run(`http://127.0.0.1:${port}/v1`, model);
  } finally {
    server?.kill();
  }
}
