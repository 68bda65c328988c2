/** GPT-2 fed with liked, watched and disliked titles: every movie ranked by the calibrated probability of its title. */
import type { TrainingSet } from '../../../data/training-set.ts';
import { describeHistory } from '../../../language/history.ts';
import type { FitContext, Recommender } from '../../recommender.ts';
import { topKOf } from '../../top-k.ts';
import type { Validation } from '../../../training/job.ts';
import { throwIfAborted } from '../../../util/errors.ts';
import { interruptible } from '../../../util/process/signals.ts';
import { silentProgress } from '../../../util/progress.ts';
import type { Rng } from '../../../util/rng.ts';
import { indicesOf } from '../../../util/sparse-rows.ts';
import { rankByLikelihood, titleOffsets, type Ranking } from '../decoding/likelihood.ts';
import type { Decoder } from '../decoding/decoder.ts';
import { AllowedTitles } from '../decoding/trie.ts';
import { holdBack, validateF1, type HeldRatings } from '../held-ratings.ts';
import type { Gpt2Exchange, Gpt2Fitted, Gpt2Parts } from '../index.ts';
import { contextLengthOf, loadBase, type BaseModel } from '../network/base.ts';
import { writeList } from '../prompt/listed.ts';
import { chooseCalibration, offsetsOf, priorOf, type Calibration } from './calibration.ts';
import { likedTemplateName, LikedTemplate } from './template.ts';
import { fitChoices } from './fit-choices.ts';
import { choosePrompt, likedTexts, tasteOf, textOf } from './texts.ts';
import { choiceTitles, titleTrie } from './title-tree.ts';
import { stateOfLiked, TITLE_TOKENS } from './usable.ts';
import { cutVocabulary, restoreVocabulary } from './vocabulary.ts';

/** Titles of each validation user that calibration chooses among: those that lead with POOL_WEIGHTS. */
const POOL = 200;
/** Prefixes of titles that are kept for them. */
const POOL_WIDTH = 256;
/** In the middle of what is tried, so that the lists of other weights are mostly among them. */
const POOL_WEIGHTS = { priorWeight: 0.25, popularityWeight: 0.5 };

/** What fit, calibration and ranking work with. */
interface Setting {
  parts: Gpt2Parts;
  template: LikedTemplate;
  contextLength: number;
  context: FitContext;
}

/** The untrained model; `fit` loads the base model, fine-tunes it with the engine and calibrates its ranking. */
export function createLikedGpt2(parts: Gpt2Parts): Recommender<Gpt2Fitted> {
  return {
    name: 'gpt2',
    async fit(train, context) {
      const { options, threshold } = parts;
      const base = await loadBase(options, context, context.rng);
      const template = await interruptible(context.signal, () => new LikedTemplate(base.tokenizer, train));
      const contextLength = contextLengthOf(base.config, options.contextLength);
      const setting = { parts, template, contextLength, context };
      const carved = { share: options.validationShare, ordered: false, threshold };
      const { inner, held } = holdBack(train, carved, context.rng.derive('validation'));
      const cut = cutVocabulary(base, template.vocabulary);
      const outcome = await fineTune(setting, cut, inner, held);
      const tuned = { ...cut, parameters: outcome.parameters };
      const calibrated = await withDecoder(setting, tuned, (decoder) =>
        calibrate(setting, decoder, inner, held),
      );
      const exchanges: Gpt2Exchange[] = [];
      return {
        model: restoreVocabulary(base, outcome.parameters, template.vocabulary),
        outcome,
        template: likedTemplateName,
        exchanges,
        facts: { ...outcome.facts, ...calibrated.facts },
        save: () => {
          const { prior, weights } = calibrated;
          const { width } = options;
          const choosing = options.lossOn === 'titles';
          return stateOfLiked(tuned, template, { prior, weights, threshold, contextLength, width, choosing });
        },
        recommend: (users, k) =>
          withDecoder(setting, tuned, async (decoder) => {
            const offsets = offsetsOf(calibrated.prior, train, calibrated.weights);
            const ranked = await rankUsers(setting, decoder, train, users, {
              k,
              width: options.width,
              offsets,
              ...(parts.candidates && { candidates: parts.candidates }),
            });
            exchanges.push(...ranked.map((one, row) => exchangeOf(one, train, users[row]!, template)));
            return topKOf(ranked.map(bestOf), k);
          }),
      };
    },
  };
}

