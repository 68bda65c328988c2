/**
 * `recsys openai` against mock-llm, a mock of OpenAI's API from npm that nobody here wrote. Needs a built `dist` and npm.
 * Where the mock cannot be installed, it says so and ends with exit code 0.
 *
 *     npx tsx scripts/chat-servers/mock.ts [FOLDER]     FOLDER keeps what was installed
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecks, startServer, tryToInstall, type Check } from './checks.ts';
import { freePort } from './port.ts';

const PACKAGE = '@dwmkerr/mock-llm@0.1.29';
const START_SECONDS = 60;

const recommendations = JSON.stringify({
  recommendations: [
    { title: 'The Matrix (1999)', reason: 'You rate Action highly.' },
    { title: 'Heat (1995)', reason: 'You rate Crime highly.' },
  ],
});
const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: '{{jmes request body.model}}',
  choices: [{ index: 0, message: { role: 'assistant', content: recommendations }, finish_reason: 'stop' }],
};
const refusal = (message: string, code: string | null, param: string | null) => ({
  error: { message, type: 'invalid_request_error', param, code },
});
/** A rule of the mock; YAML reads JSON. */
const rule = (match: string, status: number, content: unknown) => ({
  path: '/v1/chat/completions',
  match,
  response: { status, content: JSON.stringify(content) },
});
// The last rule that matches answers.
const rules = [
  rule('@', 200, completion),
  rule(
    "body.model == 'no-seed' && body.seed",
    400,
    refusal('Unknown parameter: seed.', 'unknown_parameter', 'seed'),
  ),
  rule("body.model == 'no-key'", 401, refusal('Incorrect API key provided.', 'invalid_api_key', null)),
];

const checks: Check[] = [
  {
    name: 'five users are answered, without usage: tokens are counted here',
    argv: ['--model', 'mock', '--num-users', '5'],
    code: 0,
    output: /5 answered\.[^]*counted here, an estimate/u,
  },
  {
    name: 'a parameter that it refuses is left out, once, and said',
    argv: ['--model', 'no-seed', '--num-users', '2'],
    code: 0,
    output: /no-seed refuses seed[^]*2 answered/u,
  },
  {
    name: 'a refused key ends the run with the server’s words',
    argv: ['--model', 'no-key', '--num-users', '2'],
    code: 1,
    output: /Incorrect API key provided/u,
  },
];

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'recsys-mock-llm-')));
const isInstalled = tryToInstall(PACKAGE, () => {
  execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', PACKAGE], { stdio: 'pipe' });
});
if (isInstalled) {
  const port = await freePort();
  const config = join(folder, 'rules.yaml');
  await writeFile(config, JSON.stringify({ rules }));
  const program = join(folder, 'node_modules/@dwmkerr/mock-llm/dist/main.js');
  const address = `http://127.0.0.1:${port}`;
  const server = await startServer(
    PACKAGE,
    [process.execPath, program, '--config', config],
    `${address}/health`,
    { seconds: START_SECONDS, env: { PORT: String(port), HOST: '127.0.0.1' } },
  );
  const results = await mkdtemp(join(tmpdir(), 'recsys-mock-results-'));
  try {
    const common = ['--base-url', `${address}/v1`, '--compare-with', 'popularity', '--results-dir', results];
    if (server) runChecks(common, checks);
  } finally {
    server?.kill();
  }
}
