import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { baselineCommand, modelCommand } from '../../src/commands/baseline.ts';
import { registry, type ModelName } from '../../src/models/registry.ts';
import { evaluateCommand } from '../../src/commands/evaluate.ts';
import { finetuneGpt2Command } from '../../src/commands/finetune-gpt2.ts';
import { openAiCommand } from '../../src/commands/openai.ts';
import { planSchema } from '../../src/commands/plan/schema.ts';
import { readPlan } from '../../src/commands/plan/read.ts';
import { jsonText } from '../../src/experiment/store.ts';
import { packageRoot } from '../../src/util/package.ts';
import { recsys, smallFolder } from '../support/cli.ts';

let cwd: string;
let dataset: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'recsys-plan-'));
  dataset = await smallFolder();
});
afterAll(async () => {
  await rm(cwd, { recursive: true });
  await rm(dataset, { recursive: true });
});

async function refusal(text: string, name = 'plan.yaml'): Promise<string> {
  const path = join(cwd, name);
  await writeFile(path, text);
  const error: unknown = await readPlan(path).then(
    () => new Error('was read'),
    (thrown: unknown) => thrown,
  );
  return (error as Error).message.replace(`${cwd}/`, '');
}

describe('a mistake in a plan is named with its line and the nearest name', () => {
  it('names a field of a section', async () => {
    expect(await refusal('protocol:\n  seed: 1\n  spilt: global-random\n')).toMatch(
      /^plan.yaml:3: unknown field 'protocol.spilt', expected split, .*Did you mean 'split'\?$/,
    );
  });

  it('is what the documentation shows', async () => {
    const page = await readFile(join(packageRoot, 'docs/experiments.md'), 'utf8');
    const [, shown] = /^error: study[.]yaml:6: (.+)$/m.exec(page)!;
    const found = await refusal('protocol:\n  spilt: global-random\n');
    expect(found).toBe(`plan.yaml:2: ${shown}`);
  });

  it('names a section, in JSON too', async () => {
    expect(await refusal('{\n  "name": "a",\n  "modles": ["mf"]\n}', 'plan.json')).toMatch(
      /^plan.json:3: unknown field 'modles'.*Did you mean 'models'\?$/,
    );
  });

  it('names a value that is one of several', async () => {
    expect(await refusal('protocol: { split: per-user-randm }')).toMatch(
      /^plan.yaml:1: protocol.split: "per-user-randm", .*Did you mean 'per-user-random'\?$/,
    );
  });

  it('names a model, alone or with options', async () => {
    expect(await refusal('models:\n  - popularity\n  - eas\n')).toMatch(/^plan.yaml:3: .*'ease'\?$/);
    expect(await refusal('models:\n  - popularity\n  - model: eas\n')).toMatch(/^plan.yaml:3: .*'ease'\?$/);
  });

  it('names an option of a model', async () => {
    const text = 'models:\n  - model: ease\n    options:\n      regularisation: 5\n';
    expect(await refusal(text)).toMatch(
      /^plan.yaml:4: unknown field 'models.0.options.regularisation'.*Did you mean 'regularization'\?$/,
    );
  });

  it('names a value of the wrong type', async () => {
    expect(await refusal('models:\n  - model: mf\n    options: { factors: many }')).toMatch(
      /^plan.yaml:3: models.0.options.factors: "many": .*number/,
    );
  });

  it('names the line of broken YAML', async () => {
    expect(await refusal('models: [mf,\nprotocol: {\n')).toMatch(/^plan.yaml:2: .*expected YAML or JSON$/);
  });
});

test('every flag of the experiment commands has its field', () => {
  const { models: _, ...sections } = planSchema.shape;
  const fields = Object.values(sections).flatMap((section) => {
    const inner: z.ZodType = section.unwrap() as z.ZodType;
    return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  });
  const known = new Set([...fields, ...Object.keys(planSchema.shape), 'printPlan']);
  const missing = [baselineCommand(), evaluateCommand(), finetuneGpt2Command(), openAiCommand()].flatMap(
    (command) => command.options.map((option) => option.attributeName()).filter((name) => !known.has(name)),
  );
  expect(missing).toEqual([]);
  // Options of models: those of the schema that the entry of a plan has.
  for (const command of (Object.keys(registry) as ModelName[]).map(modelCommand)) {
    for (const option of command.options) {
      const name = option.attributeName();
      const entry = { models: [{ model: command.name(), options: { [name]: null } }] };
      const issues = planSchema.safeParse(entry).error?.issues ?? [];
      if (!known.has(name)) expect(JSON.stringify(issues)).not.toContain('unrecognized_keys');
    }
  }
});

test('a plan explores data and compares what its models left', async () => {
  const path = join(cwd, 'look.yaml');
  const results = join(cwd, 'look');
  const data = `data: { dataset: ${JSON.stringify(dataset)} }\nprotocol: { k: [3] }\n`;
  await writeFile(
    path,
    `${data}models: [popularity, popularity-count]\nexplore: { damping: 5 }\ncompare: {}\n`,
  );
  const { code } = await recsys(['run', path, '--results-dir', results, '--quiet']);
  expect(code).toBe(0);
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(join(results, name), 'utf8'));
  expect(await read('exploration.json')).toMatchObject({ settings: { damping: 5 } });
  const { models } = z
    .object({ models: z.array(z.object({ name: z.string() })) })
    .parse(await read('comparison.json'));
  expect(models.map(({ name }) => name).sort()).toEqual(['popularity', 'popularity-count']);
});

test('a printed plan gives the record of the command that printed it', async () => {
  const argv = ['baseline', '--models', 'popularity,mf-sgd', '--dataset', dataset, '--k', '3', '--seed', '7'];
  await recsys([...argv, '--results-dir', 'command', '--quiet'], { cwd });
  const { stdout } = await recsys([...argv, '--print-plan'], { cwd });
  await writeFile(join(cwd, 'printed.yaml'), stdout);
  const { code, stderr } = await recsys(['run', 'printed.yaml', '--results-dir', 'plan', '--quiet'], { cwd });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const read = async (folder: string) => {
    const text = await readFile(join(cwd, folder, 'baseline_metrics.json'), 'utf8');
    return { ...(JSON.parse(text) as object), environment: 0, timing: 0, checksum: 0 };
  };
  expect(await read('plan')).toEqual(await read('command'));
});

test('plans/plan.schema.json is what `npm run schema` writes', async () => {
  const text = await readFile(join(packageRoot, 'plans/plan.schema.json'), 'utf8');
  expect(text).toBe(jsonText(z.toJSONSchema(planSchema, { io: 'input' })));
});

test('every committed plan can be read', async () => {
  const names = (await readdir(join(packageRoot, 'plans'))).filter((name) => name.endsWith('.yaml'));
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) await readPlan(join(packageRoot, 'plans', name));
});
