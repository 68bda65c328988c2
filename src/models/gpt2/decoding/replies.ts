/** Replies for many users: batches of prompts through one of the ways of writing a list, and what they recommend. */
import { ground, type GroundedEntry, type GroundingContext } from '../../../language/grounding.ts';
import type { History } from '../../../language/history.ts';
import { parseReply } from '../../../language/reply.ts';
import type { Progress } from '../../../util/progress.ts';
import type { Rng } from '../../../util/rng.ts';
import { beamSearch } from './beam.ts';
import { FreeText, type Constraint, type Decoder } from './decoder.ts';
import { generate } from './generate.ts';
import { rankByLikelihood } from './likelihood.ts';
import { ListConstraint, type ListForm } from './list-constraint.ts';
import type { Gpt2GenerateOptions } from '../options.ts';
import { OpenTitles, type Trie } from './trie.ts';
import type { Wording } from '../prompt/template.ts';

/** One user's question to the model. */
export interface Question {
  /** Released user id: names the user's own random stream. */
  userId: number;
  /** The prompt in tokens, up to where the list begins. */
  prompt: readonly number[];
  /** What comes between the prompt and a title, for ranking by likelihood: the lead of a list's first entry. */
  lead: readonly number[];
  /** Movies that may not be recommended: those the user rated in train. */
  closed: Iterable<number>;
}

export interface Reply {
  /** The reply in tokens; empty when movies were ranked by likelihood. */
  tokens: number[];
  /** Movies in order; empty for free text, which is still to be matched. */
  items: number[];
  /** Log-probabilities of the titles, when ranked by likelihood. */
  scores?: number[];
  /** With `scores`: the ranking is that of all open titles, none was given up for lack of room. */
  exact?: boolean;
}

export interface ReplyContext {
  decoder: Decoder;
  trie: Trie;
  form: ListForm;
  /** Tokens that end a free text, and how many it may have. */
  free: { ends: ReadonlySet<number>; maxTokens: number };
  progress: Progress;
  signal: AbortSignal;
  rng: Rng;
}

/** Answers all questions, `options.generationBatch` at a time. Answers do not depend on the size of the batches. */
export async function answer(
  questions: readonly Question[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  const task = context.progress.start('recommend', questions.length, 'users');
  try {
    for (let at = 0; at < questions.length; at += options.generationBatch) {
      const batch = questions.slice(at, at + options.generationBatch);
      const write = options.rank === 'likelihood' ? ranked : written;
      replies.push(...(await write(batch, options, context)));
      task.advance(batch.length);
    }
  } finally {
    task.finish();
  }
  return replies;
}

async function ranked(
  batch: Question[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<Reply[]> {
  const requests = batch.map(({ prompt, lead, closed }) => ({
    prompt: [...prompt, ...lead],
    titles: new OpenTitles(context.trie, closed),
  }));
  const { width } = options;
  const rankings = await rankByLikelihood(
    context.decoder,
    requests,
    { k: context.form.length, width },
    context.signal,
  );
  return rankings.map(({ best, exact }) => ({
    tokens: [],
    items: best.map(({ item }) => item),
    scores: best.map(({ logProbability }) => logProbability),
    exact,
  }));
}

async function written(
  batch: Question[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<Reply[]> {
  const { decoder, trie, form, free, signal, rng } = context;
  const constraints: Constraint[] = batch.map(({ closed }) =>
    options.constrain === 'catalogue'
      ? new ListConstraint(form, new OpenTitles(trie, closed))
      : new FreeText(free.maxTokens, free.ends),
  );
  const requests = batch.map(({ prompt, userId }, i) => ({
    prompt,
    constraint: constraints[i]!,
    rng: rng.derive(`user ${userId}`),
  }));
  const texts =
    options.beams > 1
      ? await beamSearch(
          decoder,
          requests,
          { width: options.beams, lengthPenalty: options.lengthPenalty },
          signal,
        )
      : await generate(decoder, requests, options, signal);
  return texts.map((tokens, i) => ({ tokens, items: itemsOf(tokens, batch[i]!, options, context) }));
}

/** Which movies a constrained reply names: found by reading it again, as the winning beam was a copy. */
function itemsOf(
  tokens: readonly number[],
  { closed }: Question,
  options: Gpt2GenerateOptions,
  { form, trie }: ReplyContext,
): number[] {
  if (options.constrain !== 'catalogue') return [];
  const reader = new ListConstraint(form, new OpenTitles(trie, closed));
  for (const token of tokens) reader.accept(token);
  return reader.items;
}

/** A reply as a record keeps it. */
export interface Recommended {
  /** The text as written; for a ranking by likelihood, the list in the same form. */
  text: string;
  entries: GroundedEntry[];
}

/**
 * The movies and reasons of a reply. Free text is parsed and matched; what was written under the constraint, or ranked,
 * is of known movies. Reasons are the model's own, except for a ranking, where they follow the rule of training texts.
 */
export function recommended(
  reply: Reply,
  history: History,
  wording: Wording,
  grounding: GroundingContext,
  { constrain, rank }: Pick<Gpt2GenerateOptions, 'constrain' | 'rank'>,
): Recommended {
  const favourites = history.genres;
  const tokens = rank === 'likelihood' ? wording.answer(reply.items, favourites).slice(0, -1) : reply.tokens;
  const text = wording.tokenizer.decode(tokens).replace(/<\|endoftext\|>.*$/su, '');
  if (rank === 'generate' && constrain === 'none') {
    const parsed = parseReply(text);
    const entries = parsed.state === 'answered' || parsed.state === 'truncated' ? parsed.entries : [];
    return { text, entries: ground(entries, grounding) };
  }
  const lines = text.split('\n');
  const entries = reply.items.map((item, index): GroundedEntry => {
    const { title, reason } = wording.readEntry(lines[index] ?? '', index, item);
    return { title, reason, item, match: 'exact' };
  });
  return { text, entries };
}
