/** What a chat model would be asked and would cost at most, without asking it. */
import { promptTemplates, type PromptTemplate } from '../../language/templates.ts';
import { costOf, pricePaid, type TokenCount } from '../../models/chat/cost.ts';
import { dayOf, DISCOUNT_SHARE, familyOf, isServed, PRICES_AS_OF } from '../../models/chat/families.ts';
import { MissingKeyError, resolveEndpoint, type Endpoint } from '../../models/chat/openai/endpoint.ts';
import { fetchServedModel } from '../../models/chat/openai/models.ts';
import type { ChatQuestion } from '../../models/chat/questions.ts';
import { countMessages, hasKnownEncoding, tokenCounter } from '../../models/chat/tokens.ts';
import { sum } from '../../util/arrays.ts';
import { Stopwatch } from '../environment.ts';
import { withFitted, type RunContext } from '../run.ts';
import { parseCandidates, retrieveCandidates, type Candidates } from './candidates.ts';
import {
  chatModel,
  countsOf,
  prepareChat,
  refuseRequests,
  requireBatchSense,
  type ChatAccount,
  type ChatSpec,
} from './chat.ts';
import type { LanguageSetting } from './run.ts';

/** What one prompt costs for the users of the run, each asked once. */
export interface PromptCost {
  name: string;
  inputTokens: number;
  /** Of each request: the leading part that all requests share, where servers may cache it. */
  sharedTokens: number;
  /** USD at most; undefined when the model's price is not known. */
  cost?: number;
  /** USD at most when every request but the first finds the shared part cached. */
  cachedCost?: number;
}

/** Tokens and what they cost at most. */
export interface TokenEstimate {
  inputTokens: number;
  /** The most that the answers can have, thoughts included. */
  outputTokens: number;
  /** The model's tokenizer is not public: the counts are estimates. */
  isEstimate: boolean;
  /** USD; undefined when the model's price is not known. */
  cost?: number;
  pricesAsOf: string;
}

export interface CostEstimate extends TokenEstimate {
  users: number;
  /** Every built-in prompt and those that were named, each for all users once. */
  prompts: PromptCost[];
  /** Runs that the options ask for: prompts, orders and repeats. */
  runs: number;
  questions: ChatQuestion[];
  /** What is known of the model's end, and what the server says of the model, as sentences. */
  warnings: string[];
}

/** Above this many users only the prompts that are asked for are counted: each takes seconds. */
const MAX_COMPARED_USERS = 1000;

/** Tokens and the highest cost of a run. The validation users of a hybrid, as many again, are counted in. */
export async function estimateChat(spec: ChatSpec, context: RunContext): Promise<CostEstimate> {
  requireBatchSense(spec.options);
  const setting = await prepareChat(spec, context);
  const counts = countsOf(spec);
  const source = parseCandidates(spec.candidates);
  const { prepared, users } = setting;
  // Once, for all prompts: a model may have to be fitted for it.
  const retrieved = source && (await retrieveCandidates(source, prepared, users, context));
  const ask = (template: PromptTemplate) => questionsOf(template, spec, setting, retrieved, context);
  const asked: ChatQuestion[][] = [];
  for (const template of counts.templates) asked.push(await ask(template));
  const [questions] = asked as [ChatQuestion[]];
  const others = Object.values(promptTemplates).filter(
    ({ name }) =>
      questions.length <= MAX_COMPARED_USERS &&
      !counts.templates.some((own) => own.name === name) &&
      (name !== promptTemplates.genres.name || spec.candidates !== 'none'),
  );
  const prompts: PromptCost[] = [];
  for (const [n, template] of [...counts.templates, ...others].entries()) {
    const own = asked[n] ?? (await ask(template));
    prompts.push(await promptCost(template, own, spec));
  }
  const rounds = spec.hybrid !== undefined && spec.hybrid.weight === undefined ? 1 : 0;
  const perPrompt = counts.permutations * counts.repeats;
  const total = (tokens: (question: ChatQuestion) => number) =>
    perPrompt * sum(asked.map((own) => sum(own.map(tokens)))) + rounds * sum(questions.map(tokens));
  const input = total((question) => question.inputTokens);
  const output = total((question) => question.maxOutputTokens);
  return {
    users: questions.length,
    prompts,
    runs: perPrompt * asked.length,
    ...estimateTokens(spec, { input, output }),
    questions,
    warnings: await warningsAbout(spec, context),
  };
}

