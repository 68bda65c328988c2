/** One request to a server that speaks the OpenAI API, through the official SDK: retries, limits, what servers refuse. */
import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';
import type { Message } from '../../../language/templates.ts';
import { RecsysError } from '../../../util/errors.ts';
import { ownSignal } from '../../../util/process/signals.ts';
import type { Progress } from '../../../util/progress.ts';
import { ModelGoneError, type Ask, type AskOutcome, type ChatRequest } from '../ask.ts';
import { hasContent, type Answer, type AnswerCache } from '../cache.ts';
import { unlimitedError, type Budget, type Reservation } from '../cost.ts';
import { familyOf } from '../families.ts';
import type { ResolvedChatOptions } from '../options.ts';
import { countMessages } from '../tokens.ts';
import { runBatch } from './batch/run.ts';
import type { BatchParts } from './batch/slices.ts';
import { redact, resolveEndpoint, type Endpoint } from './endpoint.ts';
import { classify, isBilled, mayBlameParameter, type ServerError } from './failures.ts';
import { Pacer } from './pacer.ts';
import { RequestParameters, toWire, type ChatBody, type ParameterChange } from './parameters.ts';
import { filteredAnswer, readCompletion, toAnswer, type CompletionContent } from './response.ts';
import { createSdk, readSdkError } from './sdk.ts';
import { readRetryAfter } from './waits.ts';
import { MAX_FILE_BYTES } from './wire.ts';

export interface ClientParts {
  options: ResolvedChatOptions;
  cache: AnswerCache;
  /** Counts a text in the model's tokens, or an estimate. */
  countTokens: (text: string) => number;
  progress: Progress;
  /** What the run may spend; requests that may be billed although they failed count. */
  budget?: Budget;
}

export interface ChatClient {
  ask: Ask;
  /** With `--batch`: has the answers of many requests kept before they are asked for. */
  askInBatch?: (requests: readonly ChatRequest[], signal: AbortSignal) => Promise<void>;
  endpoint: Endpoint;
  /** Parameters that are not sent as asked for, and why. */
  readonly changes: readonly ParameterChange[];
}

/** What became of one request that was sent. */
type Sent =
  | { answer: Answer }
  /** Perhaps of a parameter that can be left out; `otherwise` is what follows when it is not. */
  | { refusal: ServerError; status: number; otherwise: () => Settled }
  | Settled;

type Settled = { retry: string; afterSeconds?: number | undefined; connected: boolean } | { failure: string };

/** Files of a batch are large. */
const BATCH_TIMEOUT_SECONDS = 600;

/** Waits between tries grow from this by doubling to the longest, in seconds. */
const FIRST_BACKOFF_SECONDS = 0.5;
const LONGEST_BACKOFF_SECONDS = 8;

/**
 * A client of the server that the options and the environment name. Throws UsageError for a bad URL and for a missing
 * key. `ask` throws RecsysError at once for what no retry mends: key refused, no permission, unknown model or path,
 * quota used up, budget exhausted, a longer wait than `--max-wait`; ModelGoneError for a model that is no longer served.
 */
export function createChatClient(parts: ClientParts): ChatClient {
  const endpoint = resolveEndpoint(parts.options);
  const { timeout, concurrency } = parts.options;
  const client = new Client(parts, endpoint, createSdk(endpoint, { timeout, concurrency }));
  return {
    ask: (request, signal) => client.ask(request, signal),
    ...(parts.options.batch && { askInBatch: (requests, signal) => client.askInBatch(requests, signal) }),
    endpoint,
    get changes() {
      return client.parameters.changes;
    },
  };
}

class Client {
  readonly parameters: RequestParameters;
  readonly #parts: ClientParts;
  readonly #endpoint: Endpoint;
  readonly #sdk: OpenAI;
  readonly #pacer: Pacer;
  /** The largest ratio of the server's count of input tokens to ours, at least 1. */
  #inputRatio = 1;
  #answered = false;
  /** The first request goes alone: what it teaches (parameters, tokens, failures) need not be learned by many. */
  #first: Promise<void> | undefined;
  #firstDone = false;

