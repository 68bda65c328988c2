/** The commands that `scripts/faults` kills: what is typed, what must be there before, and what they leave. */
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallFolder } from '../../test/support/cli.ts';
import { run } from './process.ts';
import type { Servers } from './servers.ts';

export interface FaultCommand {
  name: string;
  /** What Node.js runs in place of the built command line. */
  program?: readonly string[];
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

/** What the commands read: a small data set, lists, a saved model, records to run again, and a plan. */
export interface Input {
  dataset: string;
  /** Ratings of more users than a record holds values of: those go into a file beside it. */
  crowd: string;
  lists: string;
  model: string;
  records: string;
  plan: string;
}

const results = (folder: string) => ['--quiet', '--results-dir', folder];
const otherSeed = ['--seed', '7'];
const gpt2 = ['--preset', 'tiny', '--checkpoint-every', '2', '--compare-with', 'popularity'];
const itemTokens = ['finetune-gpt2', '--tokens', 'items', '--epochs', '2', ...gpt2];

/** Makes the input with the commands themselves. */
export async function makeInput(): Promise<Input> {
  const [dataset, crowd] = [await smallFolder(60, 80), await smallFolder(10_800, 8)];
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-made-'));
  const [own, model] = [join(folder, 'results'), join(folder, 'model')];
  const typed = [
    ['popularity', '--save-recommendations'],
    ['mf'],
    ['fit', 'mf', '--save', model],
    itemTokens,
  ];
  for (const argv of typed) {
    const { code, stderr } = await run([...argv, '--dataset', dataset, ...results(own)]);
    if (code !== 0) throw new Error(`recsys ${argv.join(' ')}: exit code ${code}\n${stderr}`);
  }
  const records = join(folder, 'records');
  for (const name of ['popularity_metrics.json', 'mf_metrics.json', 'gpt2_recommendations.json']) {
    await cp(join(own, name), join(records, name));
  }
  const plan = join(folder, 'plan.json');
  const models = ['popularity', { model: 'mf', options: { iterations: 4 } }];
  const searches = [{ model: 'mf', trials: 2, options: { iterations: 2 } }];
  await writeFile(plan, JSON.stringify({ name: 'planned', data: { dataset }, models, searches }));
  return {
    dataset,
    crowd,
    lists: join(own, 'popularity_recommendations.popularity.csv'),
    model,
    records,
    plan,
  };
}

/** All commands that write. */
export function faultCommands(input: Input, servers: Servers): FaultCommand[] {
  return [...experiments(input, servers), ...readers(input), ...longer(input, servers)];
}

/** Commands that save a record of an experiment under their name. */
function experiments({ dataset, crowd }: Input, { chat }: Servers): FaultCommand[] {
  const onSmall = (argv: string) => (folder: string) => [
    ...argv.split(' '),
    '--dataset',
    dataset,
    ...results(folder),
  ];
  const onEmbedded = (name: string, argv: string): FaultCommand => ({
    name,
    argv: (folder) => [...argv.split(' '), ...results(folder)],
    others: otherSeed,
    result: `${name}_metrics.json`,
  });
  const asked = `--base-url ${chat} --model local --no-key`;
  return [
    onEmbedded('popularity', 'popularity'),
    {
      name: 'popularity of many users',
      argv: (folder) => [
        ...'popularity --split leave-last-one-out --threshold 1 --dataset'.split(' '),
        crowd,
        ...results(folder),
      ],
      others: otherSeed,
      result: 'popularity_metrics.json',
    },
    onEmbedded('mf', 'mf --iterations 4 --save-recommendations'),
    onEmbedded('fm', 'fm --iterations 4'),
    onEmbedded('baseline', 'baseline --models popularity,mf-bpr'),
    onEmbedded('ease', 'ease'),
    { name: 'explore', argv: onSmall('explore'), others: otherSeed, result: 'exploration.json' },
    {
      name: 'openai',
      argv: onSmall(`openai ${asked} --num-users 8 --compare-with popularity`),
      others: otherSeed,
      result: 'openai_recommendations.json',
    },
    {
      name: 'probe',
      argv: onSmall(`probe ${asked} --items 6 --users 2 --ratings 4`),
      others: otherSeed,
      result: 'probe_local.json',
    },
    {
      name: 'tune',
      argv: onSmall('tune mf --trials 3 --iterations 2'),
      others: otherSeed,
      result: 'tuning_mf.json',
    },
  ];
}

/** Commands that read lists, records, a model or a plan. */
function readers({ dataset, lists, model, records, plan }: Input): FaultCommand[] {
  const again = (name: string, file: string): FaultCommand => ({
    name: `reproduce ${name}`,
    argv: (folder) => ['reproduce', join(folder, file), ...results(folder)],
    others: [],
    result: file,
    before: records,
  });
  return [
    {
      name: 'compare',
      argv: (folder) => ['compare', ...results(folder)],
      others: [],
      result: 'comparison.json',
      before: records,
    },
    {
      name: 'runs',
      argv: (folder) => ['runs', ...results(folder), '--mlflow', join(folder, 'mlruns')],
      others: [],
      result: 'mf_metrics.json',
      before: records,
    },
    {
      name: 'evaluate',
      argv: (folder) => {
        const output = ['--quiet', '--output', join(folder, 'e.json')];
        return ['evaluate', '--recommendations', lists, '--dataset', dataset, ...output];
      },
      others: otherSeed,
      result: 'e.json',
    },
    {
      name: 'recommend',
      argv: (folder) =>
        `recommend --model ${model} --all-users --quiet --output ${join(folder, 'lists.csv')}`.split(' '),
      others: ['--k', '3'],
      result: 'lists.csv',
    },
    again('mf', 'mf_metrics.json'),
    again('gpt2', 'gpt2_recommendations.json'),
    {
      name: 'run',
      argv: (folder) => ['run', plan, ...results(folder)],
      others: [],
      result: 'planned_metrics.json',
    },
  ];
}

/** Commands that keep on the way what they go on from. */
function longer({ dataset }: Input, { archive }: Servers): FaultCommand[] {
  const small = ['--dataset', dataset];
  const text = ['finetune-gpt2', '--init', 'scratch', '--num-users', '4', '--epochs', '1', ...gpt2];
  return [
    {
      name: 'fit',
      argv: (folder) => ['fit', 'mf', '--save', join(folder, 'model'), ...small, ...results(folder)],
      others: otherSeed,
      result: 'model/model.json',
    },
    {
      name: 'data download',
      program: ['--import', 'tsx', join(import.meta.dirname, 'invented-release.ts')],
      argv: (folder) => `data download invented --quiet --url ${archive} --dir ${folder}`.split(' '),
      others: [],
      result: 'invented/ratings.csv',
    },
    ...[text, itemTokens].map((argv) => ({
      name: argv.slice(0, 3).join(' '),
      argv: (folder: string) => [...argv, ...small, ...results(folder)],
      others: otherSeed,
      again: ['--resume'],
      result: 'gpt2_recommendations.json',
    })),
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
