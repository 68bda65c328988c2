/** The commands that `scripts/faults` kills: what is typed, what must be there before, and what they leave. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallFolder } from '../../test/support/cli.ts';
import { run } from './process.ts';

export interface FaultCommand {
  name: string;
  /** Arguments of a run that writes to `folder` and nowhere else. */
  argv: (folder: string) => string[];
  /** What another run types in the same folder, so that its result differs. */
  others: string[];
  /** What the run after a kill types besides. */
  again?: string[];
  /** The file of the result. */
  result: string;
  /** A folder that is copied before each run. */
  before?: string;
}

const results = (folder: string) => ['--quiet', '--results-dir', folder];
const otherSeed = ['--seed', '7'];

/** An experiment that saves a record of its name. */
function experiment(name: string, argv: string, before?: string): FaultCommand {
  return {
    name,
    argv: (folder) => [...argv.split(' '), ...results(folder)],
    others: otherSeed,
    result: `${name}_metrics.json`,
    ...(before !== undefined && { before }),
  };
}

/** All commands that write. What they need is made first: a small data set, lists, records and a saved model. */
export async function faultCommands(serverUrl: string): Promise<FaultCommand[]> {
  const dataset = await smallFolder(60, 80);
  const made = await mkdtemp(join(tmpdir(), 'recsys-faults-made-'));
  for (const argv of ['popularity --save-recommendations', 'mf', 'fit mf --save MADE/model']) {
    const typed = argv.replace('MADE', made).split(' ');
    const { code } = await run([...typed, '--dataset', dataset, ...results(join(made, 'results'))]);
    if (code !== 0) throw new Error(`recsys ${argv}: exit code ${code}`);
  }
  const lists = join(made, 'results', 'popularity_recommendations.popularity.csv');
  const records = join(made, 'records');
  for (const name of ['popularity', 'mf']) {
    await cp(join(made, 'results', `${name}_metrics.json`), join(records, `${name}_metrics.json`));
  }
  const small = ['--dataset', dataset];
  const gpt2 = ['--preset', 'tiny', '--checkpoint-every', '2', '--compare-with', 'popularity'];
  const onSmall = (argv: string[]) => (folder: string) => [...argv, ...small, ...results(folder)];
  return [
    experiment('popularity', 'popularity'),
    experiment('mf', 'mf --iterations 4 --save-recommendations'),
    experiment('fm', 'fm --iterations 4'),
    experiment('baseline', 'baseline --models popularity,mf-bpr'),
    experiment('ease', 'ease'),
    { name: 'explore', argv: onSmall(['explore']), others: otherSeed, result: 'exploration.json' },
    {
      name: 'compare',
      argv: (folder) => ['compare', '--quiet', '--results-dir', folder],
      others: [],
      result: 'comparison.json',
      before: records,
    },
    {
      name: 'evaluate',
      argv: (folder) =>
        ['evaluate', '--quiet', '--recommendations', lists, ...small].concat(
          '--output',
          join(folder, 'e.json'),
        ),
      others: otherSeed,
      result: 'e.json',
    },
    {
      name: 'fit',
      argv: (folder) => ['fit', 'mf', '--save', join(folder, 'model'), ...small, ...results(folder)],
      others: otherSeed,
      result: 'model/model.json',
    },
    {
      name: 'recommend',
      argv: (folder) =>
        ['recommend', '--model', join(made, 'model'), '--all-users', '--quiet'].concat(
          '--output',
          join(folder, 'lists.csv'),
        ),
      others: ['--k', '3'],
      result: 'lists.csv',
    },
    {
      name: 'openai',
      argv: onSmall(
        `openai --base-url ${serverUrl} --model local --no-key --num-users 8 --compare-with popularity`.split(
          ' ',
        ),
      ),
      others: otherSeed,
      result: 'openai_recommendations.json',
    },
    {
      name: 'finetune-gpt2 --init scratch',
      argv: onSmall(['finetune-gpt2', '--init', 'scratch', '--num-users', '4', '--epochs', '1', ...gpt2]),
      others: otherSeed,
      again: ['--resume'],
      result: 'gpt2_recommendations.json',
    },
    {
      name: 'finetune-gpt2 --tokens items',
      argv: onSmall(['finetune-gpt2', '--tokens', 'items', '--epochs', '2', ...gpt2]),
      others: otherSeed,
      again: ['--resume'],
      result: 'gpt2_recommendations.json',
    },
  ];
}

/** A result without where and how fast it was made; undefined where there is none that can be read. */
export async function resultOf(folder: string, { result }: FaultCommand): Promise<string | undefined> {
  try {
    const text = await readFile(join(folder, result), 'utf8');
    if (!result.endsWith('.json')) return text;
    return JSON.stringify(JSON.parse(text), (key, value: unknown) => (volatile.has(key) ? undefined : value));
  } catch {
    return undefined;
  }
}

/** Folders, dates, and what was counted or measured on the way, such as requests that a kill had left answered. */
const volatile = new Set(
  'environment timing checksum prices output inputTokens outputTokens costUsd requests cachedAnswers latencySeconds'
    .concat(' secondsPerUser secondsPerUpdate fromCache resume')
    .split(' '),
);

/** A chat server on loopback that recommends the same movies to everybody, after 30 ms. */
export async function startServer(): Promise<{ url: string; close: () => void }> {
  const content = Array.from({ length: 10 }, (_, n) => `${n + 1}. The Film ${n + 31} (${2010 + n})`).join(
    '\n',
  );
  const server = createServer((request, response) => {
    request.resume().on('end', () =>
      setTimeout(() => {
        response.setHeader('content-type', 'application/json');
        const message = { role: 'assistant', content };
        const usage = { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 };
        response.end(
          JSON.stringify({
            id: 'x',
            model: 'local',
            choices: [{ index: 0, message, finish_reason: 'stop' }],
            usage,
          }),
        );
      }, 30),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => server.close(),
  };
}
