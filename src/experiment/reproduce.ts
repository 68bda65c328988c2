/** Runs a recorded experiment again and names every number that differs. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  isRegistered,
  modelNames,
  recordedSpec,
  requireOptions,
  specOf,
  type ModelSpec,
} from '../models/registry.ts';
import { DataError, UsageError } from '../util/errors.ts';
import { readTextFile } from '../util/files.ts';
import { parseAs } from '../util/parse.ts';
import { MERGED } from './audit/noise.ts';
import { environment } from './environment.ts';
import type { RecordedRun } from './language/reproduce.ts';
import { protocolOfRecord } from './protocol.ts';
import { anyRecordSchema, type AnyRecord, type LanguageRecord, type ModelResult } from './record.ts';
import { runExperiment, type RunContext } from './run.ts';
import { combineSeeds, splitSeeds } from './seeds/combine.ts';
import { readSaved, readVersionedRecord } from './store.ts';

/** One value that came out differently: `models.1.metrics.10.f1.mean`. */
export interface Difference {
  path: string;
  recorded: unknown;
  found: unknown;
}

export interface Reproduction {
  /** The models that the record holds results of. */
  recorded: Pick<AnyRecord, 'models'>;
  /** Empty when every number came out again. */
  differences: Difference[];
  /** What was taken from the record instead of being made again, as a sentence; or why numbers may differ. */
  note?: string;
}

/**
 * Runs the experiment of the record in `path` again. Returns every difference outside `environment` and `timing`. GPT-2
 * trained from scratch is trained again; a chat model's answers are taken from the record; of a search, trials, winner and
 * test are made again, or with `trials` so many of the first trials and the winner. Throws DataError when the record has no
 * model or one that cannot be run again, by cause.
 */
export async function reproduce(
  path: string,
  context: RunContext & { resultsDir: string },
  trials?: number,
): Promise<Reproduction> {
  if (await isSearch(path)) return await reproduceSearch(path, trials, context);
  if (trials !== undefined) {
    throw new UsageError({ place: '--trials', found: 'a record that is no search', remedy: 'Leave it out.' });
  }
  const { record: recorded, version } = await readVersionedRecord(path, anyRecordSchema);
  const first = recorded.models[0];
  if (first === undefined) {
    throw new DataError({
      place: path,
      found: 'a record without models',
      wanted: 'at least one to run again',
      remedy: 'Name another record.',
    });
  }
  const language = isLanguageRecord(recorded);
  const rerun = async (record: AnyRecord): Promise<AnyRecord> =>
    isLanguageRecord(record)
      ? await rerunLanguageModel(path, record, context)
      : (await runExperiment(specOfRecord(path, record), context)).record;
  const records: AnyRecord[] = [];
  for (const record of splitSeeds(recorded)) records.push(await rerun(record));
  const found = combineSeeds(records);
  const comparable = withoutNewerParts(
    recorded,
    language && version === 1 ? withoutComparisonFacts(recorded, found) : found,
  );
  const note = noteOn(recorded);
  return {
    recorded,
    differences: differences(reproducible(recorded), reproducible(comparable)),
    ...(note !== undefined && { note }),
  };
}

