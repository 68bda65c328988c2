/** GPT-2 as a recommender: fine-tuned on viewing histories, asked for a list, its titles found in the catalogue. */
import { has } from '../../data/csr.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { TitleIndex } from '../../language/titles.ts';
import { interruptible } from '../../util/process/signals.ts';
import { indicesOf } from '../../util/sparse-rows.ts';
import { rankExchanges, type Exchange, type LanguageFitted } from '../language-model.ts';
import type { FitContext, Recommender, TopK } from '../recommender.ts';
import { contextLengthOf, loadBase, type BaseModel } from './network/base.ts';
import { divideUsers, promptOf, trainingTexts, type Prompt } from './prompt/examples.ts';
import type { Engine } from './engine/engine.ts';
import type { FineTuned } from './training/fine-tune.ts';
import type { CompleteGpt2Options, Gpt2GenerateOptions } from './options.ts';
import { createLikedGpt2 } from './liked/index.ts';
import { listFormat, titleTrie } from './decoding/list-format.ts';
import { readReply, writeReplies, type ReplyRequest } from './decoding/replies.ts';
import { templateName, PromptTemplate } from './prompt/template.ts';

export interface Gpt2Parts {
  options: CompleteGpt2Options;
  engine: Engine;
  /** Entries of the lists that are trained on. */
  listLength: number;
  /** Stars from which a training rating counts as liked. */
  threshold: number;
  /** Folder for checkpoints. */
  output: string;
  /** File for a line per training step. */
  log: string;
  /** The only movies that a user may get, as item indices; by default all that the user has not rated. */
  candidates?: (user: number) => Int32Array;
}

export interface Gpt2Exchange extends Exchange {
  /** With a ranking by likelihood: no title was dropped because `width` was too small. */
  complete?: boolean;
}

export interface Gpt2Fitted extends LanguageFitted<Gpt2Exchange> {
  /** The trained model; with LoRA, adapters merged. */
  model: BaseModel;
  outcome: FineTuned;
}

/** The untrained model; `fit` loads the base model and fine-tunes it with the engine. */
export function createGpt2(parts: Gpt2Parts): Recommender<Gpt2Fitted> {
  return parts.options.template === 'liked' ? createLikedGpt2(parts) : createOriginalGpt2(parts);
}

/** With the wording of the original work: a rating after every title, lists with reasons. */
function createOriginalGpt2(parts: Gpt2Parts): Recommender<Gpt2Fitted> {
  return {
    name: 'gpt2',
    async fit(train, context) {
      const { options, engine } = parts;
      const base = await loadBase(options, context, context.rng);
      const template = await interruptible(context.signal, () => new PromptTemplate(base.tokenizer, train));
      const contextLength = contextLengthOf(base.config, options.contextLength);
      const outcome = await fineTune(parts, base, train, template, contextLength, context);
      const model = { ...base, parameters: outcome.parameters };
      const exchanges: Gpt2Exchange[] = [];
      return {
        model,
        outcome,
        template: templateName,
        exchanges,
        facts: outcome.facts,
        async recommend(users, k) {
          const decoder = await engine.decoder(model.config, model.parameters, contextLength);
          try {
            const { candidates } = parts;
            const writer = { options, train, template, contextLength, context, candidates };
            const { written, topK } = await write(users, k, { ...writer, decoder });
            exchanges.push(...written);
            return topK;
          } finally {
            await decoder.dispose();
          }
        },
      };
    },
  };
}

async function fineTune(
  { options, engine, listLength, threshold, output, log }: Gpt2Parts,
  base: BaseModel,
  train: TrainingSet,
  template: PromptTemplate,
  contextLength: number,
  context: FitContext,
): Promise<FineTuned> {
  const lossOn = options.lossOn === 'text' ? ('text' as const) : ('answer' as const);
  const textOptions = { contextLength, listLength, threshold, lossOn };
  const users = divideUsers(train, options.validationShare, context.rng.derive('validation users'));
  const drawn = context.rng.derive('texts');
  const tuning = {
    base,
    texts: (pass: number) => trainingTexts(train, users.training, pass, template, textOptions, drawn),
    validation: trainingTexts(train, users.validation, 0, template, textOptions, drawn),
    contextLength,
    padding: base.tokenizer.endOfText,
    options,
    output,
    log,
  };
  return await engine.train(tuning, context);
}

interface Writer {
  options: Gpt2GenerateOptions;
  train: TrainingSet;
  template: PromptTemplate;
  contextLength: number;
  context: FitContext;
  candidates: Gpt2Parts['candidates'];
  decoder: Awaited<ReturnType<Engine['decoder']>>;
}

/** Asks for `k` movies for each user. */
async function write(
  users: Int32Array,
  k: number,
  { options, train, template, contextLength, context, candidates, decoder }: Writer,
): Promise<{ written: Gpt2Exchange[]; topK: TopK }> {
  const prompts = Array.from(users, (user) =>
    promptOf(train, user, template, { contextLength, listLength: k }),
  );
  const replies = await writeReplies(
    prompts.map((prompt, row) => requestFor(train, users[row]!, prompt, template, candidates)),
    options,
    {
      decoder,
      trie: titleTrie(template),
      format: listFormat(template, k),
      ends: new Set([template.tokenizer.endOfText]),
      progress: context.progress,
      signal: context.signal,
      rng: context.rng.derive('generation'),
    },
  );
  const titles = new TitleIndex(train.movies);
  const written = replies.map((reply, row): Gpt2Exchange => {
    const user = users[row]!;
    const { history } = prompts[row]!;
    const grounding = {
      titles,
      inCatalogue: (item: number) => train.ratingCounts[item]! > 0,
      seen: (item: number) => has(train.byUser, user, item),
    };
    const { text, entries } = readReply(reply, history, template, grounding, options);
    const state = entries.length > 0 ? 'answered' : 'empty';
    const { complete } = reply;
    return { user, history, state, reply: text, entries, ...(complete !== undefined && { complete }) };
  });
  // Log-probabilities where movies were ranked by them.
  return { written, topK: rankExchanges(written, k, (row) => replies[row]!.scores) };
}

function requestFor(
  train: TrainingSet,
  user: number,
  { tokens, maxReplyTokens }: Prompt,
  template: PromptTemplate,
  candidates: Gpt2Parts['candidates'],
): ReplyRequest {
  const allowed = candidates && new Set(candidates(user));
  const others = allowed ? train.catalogue.filter((item) => !allowed.has(item)) : [];
  return {
    userId: train.userIds[user]!,
    prompt: tokens,
    listMarker: template.listMarker(0),
    excluded: [...indicesOf(train.byUser, user), ...others],
    maxTokens: maxReplyTokens,
  };
}
