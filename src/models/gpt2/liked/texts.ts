/** Prompts and training texts of the liked template, out of training ratings alone. */
import type { TrainingSet } from '../../../data/training-set.ts';
import type { Rng } from '../../../util/rng.ts';
import { entriesOf } from '../../../util/sparse-rows.ts';
import { toExample, type Example } from '../prompt/batch.ts';
import { sections, type LikedTemplate, type Taste } from './template.ts';

/** Most movies that a text asks for. */
const MAX_TARGETS = 20;
/** A movie counts as disliked below this share of the threshold: under 3 of 5 stars where 4 are liked. */
const DISLIKED_SHARE = 0.75;

export interface LikedTextOptions {
  /** Longest text in tokens. */
  contextLength: number;
  /** Stars from which a rating counts as liked; 0: every rating. */
  threshold: number;
  /** Texts per user and pass, at most. */
  textsPerUser: number;
  /** `text`: the titles of the prompt are learned too. */
  lossOn: 'answer' | 'text';
}

/**
 * All rated movies of a user that have a title, by item index; with `likedOnly` those that are liked, as a network reads
 * that was trained on choices between titles.
 */
export function tasteOf(
  train: TrainingSet,
  user: number,
  threshold: number,
  likedOnly = false,
): Record<keyof Taste, number[]> {
  const taste: Record<keyof Taste, number[]> = { disliked: [], watched: [], liked: [] };
  for (const [item, stars] of entriesOf(train.byUser, user)) {
    if (train.movies.titles[item] === '') continue;
    const section =
      threshold === 0 || stars >= threshold
        ? 'liked'
        : stars < DISLIKED_SHARE * threshold
          ? 'disliked'
          : 'watched';
    if (section === 'liked' || !likedOnly) taste[section].push(item);
  }
  return taste;
}

/** A prompt of at most `maxTokens`: liked movies first, drawn by `rng` where not all fit, then watched, then disliked ones. */
export function choosePrompt(
  taste: Taste,
  template: LikedTemplate,
  maxTokens: number,
  rng: Rng,
): { tokens: number[]; taste: Taste; leftOut: number } {
  let left = maxTokens - template.headingLength;
  let leftOut = 0;
  const chosen: Record<keyof Taste, number[]> = { disliked: [], watched: [], liked: [] };
  for (const section of sections.toReversed()) {
    for (const item of rng.shuffle([...taste[section]])) {
      const { length } = template.title(item);
      if (length > left) leftOut++;
      else {
        left -= length;
        chosen[section].push(item);
      }
    }
  }
  return { tokens: template.prompt(chosen), taste: chosen, leftOut };
}

/**
 * The training texts of one pass: of each user with two liked movies or more as many as it takes to ask for each liked
 * movie about once, at most `textsPerUser`. A text asks for a random half of the liked movies, 20 at most, and shows the
 * others as far as they fit. The texts of a user depend on the user and the pass alone.
 */
export function likedTexts(
  train: TrainingSet,
  users: Iterable<number>,
  pass: number,
  template: LikedTemplate,
  options: LikedTextOptions,
  rng: Rng,
): Example[] {
  const texts: Example[] = [];
  for (const user of users) {
    const taste = tasteOf(train, user, options.threshold);
    const { length } = taste.liked;
    if (length < 2) continue;
    const own = rng.derive(`pass ${pass} user ${train.userIds[user]}`);
    const asked = Math.min(MAX_TARGETS, length >> 1);
    const count = Math.min(options.textsPerUser, Math.ceil(length / asked));
    for (let n = 0; n < count; n++) {
      const order = own.shuffle(taste.liked.slice());
      texts.push(
        textOf({ ...taste, liked: order.slice(asked) }, order.slice(0, asked), template, options, own),
      );
    }
  }
  return texts;
}

/** A prompt of `taste` with `targets` to be learned behind it. Targets that do not fit into half of the text are left out. */
export function textOf(
  taste: Taste,
  targets: readonly number[],
  template: LikedTemplate,
  { contextLength, lossOn }: Pick<LikedTextOptions, 'contextLength' | 'lossOn'>,
  rng: Rng,
): Example {
  const answer: number[] = [];
  for (const item of targets) {
    const title = template.title(item);
    if (answer.length + title.length > contextLength >> 1) break;
    answer.push(...title);
  }
  const { tokens } = choosePrompt(taste, template, contextLength - answer.length, rng);
  return toExample(tokens, answer, lossOn);
}