async function fineTune(setting: Setting, base: BaseModel, inner: TrainingSet, held: HeldRatings) {
  const { parts, template, contextLength, context } = setting;
  const { options, engine, threshold, output, log } = parts;
  const { textsPerUser, lossOn } = options;
  if (lossOn === 'titles') {
    const validation =
      options.patience > 0 && held.users.length > 0 ? validateLists(setting, base, inner, held) : undefined;
    return await fitChoices(
      { base, template, options, contextLength, threshold, output, log, ...(validation && { validation }) },
      engine.withTrainee!,
      inner,
      context,
    );
  }
  const drawn = context.rng.derive('texts');
  const everyone = Array.from({ length: inner.userCount }, (_, user) => user);
  const textOptions = { contextLength, threshold, textsPerUser, lossOn };
  return await engine.train(
    {
      base,
      texts: (pass) => likedTexts(inner, everyone, pass, template, textOptions, drawn),
      validation: Array.from(held.users, (user, row) => {
        const wanted = [...held.relevant[row]!].filter((item) => inner.movies.titles[item] !== '');
        const own = drawn.derive(`validation ${inner.userIds[user]}`);
        const asked = { contextLength, lossOn: 'answer' } as const;
        return textOf(tasteOf(inner, user, threshold), wanted, template, asked, own);
      }),
      contextLength,
      padding: 0,
      options,
      output,
      log,
    },
    context,
  );
}

/** F1 of the lists of users some of whose ratings are held back. */
function validateLists<Batch>(
  setting: Setting,
  base: BaseModel,
  inner: TrainingSet,
  held: HeldRatings,
): Validation<Batch> {
  const { template, context, parts } = setting;
  const { listLength: k } = parts;
  const { width } = parts.options;
  const silent = { ...setting, context: { ...context, progress: silentProgress } };
  // `validationF1` is that of the calibrated lists.
  return validateF1(held, k, 'bestValidationF1', async (trainee) => {
    const { weights: parameters } = await trainee.state();
    return await withDecoder(setting, { ...base, parameters }, async (decoder) => {
      const prior = await priorOf(decoder, template, inner.itemCount, context.signal, true);
      const offsets = offsetsOf(prior, inner, POOL_WEIGHTS);
      const ranked = await rankUsers(silent, decoder, inner, held.users, { k, width, offsets });
      return topKOf(ranked.map(bestOf), k).items;
    });
  });
}

async function withDecoder<R>(
  { parts: { engine }, contextLength }: Setting,
  { config, parameters }: BaseModel,
  use: (decoder: Decoder) => Promise<R>,
): Promise<R> {
  const decoder = await engine.decoder(config, parameters, contextLength);
  try {
    return await use(decoder);
  } finally {
    await decoder.dispose();
  }
}

interface Calibrated {
  prior: Float32Array;
  weights: Calibration;
  facts: Record<string, number>;
}

/** The weights of the ranking: those given, else chosen on the validation users, else 0. */
async function calibrate(
  setting: Setting,
  decoder: Decoder,
  inner: TrainingSet,
  held: HeldRatings,
): Promise<Calibrated> {
  const { parts, template, context } = setting;
  const { priorWeight, popularityWeight } = parts.options;
  const given = { priorWeight, popularityWeight };
  const fixed = { priorWeight: priorWeight ?? 0, popularityWeight: popularityWeight ?? 0 };
  const chosen = held.users.length > 0 && (priorWeight === undefined || popularityWeight === undefined);
  const prior =
    chosen || fixed.priorWeight > 0
      ? await priorOf(decoder, template, inner.itemCount, context.signal, parts.options.lossOn === 'titles')
      : new Float32Array(inner.itemCount);
  if (!chosen) return { prior, weights: fixed, facts: { ...fixed } };
  const pools = await poolsOf(setting, decoder, inner, held, prior);
  const { f1, ...weights } = chooseCalibration(held, pools, prior, inner, parts.listLength, given);
  return { prior, weights, facts: { ...weights, validationF1: f1, validationUsers: held.users.length } };
}

