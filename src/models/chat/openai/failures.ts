/** A server's error in its own words, whatever form it has, and what follows from it. */
import { readDuration, readWaitInWords } from './waits.ts';

/** What a server says about a request that it refused. */
export interface ServerError {
  message: string;
  code?: string;
  type?: string;
  /** Parameter that it names. */
  param?: string;
  /** Seconds that it asks to wait before another try. */
  afterSeconds?: number | undefined;
  /** Names of the quotas that are exceeded (Google): "GenerateRequestsPerDayPerProjectPerModel-FreeTier". */
  quotas?: string;
}

const MAX_MESSAGE_CHARACTERS = 500;

/** The code of a redirection that was not followed. */
export const REDIRECTED = 'redirected';

/**
 * Reads OpenAI's `{error: {message, code, type, param}}`, Google's `[{error}]`, FastAPI's `{detail}`, `{message}`,
 * a web page or plain text. Never throws.
 */
export function readServerError(text: string): ServerError {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const afterSeconds = readWaitInWords(plainText(text));
    return { message: shorten(plainText(text)), ...(afterSeconds !== undefined && { afterSeconds }) };
  }
  return errorFrom(value);
}

/** As `readServerError`, for a value that is JSON already. */
export function errorFrom(value: unknown): ServerError {
  try {
    return readError(value);
  } catch {
    return { message: 'no reason that can be read' }; // nested deeper than the stack
  }
}

function readError(value: unknown): ServerError {
  const body = Array.isArray(value) ? (value[0] as unknown) : value;
  const outer = fieldOf(body, 'error') ?? fieldOf(body, 'base_resp') ?? body;
  const error = fieldOf(outer, 'error') ?? outer;
  const detail = fieldOf(error, 'detail') ?? fieldOf(body, 'detail');
  const errors = fieldOf(body, 'errors');
  const raw = fieldOf(fieldOf(error, 'metadata'), 'raw');
  const message =
    [
      fieldOf(body, 'error_description'),
      error,
      fieldOf(error, 'message'),
      detailText(detail),
      fieldOf(body, 'message'),
      ...MESSAGE_FIELDS.map((name) => fieldOf(error, name)),
      fieldOf(errors, 'message'),
      detailText(errors),
      fieldsText(errors),
      fieldOf(body, 'title'),
    ].find((said): said is string => typeof said === 'string' && said.trim() !== '') ?? compact(body);
  const texts = {
    code: fieldOf(error, 'code') ?? fieldOf(body, 'code') ?? fieldOf(error, 'status_code'),
    type: fieldOf(error, 'type') ?? fieldOf(error, 'status'),
  };
  const param = fieldOf(error, 'param') ?? locationOf(detail);
  const whole = typeof raw === 'string' ? `${message}: ${raw}` : message;
  const details = fieldOf(error, 'details');
  const afterSeconds = delayIn(details) ?? readWaitInWords(whole);
  const quotas = quotasIn(details);
  return {
    message: shorten(whole),
    ...(isText(texts.code) && { code: String(texts.code) }),
    ...(isText(texts.type) && { type: String(texts.type) }),
    ...(isText(param) && { param: String(param) }),
    ...(afterSeconds !== undefined && { afterSeconds }),
    ...(quotas !== '' && { quotas }),
  };
}

/** Google: `details` hold `{"@type": "...QuotaFailure", "violations": [{"quotaId": "..."}]}`. */
function quotasIn(details: unknown): string {
  const violations = asArray(details).flatMap((part) => asArray(fieldOf(part, 'violations')));
  return violations
    .map((violation) => fieldOf(violation, 'quotaId'))
    .filter(isText)
    .join(' ');
}

/** Google: `details` hold `{"@type": "...RetryInfo", "retryDelay": "24s"}`. */
function delayIn(details: unknown): number | undefined {
  const delays = asArray(details).map((part) => fieldOf(part, 'retryDelay'));
  return delays.map((delay) => (typeof delay === 'string' ? readDuration(delay) : undefined)).find(Boolean);
}

/** Further names under which servers put their words. */
const MESSAGE_FIELDS = ['msg', 'Message', 'error_msg', 'error_message', 'status_msg', 'reason'];

