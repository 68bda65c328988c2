/** The body of a request as the model's family takes it, and what a server's refusals teach about that. */
import type OpenAI from 'openai';
import { z } from 'zod';
import type { Message } from '../../../language/templates.ts';
import { sha256 } from '../../../util/files.ts';
import { familyOf, type ModelFamily } from '../families.ts';
import type { ResolvedChatOptions } from '../options.ts';
import type { ChatRequest } from '../ask.ts';
import { isBrokenJson, limitNames, MIN_ANSWER_TOKENS, readRoom, type ServerError } from './failures.ts';
import { responseFormat } from './formats.ts';

/** A body as `toWire` sends it; `repeat` keeps the answers of one question asked several times apart. */
export type ChatBody = OpenAI.ChatCompletionCreateParamsNonStreaming & { repeat?: number };

/**
 * What is sent of a body. `tier`: that of a body that names none. At OpenAI a project may have a dearer one as its own
 * default, and the list prices are those of `default`.
 */
export function toWire(body: ChatBody, tier?: 'default'): OpenAI.ChatCompletionCreateParamsNonStreaming {
  const { repeat: _, ...sent } = body;
  return { ...(tier && { service_tier: tier }), ...sent };
}

const changeSchema = z.object({
  parameter: z.string(),
  /** What happens instead: "left out", "sent as max_completion_tokens", "json_object". */
  change: z.string(),
  /** The server's own words, or what is known of the family. */
  reason: z.string(),
});

/** A parameter that is not sent as asked for. */
export type ParameterChange = z.output<typeof changeSchema>;

/** What was learned of one prompt. */
const promptFactsSchema = z.object({
  /** Tokens that the model's context leaves for its answer. */
  room: z.int().optional(),
  /** Its answers broke the format. */
  unformatted: z.boolean().optional(),
  /** What the run noted of that. */
  changes: z.array(changeSchema),
});
export type PromptFacts = z.output<typeof promptFactsSchema>;

/** How a change of the limit's value is named, beside those of its name. */
const CAP = ' (value)';
/** How changes for single prompts are named. */
const LONG_PROMPTS = ' (long prompts)';
const UNFORMATTED = 'response_format (answers that broke it)';

type Limit = 'max_tokens' | 'max_completion_tokens';

/** Response formats, from the strictest to none. */
const formats = ['json_schema', 'json_object', 'none'] as const;

/** Which parameters a model takes: from its family at first, then from what the server refuses. One per run. */
export class RequestParameters {
  readonly #options: ResolvedChatOptions;
  readonly #changes = new Map<string, ParameterChange>();
  #limit: Limit | 'none';
  #otherLimitTried = false;
  /** The most tokens that the server lets an answer have. */
  #limitCap = Infinity;
  /** By the digest of a prompt that nearly fills the model's context: the tokens that are left for its answer. */
  readonly #room = new Map<string, number>();
  /** Digests of prompts whose answers broke the format. */
  readonly #unformatted = new Set<string>();
  #temperature: boolean;
  #seed: boolean;
  #effort: boolean;
  #systemRole = true;
  #format: (typeof formats)[number] = 'json_schema';

  /** `official`: OpenAI's own server, where a name that is not known belongs to a later model. */
  constructor(options: ResolvedChatOptions, official: boolean) {
    this.#options = options;
    const family: Pick<ModelFamily, 'limit' | 'reasoning'> = familyOf(options.model) ?? {
      limit: official ? 'max_completion_tokens' : 'max_tokens',
      reasoning: false,
    };
    this.#limit = family.limit;
    const thinks = family.reasoning && options.reasoningEffort !== 'none';
    this.#temperature = !thinks;
    this.#seed = !thinks;
    this.#effort = options.reasoningEffort !== undefined;
    if (thinks) {
      const reason = 'reasoning models refuse it unless the effort is none';
      this.#note('temperature', 'left out', reason);
      this.#note('seed', 'left out', reason);
    }
  }