async function isSearch(path: string): Promise<boolean> {
  const text = await readTextFile(path, 'a record').catch(() => ''); // another reader says what is wrong
  try {
    return searchMark.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

const searchMark = z.object({ experiment: z.literal('tuning') });

async function reproduceSearch(
  path: string,
  trials: number | undefined,
  context: RunContext,
): Promise<Reproduction> {
  const { tuningSchema } = await import('./tune/record.ts');
  const { rerunSearch } = await import('./tune/reproduce.ts');
  const saved = await readSaved(path, tuningSchema, 'the record of a search');
  const { recorded, found } = await rerunSearch(path, saved, trials, context);
  const left = saved.trials.length - recorded.trials.length;
  return {
    recorded: { models: saved.test.models },
    differences: differences(
      reproducible({ ...recorded, given: undefined }),
      reproducible({ ...found, given: undefined }),
    ),
    ...(left > 0 && {
      note: `Run again: ${recorded.trials.length} of ${recorded.trials.length + left} trials.`,
    }),
  };
}

function isLanguageRecord(record: AnyRecord): record is LanguageRecord {
  return record.language !== undefined;
}

async function rerunLanguageModel(
  path: string,
  record: LanguageRecord,
  context: RunContext & { resultsDir: string },
): Promise<AnyRecord> {
  const [first, ...others] = record.models;
  const hybrid = others.find(({ model }) => model === 'hybrid');
  const specs = others
    .filter((result) => result !== hybrid && result.model !== MERGED)
    .map((result) => specOfResult(path, result));
  const run: RecordedRun = {
    path,
    ...(hybrid && { hybrid: hybridOf(path, hybrid) }),
    data: record.source,
    protocol: protocolOfRecord(record.protocol),
    comparisonModels: specs,
    resultsDir: context.resultsDir,
  };
  const { rerunChat, rerunGpt2 } = await import('./language/reproduce.ts');
  if (first?.model === 'gpt2') return await rerunGpt2(record, run, context);
  if (first?.model === 'openai') {
    return await rerunChat(record, run, context);
  }
  throw cannotRunError(path, first?.model ?? '');
}

/** The part of a record that must be the same on every machine and every run. */
export function reproducible(record: object): unknown {
  return JSON.parse(
    JSON.stringify({ ...record, environment: undefined, timing: undefined, checksum: undefined }),
  );
}

function specOfRecord(path: string, record: AnyRecord) {
  const models = record.models.map((result) => specOfResult(path, result));
  return {
    experiment: record.experiment,
    data: record.source,
    protocol: protocolOfRecord(record.protocol),
    models,
  };
}

function specOfResult(path: string, { name, model, hyperparameters }: ModelResult): ModelSpec {
  if (!isRegistered(model)) throw cannotRunError(path, model);
  requireOptions(model, hyperparameters, `${path}: ${name}`);
  return recordedSpec(name, model, hyperparameters);
}

function hybridOf(path: string, { hyperparameters, model }: ModelResult) {
  const { weight, models } = parseAs(hybridSchema, hyperparameters, { place: `${path}: hyperparameters` });
  const name = models[1];
  if (!modelNames.includes(name)) throw cannotRunError(path, `${model} with ${name}`);
  return { model: specOf(name), weight };
}

const hybridSchema = z.object({ weight: z.number(), models: z.tuple([z.string(), z.string()]) });

function cannotRunError(path: string, model: string): DataError {
  const lists = model === 'external';
  return new DataError({
    place: path,
    found: lists ? 'lists that another tool made, which the record does not hold' : `model '${model}'`,
    wanted: `a model that this version can run again: ${modelNames.join(', ')}, gpt2, openai`,
    ...(lists && { remedy: 'Run `recsys evaluate` on the file of lists again.' }),
  });
}

/**
 * `found` without what records of version 1 lack: facts and predicted ratings of the models beside a language model, which
 * is the first of the record.
 */
function withoutComparisonFacts({ models: recorded }: AnyRecord, found: AnyRecord): AnyRecord {
  const models = found.models.map((result, n) => {
    const { facts, ratingPrediction } = recorded[n] ?? result;
    if (n === 0 || Object.keys(facts).length > 0 || ratingPrediction !== undefined) return result;
    const { ratingPrediction: _, ...rest } = result;
    return { ...rest, facts: {} };
  });
  return { ...found, models };
}

/**
 * `found` without what is newer than the record: parts of the schema, match classes that no reply is of, and the users
 * without a relevant movie, of whom language models once counted none.
 */
function withoutNewerParts(recorded: AnyRecord, found: AnyRecord): AnyRecord {
  const models = found.models.map((result, n) => {
    const countedNone = recorded.language !== undefined && recorded.models[n]?.users.withoutRelevant === 0;
    const { hitItems, cold } = recorded.models[n]?.perUser ?? result.perUser;
    const { hitItems: ownItems, cold: ownCold, ...older } = result.perUser;
    const perUser = { ...older, ...(hitItems && { hitItems: ownItems }), ...(cold && { cold: ownCold }) };
    const users = { ...result.users, ...(countedNone && { withoutRelevant: 0 }) };
    return { ...result, users, perUser };
  });
  const { language } = found;
  if (recorded.language === undefined || language === undefined) return { ...found, models };
  const { shares: known, reasons } = recorded.language;
  const shares = Object.fromEntries(
    Object.entries(language.shares).filter(([name, share]) => share !== 0 || name in known),
  );
  const { reasons: ownReasons, ...texts } = language;
  const further = found.furtherLanguage?.map((own, n) => ({
    ...own,
    users: withKnownParts(own.users, recorded.furtherLanguage?.[n]?.users),
  }));
  return {
    ...found,
    models,
    language: {
      ...texts,
      users: withKnownParts(language.users, recorded.language.users),
      shares,
      ...(reasons && { reasons: ownReasons }),
    },
    ...(further && { furtherLanguage: further }),
  };
}

type RecordedUsers = LanguageRecord['language']['users'];

/** `found` without the number of included movies where the record is older than that. */
function withKnownParts(found: RecordedUsers, recorded: RecordedUsers = []): RecordedUsers {
  return found.map(({ includedMovies, ...user }, n) =>
    recorded[n]?.includedMovies === undefined ? user : { ...user, includedMovies },
  );
}

/** What the reader must know about how a record was run again. */
function noteOn({ models: [first], environment: recorded }: AnyRecord): string | undefined {
  if (first?.model === 'openai') return 'The answers were taken from the record; no request was made.';
  const { cpu } = environment();
  if (first?.model !== 'gpt2' || cpu === recorded.cpu) return undefined;
  const engine = recorded.engine === undefined ? '' : ` (${recorded.engine})`;
  return (
    `The record was made on ${recorded.cpu}${engine}, this is ${cpu}: ONNX Runtime's numbers can differ between makes ` +
    'of processors.'
  );
}

/** Leaves of two JSON values that differ, depth first, with the path from the root. */
export function differences(recorded: unknown, found: unknown, path = ''): Difference[] {
  if (isDeepStrictEqual(recorded, found)) return [];
  if (!isContainer(recorded) || !isContainer(found)) return [{ path, recorded, found }];
  const keys = new Set([...Object.keys(recorded), ...Object.keys(found)]);
  return [...keys].flatMap((key) =>
    differences(recorded[key], found[key], path === '' ? key : `${path}.${key}`),
  );
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
