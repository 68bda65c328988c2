/** The text of a completion, whatever form the server gave it. Nothing that a server sends throws here. */
import type { Answer } from '../cache.ts';
import { errorFrom, readServerError, type ServerError } from './failures.ts';

/** What a body with status 200 holds. */
export type Completion =
  | { content: CompletionContent }
  /** An error in place of an answer, with the status that it names (200 where it names none). */
  | { error: ServerError; status: number }
  /** No completion at all. `cut`: the body broke off, so that another try may bring the whole. */
  | { unreadable: string; cut: boolean };

export interface CompletionContent {
  text: string;
  /** Arguments of a tool call, which some servers give in place of a text. */
  toolCall?: string;
  refusal: string | null;
  /** The server's word; `length` and `content_filter` also where it has another word for them. */
  finishReason: string;
  /** The model that answered; undefined where the server does not say. */
  model?: string;
  /** Tokens by kind, as far as the server counted them. */
  usage: { input?: number; output?: number; cached?: number; reasoning?: number };
  /** Text of the model's thoughts, where the server shows it; it is billed as output. */
  reasoningText: string;
}

/** Reads the body of an answer with status 200. */
export function readCompletion(body: string): Completion {
  try {
    return readBody(body);
  } catch {
    return { unreadable: 'the answer cannot be read', cut: false }; // nested deeper than the stack
  }
}

function readBody(body: string): Completion {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return describeUnreadable(body);
  }
  const top = asObject(Array.isArray(value) ? value[0] : value);
  if (top === undefined) return { unreadable: 'the answer is not a chat completion', cut: false };
  const choice = asObject(asArray(top['choices'])[0]);
  const failure = isPresent(top['error']) ? top : choice && isPresent(choice['error']) ? choice : undefined;
  if (failure)
    return { error: errorFrom(failure), status: statusOf(failure['error']) ?? statusOf(failure) ?? 200 };
  if (choice === undefined) {
    if (ERROR_FIELDS.some((name) => isPresent(top[name]))) {
      return { error: errorFrom(top), status: statusOf(top) ?? 200 };
    }
    return { unreadable: `the answer holds no choice: ${errorFrom(top).message}`, cut: false };
  }
  if (choice['finish_reason'] === 'error') {
    return { error: { message: 'the server ended the answer with an error' }, status: 200 };
  }
  if (asObject(choice['message']) === undefined && typeof choice['text'] !== 'string') {
    return { unreadable: 'the answer holds no message', cut: false };
  }
  return { content: readChoice(top, choice) };
}

/** Where answers that hold no choice say why. */
const ERROR_FIELDS = ['errors', 'detail', 'message', 'msg', 'error_msg', 'error_message', 'base_resp'];

function readChoice(top: JsonObject, choice: JsonObject): CompletionContent {
  const message = asObject(choice['message']) ?? {};
  const { text, refusal: refusalPart, thoughts } = readContent(message['content'] ?? choice['text']);
  const refusal = [message['refusal'], refusalPart].find(isNonEmptyText) ?? null;
  const toolCall = readToolCall(message);
  const model = top['model'];
  const reasoningText = [message['reasoning_content'], message['reasoning'], thoughts].find(isNonEmptyText);
  return {
    text,
    refusal,
    finishReason: normalizeFinishReason(choice['finish_reason']),
    usage: readUsage(top['usage']),
    reasoningText: reasoningText ?? '',
    ...(toolCall !== undefined && { toolCall }),
    ...(isNonEmptyText(model) && { model }),
  };
}

/** What an answer takes from elsewhere than its body. */
export interface AnswerContext {
  /** The model that was asked. */
  asked: string;
  /** Estimate of the prompt's tokens, for servers that do not count. */
  inputTokens: number;
  countTokens: (text: string) => number;
  redact: (text: string) => string;
  latencySeconds: number;
}

/** The answer as it is kept: without secrets, with tokens counted here where the server did not count. */
export function toAnswer(content: CompletionContent, context: AnswerContext): Answer {
  const { text, toolCall, refusal, finishReason, model, usage, reasoningText } = content;
  const { asked, inputTokens, countTokens, redact, latencySeconds } = context;
  const written = `${text}${toolCall ?? ''}${refusal ?? ''}${reasoningText}`;
  // A prompt of no tokens, or a text of none, was not counted.
  const input = usage.input === 0 ? undefined : usage.input;
  const output = usage.output === 0 && written !== '' ? undefined : usage.output;
  return {
    text: redact(text),
    ...(toolCall !== undefined && { toolCall: redact(toolCall) }),
    refusal: refusal === null ? null : redact(refusal),
    finishReason: redact(finishReason),
    model: redact(model ?? asked),
    usage: {
      input: input ?? inputTokens,
      output: output ?? countTokens(written),
      ...(usage.cached !== undefined && { cached: usage.cached }),
      ...(usage.reasoning !== undefined && { reasoning: usage.reasoning }),
      ...((input === undefined || output === undefined) && { estimated: true }),
    },
    latencySeconds,
  };
}