/** Log-probabilities of each user's leading titles. */
async function poolsOf(
  setting: Setting,
  decoder: Decoder,
  inner: TrainingSet,
  { users }: HeldRatings,
  prior: Float32Array,
): Promise<Map<number, number>[]> {
  const offsets = offsetsOf(prior, inner, POOL_WEIGHTS);
  const width = Math.max(setting.parts.options.width, POOL_WIDTH);
  const ranked = await rankUsers(setting, decoder, inner, users, { k: POOL, width, offsets });
  return ranked.map(
    ({ ranking }) => new Map(ranking.best.map(({ item, logProbability }) => [item, logProbability])),
  );
}

interface Ranked {
  ranking: Ranking;
  prompt: ReturnType<typeof choosePrompt>;
}

interface RankingOptions extends Pick<Gpt2Parts, 'candidates'> {
  k: number;
  width: number;
  offsets: Float32Array;
}

/** The best `k` titles of each user, `options.generationBatch` users at a time. */
async function rankUsers(
  { parts, template, contextLength, context }: Setting,
  decoder: Decoder,
  train: TrainingSet,
  users: Int32Array,
  { k, width, offsets, candidates }: RankingOptions,
): Promise<Ranked[]> {
  const { options, threshold } = parts;
  const everything = titleTrie(template, template.items);
  const choosing = options.lossOn === 'titles';
  const largest = titleOffsets(everything, offsets);
  const drawn: Rng = context.rng.derive('prompts');
  const ranked: Ranked[] = [];
  const task = context.progress.start('recommend', users.length, 'users');
  try {
    for (let at = 0; at < users.length; at += options.generationBatch) {
      throwIfAborted(context.signal, 'ranking was not finished');
      const batch = users.subarray(at, at + options.generationBatch);
      const prompts = Array.from(batch, (user) =>
        choosePrompt(
          tasteOf(train, user, threshold, choosing),
          template,
          contextLength - TITLE_TOKENS,
          drawn.derive(`user ${train.userIds[user]}`),
        ),
      );
      const requests = prompts.map(({ tokens: prompt }, row) => {
        const seen = indicesOf(train.byUser, batch[row]!);
        const own = candidates?.(batch[row]!).filter((item) => train.movies.titles[item] !== '');
        if (choosing) return { prompt, ...choiceTitles(everything, template, seen, own), offsets: largest };
        if (own === undefined) {
          return { prompt, titles: new AllowedTitles(everything, seen), offsets: largest };
        }
        const trie = titleTrie(template, own);
        const titles = new AllowedTitles(trie, seen);
        return { prompt, titles, offsets: titleOffsets(trie, offsets) };
      });
      const rankings = await rankByLikelihood(decoder, requests, { k, width }, context.signal);
      for (const [row, ranking] of rankings.entries()) ranked.push({ ranking, prompt: prompts[row]! });
      task.advance(batch.length);
    }
  } finally {
    task.finish();
  }
  return ranked;
}

const bestOf = ({ ranking }: Ranked) => ranking.best;

function exchangeOf(
  { ranking, prompt }: Ranked,
  train: TrainingSet,
  user: number,
  template: LikedTemplate,
): Gpt2Exchange {
  const { genres, tags } = describeHistory(train, user, { maxMovies: 0 });
  const { disliked, watched, liked } = prompt.taste;
  const history = {
    text: template.decode(prompt.tokens),
    items: [...disliked, ...watched, ...liked],
    truncatedRatings: prompt.leftOut,
    genres,
    tags,
  };
  const best = ranking.best.map(({ item }) => item);
  const { reply, entries } = writeList(train, user, best, history.items);
  const state = entries.length > 0 ? 'answered' : 'empty';
  return { user, history, state, reply, entries, complete: ranking.complete };
}
