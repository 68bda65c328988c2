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
import { ListConstraint, type ListFormat } from './list-constraint.ts';
import type { Gpt2GenerateOptions } from '../options.ts';
import { AllowedTitles, type Trie } from './trie.ts';
import type { PromptTemplate } from '../prompt/template.ts';

/** What one user's reply is written from. */
export interface ReplyRequest {
  /** Released user id: names the user's own random stream. */
  userId: number | string;
  /** The prompt in tokens, up to where the list begins. */
  prompt: readonly number[];
  /** What comes between the prompt and a title, for ranking by likelihood: the marker of a list's first entry. */
  listMarker: readonly number[];
  /** Movies that may not be recommended: those the user rated in train. */
  excluded: Iterable<number>;
  /** Longest reply in tokens: what the prompt leaves of the context. */
  maxTokens: number;
}

export interface WrittenReply {
  /** The reply in tokens; empty when movies were ranked by likelihood. */
  tokens: number[];
  /** Movies in order; empty for free text, which is still to be matched. */
  items: number[];
  /** Log-probabilities of the titles, when ranked by likelihood. */
  scores?: number[];
  /** With `scores`: the ranking is that of all allowed titles, no prefix was dropped because `width` was too small. */
  complete?: boolean;
}

export interface ReplyContext {
  decoder: Decoder;
  trie: Trie;
  format: Omit<ListFormat, 'maxTokens'>;
  /** Tokens that end a free text. */
  ends: ReadonlySet<number>;
  progress: Progress;
  signal: AbortSignal;
  rng: Rng;
}

/** Writes all replies, `options.generationBatch` at a time. A reply does not depend on what else is asked. */
export async function writeReplies(
  questions: readonly ReplyRequest[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<WrittenReply[]> {
  const replies: WrittenReply[] = [];
  const task = context.progress.start('recommend', questions.length, 'users');
  try {
    for (let at = 0; at < questions.length; at += options.generationBatch) {
      const batch = questions.slice(at, at + options.generationBatch);
      const write = options.rank === 'likelihood' ? rankTitles : writeLists;
      replies.push(...(await write(batch, options, context)));
      task.advance(batch.length);
    }
  } finally {
    task.finish();
  }
  return replies;
}

async function rankTitles(
  batch: ReplyRequest[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<WrittenReply[]> {
  const requests = batch.map(({ prompt, listMarker, excluded }) => ({
    prompt: [...prompt, ...listMarker],
    titles: new AllowedTitles(context.trie, excluded),
  }));
  const { width } = options;
  const rankings = await rankByLikelihood(
    context.decoder,
    requests,
    { k: context.format.length, width },
    context.signal,
  );
  return rankings.map(({ best, complete }) => ({
    tokens: [],
    items: best.map(({ item }) => item),
    scores: best.map(({ logProbability }) => logProbability),
    complete,
  }));
}

async function writeLists(
  batch: ReplyRequest[],
  options: Gpt2GenerateOptions,
  context: ReplyContext,
): Promise<WrittenReply[]> {
  const { decoder, trie, format, ends, signal, rng } = context;
  const constraints: Constraint[] = batch.map(({ excluded, maxTokens }) =>
    options.constrain === 'catalogue'
      ? new ListConstraint({ ...format, maxTokens }, new AllowedTitles(trie, excluded))
      : new FreeText(maxTokens, ends),
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
  { excluded, maxTokens }: ReplyRequest,
  options: Gpt2GenerateOptions,
  { format, trie }: ReplyContext,
): number[] {
  if (options.constrain !== 'catalogue') return [];
  const reader = new ListConstraint({ ...format, maxTokens }, new AllowedTitles(trie, excluded));
  for (const token of tokens) reader.accept(token);
  return reader.items;
}

/** A reply as a record keeps it. */
export interface ReadReply {
  /** The text as written; for a ranking by likelihood, the list in the same form. */
  text: string;
  entries: GroundedEntry[];
}

/**
 * The movies and reasons of a reply. Free text is parsed and matched; what was written under the constraint, or ranked,
 * is of known movies. Reasons are the model's own, except for a ranking, where they follow the rule of training texts.
 */
export function readReply(
  reply: WrittenReply,
  history: History,
  template: PromptTemplate,
  grounding: GroundingContext,
  { constrain, rank }: Pick<Gpt2GenerateOptions, 'constrain' | 'rank'>,
): ReadReply {
  const favourites = history.genres;
  const tokens = rank === 'likelihood' ? template.answer(reply.items, favourites).slice(0, -1) : reply.tokens;
  const text = template.tokenizer.decode(tokens).replace(/<\|endoftext\|>.*$/su, '');
  if (rank === 'generate' && constrain === 'none') {
    const parsed = parseReply(text);
    const entries = parsed.state === 'answered' || parsed.state === 'truncated' ? parsed.entries : [];
    return { text, entries: ground(entries, grounding) };
  }
  const lines = text.split('\n');
  const entries = reply.items.map((item, index): GroundedEntry => {
    const { title, reason } = template.readEntry(lines[index] ?? '', index, item);
    return { title, reason, item, match: 'exact' };
  });
  return { text, entries };
}
