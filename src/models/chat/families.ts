/**
 * Families of chat models: what is known of each without asking a server. To support another, add a row; what a row
 * leaves out is learned from the server's refusals (`openai/parameters.ts`).
 *
 * Prices, dates and parameters: OpenAI's public documentation as of `PRICES_AS_OF`.
 */

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
  /** Input tokens that the server had kept from an earlier request; as `input` where not given. */
  cached?: number;
}

/** Efforts of reasoning models, least first. */
export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;
export type ReasoningEffort = (typeof reasoningEfforts)[number];

export interface ModelFamily {
  /** Model names that belong to the family. */
  names: RegExp;
  /** List price; undefined where it was not published on `PRICES_AS_OF`. */
  price?: Price;
  /** First day (UTC, YYYY-MM-DD) on which the model is no longer served, and its named replacement. */
  ends?: { date: string; replacement?: string };
  /** Thinks before it answers: takes `reasoning_effort`, and no temperature and seed unless the effort is `none`. */
  reasoning: boolean;
  /** Parameter that limits the length of an answer. */
  limit: 'max_tokens' | 'max_completion_tokens';
  /** Encoding of its tokens; undefined where it is not public, so that counts are estimates. */
  encoding?: 'o200k_base';
}

/** The date on which prices and end dates below were read. */
export const PRICES_AS_OF = '2026-11-25';

/** Batch and flex requests cost this share of the list price. */
export const DISCOUNT_SHARE = 0.5;

/** A name and its dated snapshots: "gpt-4o" and "gpt-4o-2024-08-06". */
function named(name: string): RegExp {
  return new RegExp(String.raw`^${name.replaceAll('.', String.raw`\.`)}(?:-\d{4}-\d{2}-\d{2})?$`, 'u');
}

const SMALL_REPLACEMENT = 'gpt-6-luna';
const LARGE_REPLACEMENT = 'gpt-6.1-sol';

const plain = { reasoning: false, limit: 'max_tokens', encoding: 'o200k_base' } as const;
const reasoning = { reasoning: true, limit: 'max_completion_tokens', encoding: 'o200k_base' } as const;

/** The first row that matches counts. */
const families: readonly ModelFamily[] = [
  {
    names: /^gpt-4o-2024-05-13$/u,
    ...plain,
    price: { input: 5, output: 15 },
    ends: { date: '2026-10-23', replacement: LARGE_REPLACEMENT },
  },
  {
    names: named('gpt-4o'),
    ...plain,
    price: { input: 2.5, cached: 1.25, output: 10 },
    ends: { date: '2027-01-14', replacement: LARGE_REPLACEMENT },
  },
  {
    names: named('gpt-4o-mini'),
    ...plain,
    price: { input: 0.15, cached: 0.075, output: 0.6 },
    ends: { date: '2027-01-14', replacement: SMALL_REPLACEMENT },
  },
  {
    names: named('gpt-4.1'),
    ...plain,
    price: { input: 2, cached: 0.5, output: 8 },
    ends: { date: '2027-01-14', replacement: LARGE_REPLACEMENT },
  },
  {
    names: named('gpt-4.1-mini'),
    ...plain,
    price: { input: 0.4, cached: 0.1, output: 1.6 },
    ends: { date: '2027-01-14', replacement: SMALL_REPLACEMENT },
  },
  { names: named('gpt-4.1-nano'), ...plain, ends: { date: '2026-10-23', replacement: SMALL_REPLACEMENT } },
  { names: named('gpt-6-luna'), ...reasoning, price: { input: 0.1, cached: 0.01, output: 0.5 } },
  { names: named('gpt-6.1-terra'), ...reasoning, price: { input: 1, cached: 0.05, output: 5 } },
  { names: named('gpt-6-sol'), ...reasoning, price: { input: 2, cached: 0.2, output: 10 } },
  { names: named('gpt-6.1-sol'), ...reasoning, price: { input: 2, cached: 0.2, output: 10 } },
  {
    names: /^gpt-5(?:-mini|-nano)?(?:-\d{4}-\d{2}-\d{2})?$/u,
    ...reasoning,
    ends: { date: '2026-12-11', replacement: SMALL_REPLACEMENT },
  },
  { names: named('o3'), ...reasoning, ends: { date: '2026-12-11', replacement: LARGE_REPLACEMENT } },
  {
    names: /^(?:o1|o3-mini|o4-mini)(?:-\d{4}-\d{2}-\d{2})?$/u,
    ...reasoning,
    ends: { date: '2026-10-23', replacement: SMALL_REPLACEMENT },
  },
  {
    names: /^gpt-(?:4|3\.5)(?:-turbo)?(?:-.*)?$/u,
    reasoning: false,
    limit: 'max_tokens',
    ends: { date: '2026-10-23', replacement: SMALL_REPLACEMENT },
  },
  // Names of OpenAI's that are not known yet: later models reason.
  { names: /^(?:gpt-(?:[5-9]|\d{2,})|o\d)(?:[.-].*)?$/u, ...reasoning },
];

/** The family of a model; undefined where the name is not known. */
export function familyOf(model: string): ModelFamily | undefined {
  return families.find(({ names }) => names.test(model));
}

/** Asked while it is served; after that its replacement. */
const DEFAULT_MODEL = 'gpt-4o';

/** The default model on a day (UTC, YYYY-MM-DD). */
export function defaultModel(today: string): string {
  return isServed(DEFAULT_MODEL, today) ? DEFAULT_MODEL : LARGE_REPLACEMENT;
}

/** Is the model still served on that day, as far as the table knows? */
export function isServed(model: string, today: string): boolean {
  const date = familyOf(model)?.ends?.date;
  return date === undefined || today < date;
}

/** The day in UTC, YYYY-MM-DD. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** Tokens that an answer's limit leaves for reasoning, by effort; reasoning models use `medium` by default. */
const REASONING_TOKENS: Record<ReasoningEffort, number> = {
  none: 0,
  minimal: 1_000,
  low: 4_000,
  medium: 10_000,
  high: 25_000,
  xhigh: 50_000,
};

/** Room for reasoning beside the answer; 0 for models that do not reason. */
export function reasoningTokens(model: string, effort: ReasoningEffort | undefined): number {
  if (effort === undefined) return familyOf(model)?.reasoning === true ? REASONING_TOKENS.medium : 0;
  return REASONING_TOKENS[effort];
}