  /** What is not sent as asked for, in the order of the names. */
  get changes(): ParameterChange[] {
    return [...this.#changes.values()].sort((a, b) => (a.parameter < b.parameter ? -1 : 1));
  }

  /** Whether the length of an answer is limited at all. */
  get isLimited(): boolean {
    return this.#limit !== 'none';
  }

  body({ messages, maxOutputTokens, seed, numbered, plain, repeat }: ChatRequest): ChatBody {
    const { model, temperature, reasoningEffort, flex } = this.#options;
    const sent = this.#systemRole ? messages : withoutSystemRole(messages);
    const digest = this.#room.size + this.#unformatted.size === 0 ? '' : digestOf(sent); // mostly there is nothing to find
    const limit = Math.min(maxOutputTokens, this.#limitCap, this.#room.get(digest) ?? Infinity);
    const format = plain || this.#unformatted.has(digest) ? 'none' : this.#format;
    return {
      model,
      messages: sent,
      ...(this.#temperature && { temperature }),
      ...(this.#limit !== 'none' && { [this.#limit]: limit }),
      ...(this.#seed && { seed }),
      // The SDK's type lags behind the efforts that servers take.
      ...(this.#effort && { reasoning_effort: reasoningEffort as 'low' }),
      ...(flex && { service_tier: 'flex' as const }),
      ...(format === 'json_schema' && { response_format: responseFormat(numbered) }),
      ...(format === 'json_object' && { response_format: { type: 'json_object' as const } }),
      ...(repeat !== undefined && { repeat }),
    };
  }

  /**
   * Learns from the refusal of `sent`: leaves out or renames what the server names. Returns the changes, none when the
   * refusal names no parameter that can be changed. Sound when several requests are refused at once: what another one
   * has taught already counts as changed.
   */
  learn(status: number, error: ServerError, sent: ChatBody): ParameterChange[] | undefined {
    const named = namedParameters(status, error, sent);
    if (named.length === 0) return undefined;
    const before = new Map(this.#changes);
    let changed = false;
    for (const name of named) changed = this.#change(name, error, sent) || changed;
    if (!changed) return undefined;
    return this.changes.filter(({ parameter, change }) => before.get(parameter)?.change !== change);
  }

  /** Takes over what an earlier run learned from the same server. */
  restore(changes: readonly ParameterChange[]): void {
    for (const { parameter, change, reason } of changes) {
      if (parameter === 'temperature') this.#temperature = false;
      if (parameter === 'seed') this.#seed = false;
      if (parameter === 'reasoning_effort') this.#effort = false;
      if (parameter === 'system role') this.#systemRole = false;
      if (parameter === 'response_format') this.#format = change === 'json_object' ? change : 'none';
      if (parameter === 'max_tokens' || parameter === 'max_completion_tokens') {
        this.#limit = change === 'left out' ? 'none' : otherLimit(parameter);
      }
      if (parameter.endsWith(CAP)) this.#limitCap = Number(/\d+/u.exec(change)?.[0] ?? Infinity);
      this.#note(parameter, change, reason);
    }
  }

  /** What was learned of the prompt of `sent`; undefined where that is nothing. */
  promptFacts({ messages }: ChatBody): PromptFacts | undefined {
    const digest = digestOf(messages);
    const room = this.#room.get(digest);
    const unformatted = this.#unformatted.has(digest);
    if (room === undefined && !unformatted) return undefined;
    const changes = this.changes.filter(
      ({ parameter }) =>
        (room !== undefined && parameter.endsWith(LONG_PROMPTS)) ||
        (unformatted && parameter === UNFORMATTED),
    );
    return { ...(room !== undefined && { room }), ...(unformatted && { unformatted }), changes };
  }

  /** Takes over what an earlier run learned of the prompt of `sent`; false where that is nothing. */
  restorePrompt({ messages }: ChatBody, facts: unknown): boolean {
    const { data } = promptFactsSchema.safeParse(facts);
    if (data === undefined) return false;
    const digest = digestOf(messages);
    if (data.room !== undefined) this.#room.set(digest, data.room);
    if (data.unformatted) this.#unformatted.add(digest);
    for (const { parameter, change, reason } of data.changes) this.#noteOnce(parameter, change, reason);
    return true;
  }

  #noteOnce(parameter: string, change: string, reason: string): void {
    if (!this.#changes.has(parameter)) this.#note(parameter, change, reason);
  }

  #note(parameter: string, change: string, reason: string): void {
    this.#changes.set(parameter, { parameter, change, reason });
  }

  /** True when the next body differs from `sent` because of this parameter. */
  #change(name: string, error: ServerError, sent: ChatBody): boolean {
    const { message: reason } = error;
    if (name === 'limit') return this.#changeLimit(reason, sent);
    if (name === 'response_format') {
      return isBrokenJson(error) ? this.#leaveFormatOut(reason, sent) : this.#changeFormat(reason, sent);
    }
    if (name === 'temperature') this.#temperature = false;
    else if (name === 'seed') this.#seed = false;
    else if (name === 'reasoning_effort') this.#effort = false;
    else if (name === 'system role') this.#systemRole = false;
    else return false;
    this.#noteOnce(name, name === 'system role' ? 'sent as the user' : 'left out', reason);
    return true;
  }

  #changeFormat(reason: string, sent: ChatBody): boolean {
    const refused = formats.indexOf(
      sent.response_format?.type === 'json_object' ? 'json_object' : 'json_schema',
    );
    if (formats.indexOf(this.#format) <= refused) {
      const unknown =
        /unrecogni[sz]ed|unknown (?:field|name|parameter|argument)|extra_forbidden|extra inputs/iu.test(
          reason,
        );
      this.#format = unknown ? 'none' : formats[refused + 1]!;
      this.#note('response_format', this.#format === 'none' ? 'left out' : this.#format, reason);
    }
    return true;
  }

  /** Of one prompt: others get the format. */
  #leaveFormatOut(reason: string, sent: ChatBody): boolean {
    this.#unformatted.add(digestOf(sent.messages));
    this.#noteOnce(UNFORMATTED, 'left out', reason);
    return true;
  }

  #changeLimit(reason: string, sent: ChatBody): boolean {
    const name: Limit = 'max_completion_tokens' in sent ? 'max_completion_tokens' : 'max_tokens';
    const limit = sent[name] ?? 0;
    const room = readRoom(reason);
    if (room !== undefined) return this.#changeRoom(room, name, reason, sent);
    const cap = readLimitCap(reason, limit);
    if (cap !== undefined) {
      if (this.#limitCap > cap) this.#limitCap = cap;
      this.#note(`${name}${CAP}`, `at most ${cap}`, reason);
      return true;
    }
    if (this.#limit !== name) return true; // changed already
    const other = otherLimit(name);
    this.#limit = this.#otherLimitTried ? 'none' : other;
    this.#otherLimitTried = true;
    this.#note(name, this.#limit === 'none' ? 'left out' : `sent as ${other}`, reason);
    return true;
  }

  /** What the context leaves beside one prompt says nothing of other prompts: only this one's answer is limited by it. */
  #changeRoom(room: number, name: Limit, reason: string, sent: ChatBody): boolean {
    if (room < MIN_ANSWER_TOKENS || room >= (sent[name] ?? 0)) return false;
    this.#room.set(digestOf(sent.messages), room);
    this.#noteOnce(`${name}${LONG_PROMPTS}`, 'what the prompt leaves of the context', reason);
    return true;
  }
}

function digestOf(messages: ChatBody['messages']): string {
  return sha256(JSON.stringify(messages));
}

function otherLimit(name: Limit): Limit {
  return name === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
}

/** "max_tokens is too large: 8192. This model supports at most 4096": 4096. "From 1 (inclusive) to 8193 (exclusive)": 8192. */
function readLimitCap(reason: string, sent: number): number | undefined {
  if (!/at most|(?:less|greater) than|up to|between|range|<=|maximum|too large|exceed/iu.test(reason))
    return undefined;
  const [, above] = /(\d+) \(exclusive\)/iu.exec(reason) ?? /\[\d+, ?(\d+)\)/u.exec(reason) ?? [];
  const numbers =
    above === undefined
      ? [...reason.matchAll(/\d+/gu)].map(([digits]) => Number(digits))
      : [Number(above) - 1];
  const smaller = numbers.filter((n) => n >= MIN_ANSWER_TOKENS && n < sent);
  return smaller.length === 0 ? undefined : Math.max(...smaller);
}

/** How a refusal names each parameter; only what was sent can have been refused. */
const words: [string, RegExp, (sent: ChatBody) => boolean][] = [
  ['limit', limitNames, (sent) => 'max_tokens' in sent || 'max_completion_tokens' in sent],
  ['temperature', /\btemperature\b/iu, (sent) => 'temperature' in sent],
  ['seed', /\bseed\b/iu, (sent) => 'seed' in sent],
  ['reasoning_effort', /\breasoning[_. ]effort\b/iu, (sent) => 'reasoning_effort' in sent],
  [
    'system role',
    /system (?:role|message|prompt|instruction)|developer (?:role|message|instruction)|role[^.]{0,40}system|roles must alternate|only user and assistant roles|messages?\S{0,8}\brole\b/iu,
    ({ messages }) => messages.some(({ role }) => role === 'system'),
  ],
  [
    'response_format',
    /response_?format|json_schema|json_object|json mode|schema|grammar|structured output|generate json|guided|json_validate/iu,
    (sent) => sent.response_format !== undefined,
  ],
];

function namedParameters(
  status: number,
  { message, code = '', param }: ServerError,
  sent: ChatBody,
): string[] {
  const said = `${code} ${message}`.replaceAll(sent.model, ''); // "Seed-OSS" is no seed
  // Elsewhere, as in an error with status 200, only words that blame a parameter do.
  const blames =
    /unsupported|not (?:supported|implemented|allowed|permitted)|unexpected (?:keyword|field|argument)|unknown (?:field|name|parameter|argument)|unrecogni[sz]ed/iu.test(
      said,
    );
  const refusal =
    status === 400 || status === 422 || (blames && (status === 200 || status === 500 || status === 501));
  // Servers that break over a grammar answer 500 or 501.
  const broken = status === 500 || status === 501;
  if (!refusal && !broken) return [];
  const possible = words.filter(
    ([name, , isSent]) => isSent(sent) && (refusal || name === 'response_format'),
  );
  const byParam = param === undefined ? [] : possible.filter(([, name]) => name.test(param));
  const named = byParam.length > 0 ? byParam : possible.filter(([, name]) => name.test(said));
  return named.map(([name]) => name);
}

/** The system message's text at the head of the first user message. */
function withoutSystemRole(messages: readonly Message[]): Message[] {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const others = messages.filter(({ role }) => role !== 'system');
  return others.map((message, n) =>
    n === 0 ? { ...message, content: [...system, message.content].join('\n\n') } : message,
  );
}