/** The answer that stands for one that a filter held back. */
export function filteredAnswer(model: string, latencySeconds: number): Answer {
  const usage = { input: 0, output: 0 };
  return { text: '', refusal: null, finishReason: 'content_filter', model, usage, latencySeconds };
}

/** A text, or parts of which the texts count and the thoughts do not. */
function readContent(content: unknown): { text: string; refusal?: string; thoughts: string } {
  if (typeof content === 'string') return { text: content, thoughts: '' };
  const alone = asObject(content);
  // {"recommendations": [...]}: read as JSON by the server already
  if (alone && !['type', 'text', 'content'].some((name) => name in alone)) {
    return { text: JSON.stringify(alone), thoughts: '' };
  }
  const parts = Array.isArray(content) ? (content as unknown[]) : [content];
  const texts: string[] = [];
  const thoughts: string[] = [];
  let refusal: string | undefined;
  for (const part of parts) {
    if (typeof part === 'string') texts.push(part);
    const object = asObject(part);
    if (object === undefined) continue;
    const { type } = object;
    const isThought = object['thought'] === true || (typeof type === 'string' && /think|reason/iu.test(type));
    if (isThought) thoughts.push(textIn(object['thinking'] ?? object['text'] ?? object['summary']));
    else if (type === 'refusal') refusal = textIn(object['refusal'] ?? object['text']);
    else texts.push(textIn(object['text'] ?? object['content']));
  }
  return { text: texts.join(''), thoughts: thoughts.join(''), ...(refusal !== undefined && { refusal }) };
}

/** A text, `{value: text}` (assistants), or a list of either. */
function textIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textIn).join('');
  const object = asObject(value);
  const inner = object?.['value'] ?? object?.['text'];
  return typeof inner === 'string' ? inner : '';
}

/** The arguments of the first tool call, as the text that the model wrote. */
function readToolCall(message: JsonObject): string | undefined {
  const call = asObject(asArray(message['tool_calls'])[0]);
  const called = asObject(call?.['function']) ?? asObject(message['function_call']);
  const written = called?.['arguments'];
  if (typeof written === 'string') return written;
  return written === undefined || written === null ? undefined : JSON.stringify(written);
}

const finishReasons: [RegExp, string][] = [
  [/^(?:length|max_?tokens|max_output_tokens|model_length|context_length)$/iu, 'length'],
  [
    /^(?:content_?filter(?:ed)?|safety|blocklist|prohibited_content|recitation|spii|sensitive)$/iu,
    'content_filter',
  ],
];

function normalizeFinishReason(said: unknown): string {
  if (typeof said !== 'string' || said === '') return 'none';
  return finishReasons.find(([words]) => words.test(said))?.[1] ?? said;
}

function readUsage(said: unknown): CompletionContent['usage'] {
  const usage = asObject(said) ?? {};
  const input = readCount(usage['prompt_tokens'] ?? usage['input_tokens']);
  const output = readCount(usage['completion_tokens'] ?? usage['output_tokens']);
  const total = readCount(usage['total_tokens']);
  const promptDetails = asObject(usage['prompt_tokens_details']) ?? asObject(usage['input_tokens_details']);
  const answerDetails =
    asObject(usage['completion_tokens_details']) ?? asObject(usage['output_tokens_details']);
  const cached = readCount(promptDetails?.['cached_tokens'] ?? usage['prompt_cache_hit_tokens']);
  const reasoning = readCount(answerDetails?.['reasoning_tokens']);
  // Some servers leave the thoughts out of the output and count them in the total alone.
  const hidden = total !== undefined && input !== undefined && output !== undefined ? total - input : 0;
  return {
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output: Math.max(output, hidden) }),
    ...(cached !== undefined && { cached }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

/** No request has as many tokens: a larger count is none. */
const MAX_TOKENS = 1e9;

/** A count of tokens as a number or in digits; undefined for anything that cannot be one. */
function readCount(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\s*\d+(?:\.\d+)?\s*$/u.test(value) ? Number(value) : value;
  return typeof number === 'number' && number >= 0 && number <= MAX_TOKENS ? Math.ceil(number) : undefined;
}

function describeUnreadable(body: string): Completion {
  const start = body.trimStart().slice(0, 200);
  if (start === '') return { unreadable: 'the answer is empty', cut: false };
  if (/^(?:data|event|id|retry|:)\s*:?/u.test(start) && /^data:/mu.test(body)) {
    return { unreadable: 'the server streams its answer although it was not asked to', cut: false };
  }
  if (start.startsWith('<')) {
    return { unreadable: `a web page in place of an answer: ${readServerError(body).message}`, cut: false };
  }
  if (/^[[{]/u.test(start)) return { unreadable: 'the answer broke off', cut: true };
  return { unreadable: `the answer is not a chat completion: ${readServerError(body).message}`, cut: false };
}

/** The status that an error inside an answer names; undefined where it names none. */
function statusOf(error: unknown): number | undefined {
  const object = asObject(error);
  return ['code', 'status', 'status_code', 'statusCode']
    .map((name) => Number(object?.[name]))
    .find((code) => Number.isInteger(code) && code >= 400 && code < 600);
}

type JsonObject = Record<string, unknown>;

function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isNonEmptyText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '';
}
