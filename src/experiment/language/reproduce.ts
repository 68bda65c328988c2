/** The specs of recorded language models: GPT-2 is trained again from scratch, a chat model's answers are taken as recorded. */
import { join } from 'node:path';
import { formOfHistory } from '../../language/history.ts';
import { findTemplate, isBuiltIn } from '../../language/prompt-file.ts';
import { promptTemplates, type PromptTemplate } from '../../language/templates.ts';
import { chatOptions, resolveModel } from '../../models/chat/options.ts';
import type { ModelSpec } from '../../models/registry.ts';
import { DataError } from '../../util/errors.ts';
import { sha256 } from '../../util/files.ts';
import { parseAs } from '../../util/parse.ts';
import { environment } from '../environment.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import type { LanguageRecord } from '../record.ts';
import type { RunContext } from '../run.ts';
import { runChat } from './chat.ts';
import type { Hybrid } from './hybrid.ts';
import { answersOfRecord } from './replay.ts';
import { tokenKindOf } from './gpt2/token-kinds.ts';

/** What the record says about a run, besides the language model's own options. */
export interface RecordedRun {
  /** The record's file, for errors. */
  path: string;
  data: DataOptions;
  protocol: Protocol;
  comparisonModels: readonly ModelSpec[];
  hybrid?: Required<Hybrid>;
  resultsDir: string;
}

/**
 * Trains and asks GPT-2 again. Checkpoints are kept under `resultsDir`/cache until it has finished, so that the same
 * command goes on after Ctrl-C. Throws DataError for a model that did not start from random weights.
 */
export async function rerunGpt2(
  record: LanguageRecord,
  { path, data, protocol, comparisonModels, hybrid, resultsDir }: RecordedRun,
  context: RunContext,
): Promise<LanguageRecord> {
  const { candidates = 'none', ...recorded } = record.models[0]?.hyperparameters ?? {};
  const kind = tokenKindOf(recorded);
  if (!kind.startsFromRandom(recorded)) {
    throw new DataError({
      place: path,
      found: `GPT-2 fine-tuned from '${String(recorded['model'])}'`,
      wanted:
        'GPT-2 trained from random weights, which the seed decides: --init scratch, or item tokens without --model',
      remedy: 'Run `recsys finetune-gpt2` with the options of the record, and compare the two.',
    });
  }
  const key = sha256(JSON.stringify([environment().recsys, record.source, protocol, recorded, candidates]));
  const folder = join(resultsDir, 'cache', 'reproduce', key.slice(0, 16));
  const userIds = record.language.users.map(({ userId }) => userId);
  const spec = {
    data,
    protocol,
    userIds,
    comparisonModels,
    candidates: String(candidates),
    ...(hybrid && { hybrid }),
    output: join(folder, 'gpt2'),
    resultsDir: folder,
  };
  // Records of older versions name no template: there was one.
  const resumed = { template: 'original', ...recorded, resume: true };
  const damaged = { place: `${path}: hyperparameters`, wanted: 'options of GPT-2' };
  const gpt2 = await kind.open(parseAs(kind.schema, resumed, damaged), context);
  return await gpt2.run(spec);
}

/** Parses, grounds and scores the recorded answers again, without a request: tokens and cost are not counted anew. */
export async function rerunChat(
  record: LanguageRecord,
  { path, data, protocol, comparisonModels, hybrid, resultsDir }: RecordedRun,
  context: RunContext,
): Promise<LanguageRecord> {
  const { candidates = 'none', ...recorded } = record.models[0]?.hyperparameters ?? {};
  const stored = answersOfRecord(record.language, recorded['replayed'] === true ? 'file' : 'record');
  const damaged = { place: `${path}: hyperparameters`, wanted: 'options of a chat model' };
  const options = resolveModel(parseAs(chatOptions, recorded, damaged), new Date());
  const { noise } = record.language;
  const found = await runChat(
    {
      options,
      templates: await recordedTemplates(options, record.language, candidates !== 'none'),
      ...(noise && {
        storedRuns: noise.runs.slice(1).map(({ users }) => answersOfRecord({ users }, stored.origin)),
      }),
      data,
      protocol,
      numUsers: stored.size,
      candidates: String(candidates),
      comparisonModels,
      stored,
      resultsDir,
      ...(hybrid && { hybrid }),
    },
    context,
  );
  // What can be computed again counts; what the requests used stands in the record alone.
  const { candidateRecall, hybridWeight } = found.language.details;
  const computed = {
    ...(candidateRecall !== undefined && { candidateRecall }),
    ...(hybridWeight !== undefined && { hybridWeight }),
  };
  return {
    ...found,
    language: { ...found.language, details: { ...record.language.details, ...computed } },
  };
}

/**
 * The prompts of a record. One's own file is not read again: its name and version stand in the record, and the form of its
 * history is seen from what the record shows.
 */
async function recordedTemplates(
  { prompt = ['zero-shot'] }: { prompt?: readonly string[] | undefined },
  { template, noise, users }: LanguageRecord['language'],
  hasCandidates: boolean,
): Promise<PromptTemplate[]> {
  const names = noise?.prompts.map((own) => own.template) ?? [template];
  return await Promise.all(
    prompt.map(async (name, n) => {
      if (isBuiltIn(name)) return await findTemplate(name, hasCandidates);
      const [, own] = /^chat\/(file:[^/]*)/u.exec(names[n] ?? '') ?? [];
      const [, version] = (names[n] ?? '').split('@');
      const form = formOfHistory(users[0]?.history ?? '');
      return {
        ...promptTemplates['zero-shot'],
        name: `${(own ?? name).split('@')[0]}@${version}`,
        ...(n === 0 && { form }),
      };
    }),
  );
}