  constructor(parts: ClientParts, endpoint: Endpoint, sdk: OpenAI) {
    this.#parts = parts;
    this.#endpoint = endpoint;
    this.#sdk = sdk;
    this.#pacer = new Pacer((line) => parts.progress.note(`${parts.options.model}: ${line}`));
    this.parameters = new RequestParameters(parts.options, endpoint.official);
  }

  async ask(request: ChatRequest, signal: AbortSignal): Promise<AskOutcome> {
    const { cache } = this.#parts;
    const cached = await this.#keptAnswer(request);
    if (cached) return { answer: cached, fromCache: true };
    const { model, temperature, reasoningEffort } = this.#parts.options;
    const wish = { server: this.#endpoint.baseUrl, model, ...request, temperature, reasoningEffort };
    return cache.exclusively(wish, signal, () =>
      this.#firstAlone(async () => {
        try {
          return await this.#askUntilAnswered(request, signal);
        } catch (error) {
          if (signal.aborted) throw error;
          const answer = await this.#answerOfEarlierRun(request);
          if (answer) return { answer, fromCache: true };
          throw error;
        }
      }),
    );
  }

  /** Where no answer can be had any more: one that an earlier run got after learning what the server takes. */
  async #answerOfEarlierRun(request: ChatRequest): Promise<Answer | undefined> {
    const { cache, options } = this.#parts;
    const facts = await cache.getFacts(this.#subject());
    if (!Array.isArray(facts)) return undefined;
    const parameters = new RequestParameters(options, this.#endpoint.official);
    parameters.restore(facts as ParameterChange[]);
    return this.#keptAnswer(request, parameters);
  }

  /** A kept answer to the request as it is sent now, or as its prompt had to be sent in an earlier run. */
  async #keptAnswer(request: ChatRequest, parameters = this.parameters): Promise<Answer | undefined> {
    const { cache } = this.#parts;
    const body = parameters.body(request);
    const kept = await cache.get(this.#keyOf(body));
    if (kept) return kept;
    const facts = await cache.getFacts(this.#promptSubject(body));
    if (!parameters.restorePrompt(body, facts)) return undefined;
    return cache.get(this.#keyOf(parameters.body(request)));
  }

  #subject() {
    return { parametersOf: this.#parts.options.model, server: this.#endpoint.baseUrl };
  }

  #promptSubject({ messages }: ChatBody) {
    return { ...this.#subject(), messages };
  }

  #keyOf(body: ChatBody) {
    return { server: this.#endpoint.baseUrl, ...body };
  }

  async #firstAlone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#first !== undefined) await this.#first;
    if (this.#firstDone) return work();
    let done!: () => void;
    this.#first = new Promise((resolve) => (done = resolve));
    try {
      return await work();
    } finally {
      this.#firstDone = true;
      this.#first = undefined;
      done();
    }
  }

  async #askUntilAnswered(request: ChatRequest, signal: AbortSignal): Promise<AskOutcome> {
    const { cache, options } = this.#parts;
    let tries = 0;
    for (;;) {
      const cached = await this.#keptAnswer(request);
      if (cached) return { answer: cached, fromCache: true };
      const body = this.parameters.body(request);
      let sent = await this.#send(request, body, signal);
      if ('refusal' in sent) {
        if (await this.#learn(sent.status, sent.refusal, body)) continue;
        sent = sent.otherwise();
      }
      if ('answer' in sent) {
        this.#answered = true;
        if (hasContent(sent.answer)) await cache.put(this.#keyOf(body), sent.answer);
        return { answer: sent.answer, fromCache: false };
      }
      if ('failure' in sent) return sent;
      if (tries++ === options.retries) {
        if (!sent.connected && !this.#answered) throw this.#unreachableError(sent.retry);
        return { failure: sent.retry };
      }
      await this.#waitBeforeRetry(sent, tries, signal);
    }
  }

  async #waitBeforeRetry(
    { retry, afterSeconds }: { retry: string; afterSeconds?: number | undefined },
    tries: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { maxWait } = this.#parts.options;
    if (afterSeconds !== undefined && afterSeconds > maxWait) {
      throw new RecsysError({
        place: this.#place(),
        found: `the server asks to wait ${Math.ceil(afterSeconds)} s, longer than the ${maxWait} s of --max-wait (${retry})`,
        remedy: 'Run again later, or raise --max-wait: the answers so far are kept.',
      });
    }
    if (afterSeconds !== undefined && afterSeconds > 0) {
      this.#pacer.pause(afterSeconds, retry); // for every request: the limit is the key's
      return;
    }
    const seconds = Math.min(FIRST_BACKOFF_SECONDS * 2 ** (tries - 1), LONGEST_BACKOFF_SECONDS);
    await sleep(1000 * seconds, undefined, { signal: ownSignal(signal) });
  }

  /** Requests that no retry mends throw as `ask` does. */
  async askInBatch(requests: readonly ChatRequest[], signal: AbortSignal): Promise<void> {
    const { cache, budget, options, progress, countTokens } = this.#parts;
    const parts: BatchParts = {
      sdk: createSdk(this.#endpoint, {
        timeout: Math.max(options.timeout, BATCH_TIMEOUT_SECONDS),
        concurrency: 1,
        retries: options.retries,
        maxBytes: MAX_FILE_BYTES,
      }),
      cache,
      subject: this.#subject(),
      progress,
      budget,
      maxSliceTokens: options.batchTokens,
      retries: options.retries,
      keyOf: (body) => this.#keyOf(body),
      countInput: ({ messages }) =>
        Math.ceil(this.#inputRatio * countMessages(messages as Message[], countTokens)),
      toAnswer: (content, { messages }) =>
        this.#toAnswer(content, countMessages(messages as Message[], countTokens), 0),
      classify: (status, error) => classify(status, error, options.model),
      learn: (status, error, body) => this.#learn(status, error, body),
      redact: (text) => this.#redact(text),
    };
    const missing = async () => {
      const kept = await Promise.all(requests.map((request) => this.#keptAnswer(request)));
      const left = requests
        .filter((_, n) => kept[n] === undefined)
        .map((request) => this.parameters.body(request));
      if (budget && left.length > 0 && !this.parameters.isLimited) throw unlimitedError(options.model);
      return left;
    };
    try {
      await runBatch(parts, missing, signal);
    } catch (error) {
      if (signal.aborted || error instanceof RecsysError) throw error;
      const { status = 0, said } = readSdkError(error);
      const known = classify(status, said, options.model);
      if (known.kind === 'fatal') throw this.#error(this.#redact(known.found), known.remedy);
      throw this.#error(
        `the batch failed (${status}): ${this.#redact(said.message)}`,
        'The same command goes on with it; without --batch, requests are sent one by one.',
      );
    }
  }

  async #learn(status: number, error: ServerError, body: ChatBody): Promise<boolean> {
    const changes = this.parameters.learn(status, error, body);
    if (changes === undefined) return false;
    const { cache, options, progress } = this.#parts;
    for (const { parameter, change, reason } of changes) {
      progress.note(this.#redact(`${options.model} refuses ${parameter} (${reason}): ${change}`));
    }
    const redacted = (learned: readonly ParameterChange[]) =>
      learned.map((change) => ({ ...change, reason: this.#redact(change.reason) }));
    if (changes.length > 0) await cache.putFacts(this.#subject(), redacted(this.parameters.changes));
    const facts = this.parameters.promptFacts(body);
    if (facts) {
      await cache.putFacts(this.#promptSubject(body), { ...facts, changes: redacted(facts.changes) });
    }
    return true;
  }

  async #send(request: ChatRequest, body: ChatBody, signal: AbortSignal): Promise<Sent> {
    const { options, budget, countTokens } = this.#parts;
    const estimate = request.inputTokens ?? countMessages(request.messages, countTokens);
    const most = {
      input: Math.ceil(estimate * this.#inputRatio),
      output: body.max_completion_tokens ?? body.max_tokens ?? 0,
    };
    if (budget && !this.parameters.isLimited) throw unlimitedError(options.model);
    await this.#pacer.wait(most.input + most.output, signal);
    const reservation = await budget?.reserve(most, signal);
    const started = performance.now();
    try {
      const response = await this.#sdk.chat.completions
        .create(toWire(body, this.#endpoint.official ? 'default' : undefined), { signal: ownSignal(signal) })
        .asResponse();
      this.#pacer.read(response.headers);
      const completion = readCompletion(await response.text());
      if ('content' in completion) {
        const latencySeconds = (performance.now() - started) / 1000;
        const answer = this.#toAnswer(completion.content, estimate, latencySeconds);
        reservation?.settle(answer.usage);
        if (answer.usage.estimated !== true) {
          this.#inputRatio = Math.max(this.#inputRatio, answer.usage.input / estimate);
        }
        return { answer };
      }
      reservation?.settle('unknown');
      if ('unreadable' in completion) {
        const reason = this.#redact(completion.unreadable);
        return completion.cut ? { retry: reason, connected: true } : { failure: reason };
      }
      const afterSeconds = readRetryAfter(response.headers, new Date()) ?? completion.error.afterSeconds;
      return this.#judge(completion.status, { ...completion.error, afterSeconds }, started);
    } catch (error) {
      if (error instanceof RecsysError) throw error; // of an error in an answer with status 200
      if (signal.aborted) {
        reservation?.settle('unknown');
        throw error;
      }
      return this.#judgeThrown(error, reservation, started);
    }
  }

  /** A request that got no answer with status 200. */
  #judgeThrown(error: unknown, reservation: Reservation | undefined, started: number): Sent {
    const { status, said, headers, connected, sent } = readSdkError(error);
    if (status === undefined) {
      reservation?.settle(sent ? 'unknown' : 'free');
      return { retry: this.#redact(said.message), connected };
    }
    this.#pacer.read(headers);
    const consequence = classify(status, said, this.#parts.options.model);
    reservation?.settle(isBilled(consequence) ? 'unknown' : 'free');
    return this.#judge(status, said, started);
  }

  /** What follows from a server's error, with status 200 where it stood in an answer and named none. */
  #judge(status: number, error: ServerError, started: number): Sent {
    const { model } = this.#parts.options;
    const said: ServerError = { ...error, message: this.#redact(error.message) };
    const consequence = classify(status, said, model);
    const reason =
      status === 200
        ? `an error in place of an answer: ${said.message}`
        : `status ${status}: ${said.message}`;
    if (consequence.kind === 'filtered') {
      return { answer: filteredAnswer(model, (performance.now() - started) / 1000) };
    }
    const settle = (): Settled => {
      if (consequence.kind === 'fatal') throw this.#error(consequence.found, consequence.remedy);
      if (consequence.kind === 'model-gone') throw this.#goneError(said.message);
      const remedy = consequence.kind === 'failed' ? consequence.remedy : undefined;
      // An error without a status may be gone at the next try.
      if (consequence.kind === 'retry' || (status === 200 && remedy === undefined)) {
        return { retry: reason, afterSeconds: said.afterSeconds, connected: true };
      }
      return { failure: remedy === undefined ? reason : `${reason.replace(/[.]$/u, '')}. ${remedy}` };
    };
    return mayBlameParameter(consequence) ? { refusal: said, status, otherwise: settle } : settle();
  }

  #toAnswer(content: CompletionContent, estimatedInput: number, latencySeconds: number): Answer {
    const { countTokens, options } = this.#parts;
    return toAnswer(content, {
      asked: options.model,
      inputTokens: Math.ceil(estimatedInput * this.#inputRatio),
      countTokens,
      redact: (text) => this.#redact(text),
      latencySeconds,
    });
  }

  #redact(text: string): string {
    return redact(text, this.#endpoint.secrets);
  }

  #place(): string {
    return this.#endpoint.official ? 'OpenAI' : this.#endpoint.baseUrl;
  }

  #error(found: string, remedy: string): RecsysError {
    return new RecsysError({ place: this.#place(), found, remedy });
  }

  #goneError(message: string): ModelGoneError {
    const { model } = this.#parts.options;
    const replacement = familyOf(model)?.ends?.replacement;
    return new ModelGoneError({
      place: this.#place(),
      found: `model '${model}' is no longer served: ${message}`,
      remedy:
        replacement === undefined
          ? 'Name another one with --model.'
          : `Its replacement: --model ${replacement}`,
    });
  }

  #unreachableError(reason: string): RecsysError {
    return this.#error(`no server answers: ${reason}`, 'Check --base-url, and that the server runs.');
  }
}