/** `{"seed": ["is not allowed"]}`. */
function fieldsText(errors: unknown): string | undefined {
  if (typeof errors !== 'object' || errors === null || Array.isArray(errors)) return undefined;
  return Object.entries(errors)
    .map(([name, said]) => `${name}: ${Array.isArray(said) ? said.join(', ') : compact(said)}`)
    .join('; ');
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isText(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** FastAPI: `detail` is a text or `[{loc: ["body", "seed"], msg: "..."}]`. */
function detailText(detail: unknown): unknown {
  if (!Array.isArray(detail)) return detail;
  return detail
    .map((part: unknown) => {
      const message = fieldOf(part, 'msg') ?? fieldOf(part, 'message') ?? part;
      const place = locationOf([part]);
      const words = typeof message === 'string' ? message : compact(message);
      return place === undefined ? words : `${place}: ${words}`;
    })
    .join('; ');
}

function locationOf(detail: unknown): string | undefined {
  const location = Array.isArray(detail) ? fieldOf(detail[0], 'loc') : undefined;
  if (!Array.isArray(location)) return undefined;
  const steps = location.filter((step): step is string | number => isText(step) && step !== 'body');
  return steps.length === 0 ? undefined : steps.join('.');
}

function plainText(text: string): string {
  const title = /<title[^>]*>([^<]*)/iu.exec(text)?.[1];
  const plain = (
    title ?? text.replaceAll(/<(?:script|style)[\s\S]*?<\/(?:script|style)>|<[^>]*>/giu, ' ')
  ).trim();
  return plain === '' ? 'no reason given' : plain.replaceAll(/\s+/gu, ' ');
}

function compact(value: unknown): string {
  const text = value === undefined ? '' : JSON.stringify(value);
  return text === '' || text === '{}' || text === 'null' || text === '""' ? 'no reason given' : text;
}

/** Without control characters, which a terminal would obey. */
function shorten(said: string): string {
  const text = said.replaceAll(/\p{Cc}+/gu, ' ').trim() || 'no reason given';
  return text.length <= MAX_MESSAGE_CHARACTERS ? text : `${text.slice(0, MAX_MESSAGE_CHARACTERS)}...`;
}

/** What follows from a refusal: see `classify`. */
export type Consequence =
  /** No further request can succeed. */
  | { kind: 'fatal'; found: string; remedy: string }
  /** The model is no longer served. */
  | { kind: 'model-gone' }
  /** The prompt or its answer was held back by a filter. */
  | { kind: 'filtered' }
  /** This request fails again however often it is sent. `billed`: the server may have done the work. */
  | { kind: 'failed'; remedy?: string; billed?: boolean }
  /** Worth another try. `billed`: the server may have done the work. */
  | { kind: 'retry'; billed: boolean };

/** May the server have done the work of a request that it refused? */
export function isBilled(consequence: Consequence): boolean {
  return 'billed' in consequence && consequence.billed;
}

/** May a parameter be to blame, so that the request is worth another try in another form? */
export function mayBlameParameter(consequence: Consequence): boolean {
  if (consequence.kind === 'failed') return consequence.remedy === undefined;
  return consequence.kind === 'retry' || consequence.kind === 'model-gone';
}

/** What follows from an error with an HTTP status (or the code of an error inside an answer). */
export function classify(status: number, error: ServerError, model: string): Consequence {
  const { message, code = '', type = '' } = error;
  const said = `${code} ${type} ${message}`.replaceAll(/https?:\/\/\S+/gu, ''); // an address is no reason
  if (code === REDIRECTED) {
    const remedy = 'Give the address of the API itself as --base-url.';
    return { kind: 'fatal', found: `the server does not answer itself: ${message}`, remedy };
  }
  if (isFiltered(status, said) && !isKeyError(status, said)) return { kind: 'filtered' };
  if (isGone(status, said)) return { kind: 'model-gone' };
  const fatal = describeFatal(status, said, model, isPassingLimit(status, error));
  if (fatal) return { kind: 'fatal', found: `${fatal[0]} (${status}): ${message}`, remedy: fatal[1] };
  if (isTooLong(status, said) && !isLimitTooLarge(error))
    return { kind: 'failed', remedy: `The prompt is too long for this model: ${SHORTEN}` };
  if (status === 400 && /output limit was reached/iu.test(said)) {
    return { kind: 'failed', remedy: 'Raise --max-output-tokens: thoughts count as well.', billed: true };
  }
  if (status === 400 && isBrokenJson(error)) return { kind: 'failed', billed: true };
  if (status === 429 && /request too large|must be reduced/iu.test(said)) {
    return { kind: 'failed', remedy: `One request is over the limit of this key: ${SHORTEN}` };
  }
  if (status === 408 || status === 409 || status === 425 || status === 429) {
    return { kind: 'retry', billed: false };
  }
  // 501 is not there at all; 503 and 529 are overloads, which no server bills.
  if (status >= 500 && status !== 501) return { kind: 'retry', billed: status !== 503 && status !== 529 };
  return { kind: 'failed' };
}

/** Groq: the model has written what is not JSON, which says nothing of other prompts. */
export function isBrokenJson({ message, code }: ServerError): boolean {
  return code === 'json_validate_failed' || /failed to generate json/iu.test(message);
}

const SHORTEN = 'lower --history-tokens or --max-output-tokens.';

/** What is wrong and what to do about it, where every further request would meet the same. */
function describeFatal(
  status: number,
  said: string,
  model: string,
  isPassing: boolean,
): [found: string, remedy: string] | undefined {
  if (isKeyError(status, said)) return ['the API key was refused', 'Set OPENAI_API_KEY to a valid key.'];
  if (isQuota(status, said) && !isPassing) {
    return [
      'the quota of this key is used up',
      'Add credit, use another key, or run again when the quota is renewed; the answers so far are kept.',
    ];
  }
  if (status === 403 || status === 407) {
    return ['no permission', 'Use a key of a project that may use this model.'];
  }
  if (isUnknownModel(status, said, model)) {
    return [`no model '${model}' there`, 'Check --model and --base-url.'];
  }
  // LM Studio says so with status 200.
  if (status === 404 || status === 405 || /unexpected endpoint or method/iu.test(said)) {
    return [
      'nothing answers at this path',
      'Check the path of --base-url: most servers need /v1 at its end.',
    ];
  }
  return undefined;
}

function isKeyError(status: number, said: string): boolean {
  return (
    status === 401 ||
    /invalid[_ ]api[_ ]key|api key (?:not (?:valid|found)|expired)|API_KEY_INVALID|incorrect api key/iu.test(
      said,
    )
  );
}

/**
 * Gemini calls a limit per minute a quota that is exceeded, and says when to come back. It says so of one per day as
 * well, too soon; a limit of 0 never passes.
 */
function isPassingLimit(status: number, { message, code, afterSeconds, quotas = '' }: ServerError): boolean {
  if (status !== 429 || afterSeconds === undefined || /PerDay/iu.test(quotas)) return false;
  return code !== 'insufficient_quota' && !/\blimit: 0\b/iu.test(message);
}

function isQuota(status: number, said: string): boolean {
  return (
    status === 402 ||
    /insufficient[_ ](?:quota|credits?|balance|funds)|exceeded your current quota|billing|out of credits?|spending limit|payment required|credit balance|key limit exceeded|monthly limit|in arrears|overdue payment/iu.test(
      said,
    )
  );
}

function isFiltered(status: number, said: string): boolean {
  return (
    (status === 200 || status === 400 || status === 403 || status === 422) &&
    /content[_ ]filter|content management policy|content[_ ]policy|content exists risk|data_?inspection_?failed|responsible.?ai|flagged|moderation/iu.test(
      said,
    )
  );
}

function isGone(status: number, said: string): boolean {
  return (
    status === 410 ||
    ((status === 400 || status === 404) &&
      !namesParameter(said) &&
      /deprecated|decommission|retired|sunset|shut ?down|no longer (?:available|supported|served)|discontinued/iu.test(
        said,
      ) &&
      /model/iu.test(said))
  );
}

/** It is a parameter that is deprecated or too large, not the model. */
function namesParameter(said: string): boolean {
  return (
    limitNames.test(said) || /temperature|\bseed\b|response_format|json_schema|reasoning_effort/iu.test(said)
  );
}

function isUnknownModel(status: number, said: string, model: string): boolean {
  if (status !== 404 && status !== 400 && status !== 422) return false;
  if (/model_not_found|model_not_exist|unknown_model|DeploymentNotFound|no endpoints found/iu.test(said))
    return true;
  if (/not a valid model|invalid model (?:name|id)\b|unknown model\b/iu.test(said)) return true;
  const missing =
    /not? (?:found|exist|available|loaded)|does(?: not|n't) exist|unknown|no such|not a valid|invalid|pull/iu;
  const names = /\bmodels?\b/iu.test(said) || said.includes(model);
  return (
    names &&
    missing.test(said) &&
    (status === 404 || /\bmodel\b[^.]{0,80}(?:not found|not exist|n't exist)/iu.test(said))
  );
}

/** What servers call the limit of an answer, whatever they were sent. */
export const limitNames = /\bmax_?(?:completion|output|new)?_?tokens\b/iu;

/** Fewer tokens hold no recommendation. */
export const MIN_ANSWER_TOKENS = 16;

/**
 * Tokens that the context leaves beside the prompt, from "1000 > 4096 - 3300" (vLLM) or "3300 + 1000 > 4096" (Anthropic);
 * undefined where a refusal has no such sum.
 */
export function readRoom(message: string): number | undefined {
  const { context, prompt } =
    (
      /\d+ > (?<context>\d+) - (?<prompt>\d+)/u.exec(message) ??
      /(?<prompt>\d+) \+ \d+ > (?<context>\d+)/u.exec(message)
    )?.groups ?? {};
  return context === undefined ? undefined : Number(context) - Number(prompt);
}

/** The limit of an answer, not the prompt, is what does not fit. */
function isLimitTooLarge({ message, param = '' }: ServerError): boolean {
  const room = readRoom(message);
  if (room !== undefined) return room >= MIN_ANSWER_TOKENS;
  return (
    limitNames.test(param) ||
    /max_?(?:completion|output|new)?_?tokens\S*(?: or \S+)? (?:is too large|must be|value|should)/iu.test(
      message,
    )
  );
}

function isTooLong(status: number, said: string): boolean {
  if (status === 413) return true;
  return /context[_ ](?:length|window|size)|maximum context|context limit|exceed_context|prompt is too long|too many tokens|input token count|reduce the length/iu.test(
    said,
  );
}