async function questionsOf(
  template: PromptTemplate,
  spec: ChatSpec,
  { prepared, users }: LanguageSetting,
  retrieved: Candidates | undefined,
  context: RunContext,
): Promise<ChatQuestion[]> {
  const access = { ask: refuseRequests, countTokens: await tokenCounter() };
  const condition = { template, permutation: 0, repeat: 0 };
  const model = await chatModel(spec, access, prepared, users, context, {
    condition,
    ...(retrieved && { retrieved }),
  });
  return await withFitted(prepared, model, context, new Stopwatch(), (fitted) =>
    fitted.questions(users, Math.max(...spec.protocol.k)),
  );
}

/** `tokens` with their cost under the account's price, discounts included. */
export function estimateTokens(account: Priced, tokens: TokenCount): TokenEstimate {
  const cost = costAtMost(account, tokens);
  return {
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    isEstimate: !hasKnownEncoding(account.options.model),
    ...(cost !== undefined && { cost }),
    pricesAsOf: account.price ? 'your own' : PRICES_AS_OF,
  };
}

type Priced = Pick<ChatAccount, 'options' | 'price'>;

function costAtMost(spec: Priced, tokens: TokenCount): number | undefined {
  const price = pricePaid(spec.options, spec.price);
  return price && (spec.options.batch ? DISCOUNT_SHARE : 1) * costOf(tokens, price);
}

async function promptCost(
  { name }: PromptTemplate,
  questions: readonly ChatQuestion[],
  spec: ChatSpec,
): Promise<PromptCost> {
  const input = sum(questions.map(({ inputTokens }) => inputTokens));
  const output = sum(questions.map(({ maxOutputTokens }) => maxOutputTokens));
  const sharedTokens = await countShared(questions);
  const cost = costAtMost(spec, { input, output });
  const cached = sharedTokens * Math.max(0, questions.length - 1);
  const cachedCost = costAtMost(spec, { input, output, cached });
  return {
    name,
    inputTokens: input,
    sharedTokens,
    ...(cost !== undefined && { cost }),
    ...(cachedCost !== undefined && sharedTokens > 0 && { cachedCost }),
  };
}

/** OpenAI caches the leading part of a prompt from this many tokens on. */
const MIN_CACHED_TOKENS = 1024;

/** Tokens of the messages at the head that all questions have; 0 where they are too few to be cached. */
async function countShared(questions: readonly ChatQuestion[]): Promise<number> {
  const [first, ...others] = questions.map(({ messages }) => messages);
  if (first === undefined || others.length === 0) return 0;
  const differs = first.findIndex((message, n) => others.some((own) => own[n]?.content !== message.content));
  const tokens = countMessages(first.slice(0, Math.max(0, differs)), await tokenCounter());
  return tokens < MIN_CACHED_TOKENS ? 0 : tokens;
}

async function warningsAbout({ options }: ChatSpec, { signal }: RunContext): Promise<string[]> {
  const { model } = options;
  const { ends } = familyOf(model) ?? {};
  const replacement = ends?.replacement === undefined ? '' : `; its replacement is ${ends.replacement}`;
  const warnings: string[] = [];
  if (ends) {
    const verb = isServed(model, dayOf(new Date())) ? 'leaves' : 'left';
    warnings.push(`${model} ${verb} OpenAI's API on ${ends.date}${replacement}.`);
  }
  const endpoint = endpointWithKey(options);
  if (endpoint === undefined) return warnings;
  const served = await fetchServedModel(endpoint, options, signal);
  if ('problem' in served) warnings.push(`The server says of ${model}: ${served.problem}.`);
  else if (served.shutdownDate !== undefined) {
    warnings.push(`The server shuts ${model} down on ${served.shutdownDate}${replacement}.`);
  }
  return warnings;
}

/** Undefined where neither a key nor a password is there. */
function endpointWithKey(options: ChatSpec['options']): Endpoint | undefined {
  try {
    const endpoint = resolveEndpoint(options);
    return Object.keys(endpoint.headers).length === 0 ? undefined : endpoint;
  } catch (error) {
    if (error instanceof MissingKeyError) return undefined;
    throw error;
  }
}
