import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGpt2, type Gpt2Spec } from '../../../src/experiment/language/gpt2/text.ts';
import { dataSchema, protocolSchema } from '../../../src/experiment/protocol.ts';
import { languageRecordSchema, type LanguageRecord } from '../../../src/experiment/record.ts';
import { loadBase } from '../../../src/models/gpt2/network/base.ts';
import { gpt2Options } from '../../../src/models/gpt2/options.ts';
import { specOf } from '../../../src/models/registry.ts';
import { silentProgress } from '../../../src/util/progress.ts';
import { Rng } from '../../../src/util/rng.ts';
import { IdleEngine, microFolder } from '../../models/gpt2/fake-engine.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

let folder: string;
beforeAll(async () => {
  folder = await microFolder(160);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const engine = new IdleEngine();

async function run(typed: Record<string, unknown>): Promise<LanguageRecord> {
  const spec: Gpt2Spec = {
    options: gpt2Options.parse({ template: 'original', model: folder, numUsers: 3, ...typed }),
    data: dataSchema.parse({}),
    protocol: protocolSchema.parse({ k: [3] }),
    comparisonModels: [specOf('popularity')],
    output: join(folder, 'results', 'gpt2'),
    resultsDir: join(folder, 'results'),
  };
  return languageRecordSchema.parse(await runGpt2(spec, engine, context));
}

describe('an experiment with GPT-2', () => {
  it('saves the model with its tokenizer and recommends unseen movies with reasons', async () => {
    const record = await run({});
    const saved = { model: join(folder, 'results', 'gpt2'), init: 'pretrained', preset: 'tiny' } as const;
    const again = await loadBase(saved, context, new Rng(1));
    expect(again.config.n_embd).toBe(4);
    expect(record.language.users).toHaveLength(3);
    for (const { history, reply, recommendations } of record.language.users) {
      expect(history).toMatch(/^User \d+ has watched /);
      expect(recommendations).toHaveLength(3);
      for (const { rank, text, movieId, match } of recommendations) {
        expect(reply).toContain(`${rank}. ${text} -`);
        expect(movieId).not.toBeNull();
        expect(match).toBe('exact');
        expect(history).not.toContain(`${text}, rated`);
      }
    }
    expect(record.models.map(({ name }) => name)).toEqual(['gpt2', 'popularity']);
    expect(record.models[0]!.users.evaluated).toBe(3);
    expect(record.language.shares['exact']).toBeCloseTo(1, 9);
    expect(record.language.template).toBe('completion@1');
  });

  it('gives the training as many texts as there are users, fewer those that measure the loss', async () => {
    await run({ validationShare: 0.1 });
    const job = engine.job!;
    expect(job.validation).toHaveLength(67);
    expect(job.texts(0)).toHaveLength(671 - 67);
    for (const { tokens } of job.texts(1)) expect(tokens.length).toBeLessThanOrEqual(160);
  });

  it('ranks by likelihood: every movie has a reason, and the record says of how many users the ranking is exact', async () => {
    const record = await run({ rank: 'likelihood', width: 16 });
    for (const { recommendations } of record.language.users) {
      expect(recommendations).toHaveLength(3);
      expect(recommendations[0]!.reason).toMatch(/You rate|Something new|It fits/);
    }
    expect([0, 1 / 3, 2 / 3, 1]).toContain(record.language.details['exactRankings']);
  });

  it('scores free text of an untrained model as what it is: nothing', async () => {
    const record = await run({ constrain: 'none', numUsers: 2 });
    expect(record.models[0]!.users.emptyLists).toBe(2);
    expect(record.models[0]!.metrics['3']!.precision.mean).toBe(0);
  });
});
