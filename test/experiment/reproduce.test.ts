import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChat } from '../../src/experiment/language/chat.ts';
import { answersOfRecord } from '../../src/experiment/language/replay.ts';
import { protocolSchema } from '../../src/experiment/protocol.ts';
import { recordSchema, type LanguageRecord, type ModelResult } from '../../src/experiment/record.ts';
import { reproduce } from '../../src/experiment/reproduce.ts';
import { runExperiment } from '../../src/experiment/run.ts';
import { chatOptions, resolveModel } from '../../src/models/chat/options.ts';
import { specOf } from '../../src/models/registry.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { smallFolder } from '../support/cli.ts';

const context = { progress: silentProgress, signal: new AbortController().signal, threads: 1 };

let dataset: string;
let resultsDir: string;
/** Of a chat model whose answers are stored, with a comparison model that has facts and predicts stars. */
let record: LanguageRecord;
beforeAll(async () => {
  dataset = await smallFolder(60, 60);
  resultsDir = await mkdtemp(join(tmpdir(), 'recsys-reproduce-'));
  const reply = '1. The Film 7 (1986) - a drama\n2. The Film 8 (1987) - a drama';
  const users = [1, 2, 3].map((userId) => ({ userId, state: 'answered', reply }));
  const language = { users: users.map((user) => ({ ...user, history: '', recommendations: [] })) };
  record = await runChat(
    {
      options: resolveModel(chatOptions.parse({ model: 'gpt-4o' }), new Date()),
      data: { dataset },
      protocol: protocolSchema.parse({ k: [3] }),
      numUsers: 3,
      candidates: 'none',
      comparisonModels: [specOf('mf-sgd')],
      stored: answersOfRecord(language, 'record'),
      resultsDir,
    },
    context,
  );
});
afterAll(async () => {
  await rm(dataset, { recursive: true });
  await rm(resultsDir, { recursive: true });
});

/** Paths of what differs when `value` is run again. */
async function differingPaths(value: unknown): Promise<string[]> {
  const path = join(resultsDir, 'r.json');
  await writeFile(path, JSON.stringify(value));
  const { differences } = await reproduce(path, { ...context, resultsDir });
  return differences.map((difference) => difference.path);
}

/** The record with nothing about the fit of its comparison model, as version 1 left it. */
function withoutFacts(): LanguageRecord {
  const [chat, { ratingPrediction: _, ...mf }] = record.models as [ModelResult, ModelResult];
  return { ...record, models: [chat, { ...mf, facts: {} }] };
}

describe('reproducing a language record', () => {
  it('compares facts and predicted ratings of the comparison models', async () => {
    expect(await differingPaths(record)).toEqual([]);
    expect(await differingPaths(withoutFacts())).toEqual([
      'models.1.facts.epochs',
      'models.1.ratingPrediction',
    ]);
  });

  it('of version 1 compares what that version recorded', async () => {
    const { truncatedHistories, ...language } = record.language;
    const older = { ...withoutFacts(), language: { ...language, historiesCut: truncatedHistories } };
    expect(await differingPaths({ ...older, schemaVersion: 1 })).toEqual([]);
    const [chat, mf] = older.models as [ModelResult, ModelResult];
    const wrong = { ...mf, users: { ...mf.users, shortLists: 9 } };
    expect(await differingPaths({ ...older, models: [chat, wrong], schemaVersion: 1 })).toEqual([
      'models.1.users.shortLists',
    ]);
  });
});

describe('a record of data read with --columns and --strict', () => {
  it('says so, and the columns are read again', async () => {
    const ratings = await readFile(join(dataset, 'ratings.csv'), 'utf8');
    const [header, ...rows] = ratings.trim().split('\n');
    const folder = await mkdtemp(join(tmpdir(), 'recsys-columns-'));
    // A second column of ratings: all alike, so that every test rating is relevant.
    const wide = [`${header},stars`, ...rows.map((row) => `${row},5`)];
    await writeFile(join(folder, 'ratings.csv'), `${wide.join('\n')}\n`);
    await copyFile(join(dataset, 'movies.csv'), join(folder, 'movies.csv'));
    const data = { dataset: folder, columns: 'rating=stars', strict: true };
    const protocol = protocolSchema.parse({ k: [3] });
    const { record: found } = await runExperiment(
      { experiment: 'popularity', data, protocol, models: [specOf('popularity')] },
      context,
    );
    expect(recordSchema.parse(found).source).toEqual(data);
    expect(await differingPaths(found)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
