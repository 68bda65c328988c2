import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTraining } from '../../src/experiment/compare/training.ts';
import { languageRecordSchema, type LanguageRecord } from '../../src/experiment/record.ts';
import { saveModel } from '../../src/models/gpt2/network/base.ts';
import { gpt2ConfigSchema } from '../../src/models/gpt2/network/config.ts';
import { initialParameters } from '../../src/models/gpt2/network/presets.ts';
import { bundledTokenizer } from '../../src/huggingface/tokenizer.ts';
import { Rng } from '../../src/util/rng.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let dataset: string;
let folder: string;
let model: string;
beforeAll(async () => {
  dataset = await smallFolder();
  folder = await mkdtemp(join(tmpdir(), 'finetune-'));
  model = join(folder, 'base');
  // The smallest network with GPT-2's vocabulary.
  const config = gpt2ConfigSchema.parse({
    model_type: 'gpt2',
    n_embd: 4,
    n_layer: 1,
    n_head: 2,
    n_positions: 160,
  });
  const parameters = initialParameters(config, new Rng(1));
  await saveModel(model, { name: 'micro', config, parameters, tokenizer: await bundledTokenizer() });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const settings =
  '--k 3 --num-users 4 --epochs 2 --batch-size 2 --checkpoint-every 5 --compare-with popularity --learning-rate 0.01';
const argv = (...more: string[]) => [
  'finetune-gpt2',
  '--model',
  model,
  '--dataset',
  dataset,
  ...settings.split(' '),
  ...more,
];

/** Losses by update, from the log. */
function losses(resultsDir: string): unknown[] {
  const lines = readFileSync(join(resultsDir, 'gpt2_training.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { update, loss, validationLoss, gradientNorm } = JSON.parse(line) as Record<string, number>;
    return [update, loss, validationLoss, gradientNorm];
  });
}

async function recordOf(resultsDir: string) {
  const text = await readFile(join(resultsDir, 'gpt2_recommendations.json'), 'utf8');
  return languageRecordSchema.parse(JSON.parse(text));
}

describe('recsys finetune-gpt2', () => {
  it('trains, saves a model, recommends and scores; after kill -9 it continues to the digit', async () => {
    const whole = join(folder, 'whole');
    const { code, stdout, stderr } = await recsys(argv('--results-dir', whole));
    expect(stderr).toContain('engine: ONNX Runtime');
    const [run] = await readTraining(whole); // as `recsys compare` reads it
    expect(run?.updates.at(-1)?.validationLoss).toBeGreaterThan(0);
    expect(code).toBe(0);
    expect(stdout).toMatch(/gpt2 +\*?0\.\d{4}/);
    expect(stdout).toMatch(/popularity +\*?0\.\d{4}/);
    expect(stdout).toContain('Titles: 100.0% exact.');
    expect(existsSync(join(whole, 'gpt2', 'model.safetensors'))).toBe(true);

    const killed = join(folder, 'killed');
    const log = join(killed, 'gpt2_training.jsonl');
    const { code: died } = await recsys(argv('--results-dir', killed), {
      onStart: (child) => {
        const watch = setInterval(() => {
          if (!existsSync(log) || readFileSync(log, 'utf8').split('\n').length < 13) return;
          clearInterval(watch);
          child.kill('SIGKILL');
        }, 5);
      },
    });
    expect(died).toBeNull();
    const resumed = await recsys(argv('--results-dir', killed, '--resume'));
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/gpt2: training: resumed after \d+ of \d+ updates/);
    expect(losses(killed)).toEqual(losses(whole));
    const [a, b] = [await recordOf(whole), await recordOf(killed)];
    expect(b.language.users).toEqual(a.language.users);
    expect(b.models[0]!.metrics).toEqual(a.models[0]!.metrics);
  }, 120_000);

  it('trains adapters that PEFT reads, and ranks by likelihood', async () => {
    const results = join(folder, 'lora');
    const { code, stderr } = await recsys(
      argv(
        '--results-dir',
        results,
        '--lora',
        '2',
        '--rank',
        'likelihood',
        '--width',
        '8',
        '--merge',
        '--epochs',
        '1',
      ),
    );
    expect(stderr).not.toContain('error');
    expect(code).toBe(0);
    expect(existsSync(join(results, 'gpt2', 'adapter_model.safetensors'))).toBe(true);
    expect(existsSync(join(results, 'gpt2', 'merged', 'model.safetensors'))).toBe(true);
    const { language } = await recordOf(results);
    for (const { recommendations } of language.users) expect(recommendations).toHaveLength(3);

    const merged = join(results, 'gpt2', 'merged');
    for (const more of [['--lora', '2'], []]) {
      const again = await recsys(argv('--model', merged, '--results-dir', results, ...more, '--quiet'));
      expect(again.stderr).toMatch(/merged: weights in .*merged, where this run would/);
      expect(again.code).toBe(2);
    }
    const fitted = ['fit', 'gpt2', '--model', merged, '--save', join(results, 'gpt2'), '--dataset', dataset];
    expect((await recsys([...fitted, '--quiet'])).code).toBe(2);
    expect(existsSync(join(merged, 'model.safetensors'))).toBe(true);
  }, 60_000);

  it('refuses what it cannot do, in one line, with the exit code of its kind', async () => {
    for (const [more, wanted, exit] of [
      [['--preset', 'huge'], /--preset/, 2],
      [['--epocs', '2'], /unknown option '--epocs'/, 2],
      [['--lora', '2', '--lora-targets', 'c_atn'], /LoRA targets: 'c_atn'/, 1],
      [['--context-length', '4096'], /--context-length: 4096, expected at most 160/, 1],
      [
        ['--lora', '2', '--output', model],
        /--model .*base: weights in .*base, where this run would overwrite or remove them/,
        2,
      ],
      [['--lora', '2', '--engine', 'tfjs'], /--lora: --engine tfjs, expected --engine onnx/, 2],
    ] as const) {
      const { code, stderr } = await recsys(argv(...more, '--quiet', '--results-dir', join(folder, 'bad')));
      expect(stderr).toMatch(wanted);
      expect(code).toBe(exit);
      expect(stderr).not.toMatch(/^ +at /m);
    }
  }, 60_000);
});

it('reproduces a record of a model trained from random weights, and refuses others by cause', async () => {
  const results = join(folder, 'scratch');
  const typed =
    'finetune-gpt2 --init scratch --context-length 128 --epochs 1 --num-users 4 --k 3 --compare-with popularity';
  const trained = await recsys([...typed.split(' '), '--dataset', dataset, '--results-dir', results]);
  expect(trained.code).toBe(0);
  const path = join(results, 'gpt2_recommendations.json');
  const again = await recsys(['reproduce', path, '--results-dir', results]);
  expect([again.code, again.stdout]).toEqual([0, `${path}: reproduced to the digit (gpt2, popularity)\n`]);

  const record = JSON.parse(await readFile(path, 'utf8')) as LanguageRecord;
  record.models[0]!.facts['updates'] = 1;
  record.environment.cpu = 'another processor';
  await writeFile(path, JSON.stringify({ ...record, checksum: undefined }));
  const differs = await recsys(['reproduce', path, '--results-dir', results]);
  expect(differs.code).toBe(1);
  expect(differs.stderr).toMatch(/models\.0\.facts\.updates: recorded 1, found \d+/);
  expect(differs.stderr).toMatch(/made on another processor \(ONNX Runtime .*numbers can differ between/);

  record.models[0]!.hyperparameters['init'] = 'pretrained';
  await writeFile(path, JSON.stringify({ ...record, checksum: undefined }));
  const refused = await recsys(['reproduce', path, '--results-dir', results]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /fine-tuned from 'openai-community\/gpt2', expected GPT-2 trained from random/,
  );
}, 240_000);

it('on text, ranks the candidates of those who are asked for, and is calibrated on users who have none', async () => {
  const results = join(folder, 'text-candidates');
  const { code, stderr } = await recsys([
    ...'finetune-gpt2 --init scratch --preset tiny --epochs 1 --num-users 3 --k 3'.split(' '),
    ...'--validation-share 0.5 --candidates popularity-count:8 --compare-with popularity'.split(' '),
    '--dataset',
    dataset,
    '--results-dir',
    results,
  ]);
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  const { language, models } = await recordOf(results);
  expect(models[0]!.facts['validationUsers']).toBeGreaterThan(3);
  expect(language.details['candidateRecall']).toBeGreaterThan(0);
}, 120_000);

it('chooses from candidates, is blended with another model at a weight from validation, and reproduces', async () => {
  const results = join(folder, 'blend');
  const typed =
    'finetune-gpt2 --tokens items --preset tiny --epochs 1 --num-users 6 --k 3 --compare-with popularity';
  const retrieval = '--candidates popularity-count:8 --hybrid popularity-count';
  const { code, stdout, stderr } = await recsys([
    ...`${typed} ${retrieval}`.split(' '),
    '--dataset',
    dataset,
    '--results-dir',
    results,
  ]);
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/gpt2-items\+popularity-count/);
  const { language, models } = await recordOf(results);
  expect(models[0]!.hyperparameters['candidates']).toBe('popularity-count:8');
  expect(language.details['candidateRecall']).toBeGreaterThan(0);
  expect(language.details['hybridWeight']).toBeTypeOf('number');
  const path = join(results, 'gpt2_recommendations.json');
  const again = await recsys(['reproduce', path, '--results-dir', results]);
  expect([again.code, again.stdout]).toEqual([
    0,
    `${path}: reproduced to the digit (gpt2-items, popularity, gpt2-items+popularity-count)\n`,
  ]);
}, 120_000);
