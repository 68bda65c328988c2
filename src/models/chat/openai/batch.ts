/**
 * OpenAI's Batch API: many requests at half the price, answered within 24 hours. Requests go out in slices below the
 * queue limit, one after another. What is under way stands on disk before it is submitted, so that a run that was
 * stopped or killed goes on with it and submits no slice twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NotFoundError, toFile, type OpenAI } from 'openai';
import { z } from 'zod';
import { RecsysError } from '../../../util/errors.ts';
import { sha256 } from '../../../util/files.ts';
import { ownSignal } from '../../../util/process/signals.ts';
import type { Progress } from '../../../util/progress.ts';
import type { Answer, AnswerCache } from '../cache.ts';
import type { Budget, Reservation } from '../cost.ts';
import { DISCOUNT_SHARE } from '../families.ts';
import { errorFrom, type ServerError } from './failures.ts';
import { toWire, type ChatBody } from './parameters.ts';
import { readCompletion, type CompletionContent } from './response.ts';
import { isTransient, readSdkError } from './sdk.ts';

/** What a batch needs of the client whose requests it carries. */
export interface BatchParts {
  sdk: OpenAI;
  cache: AnswerCache;
  /** Server and model: their batches are kept together. */
  subject: unknown;
  progress: Progress;
  budget?: Budget | undefined;
  /** Input tokens of a slice. */
  maxSliceTokens: number;
  /** Further tries to make a batch. */
  retries: number;
  keyOf(body: ChatBody): unknown;
  /** Input tokens of a request, as the budget counts them. */
  countInput(body: ChatBody): number;
  toAnswer(content: CompletionContent, body: ChatBody): Answer;
  /** Takes note of a refused parameter. */
  learn(status: number, error: ServerError, body: ChatBody): Promise<boolean>;
  redact(text: string): string;
}

const sliceSchema = z.object({
  id: z.string(),
  bodies: z.array(z.custom<ChatBody>((body) => z.record(z.string(), z.unknown()).safeParse(body).success)),
  fileId: z.string().optional(),
  batchId: z.string().optional(),
});
type Slice = z.output<typeof sliceSchema>;

/** OpenAI's limits of one batch. */
const MAX_SLICE_REQUESTS = 50_000;
const MAX_SLICE_BYTES = 190 * 2 ** 20;
/** Slices that bring nothing new end the batch; what is left is asked directly. */
const MAX_ROUNDS = 3;
/** A queue that does not take an eighth of a slice is full of other batches. */
const MAX_HALVINGS = 3;
const FIRST_BACKOFF_SECONDS = 0.5;
const FIRST_POLL_SECONDS = 0.2;
const LONGEST_POLL_SECONDS = 60;

const endStates = new Set(['completed', 'expired', 'cancelled', 'failed']);

/**
 * Has the answers of `bodies()` in the cache afterwards, as far as the server gives them: the rest is left to be asked
 * directly. `bodies` is called before each round, as parameters may have been learned. Throws RecsysError when the
 * server takes no batch or its queue is full, BudgetError when a slice could exceed the budget, and the signal's reason
 * when it fires: what is under way then goes on at the server.
 */
export async function runBatch(
  parts: BatchParts,
  bodies: () => Promise<ChatBody[]>,
  signal: AbortSignal,
): Promise<void> {
  const lock = { batchOf: parts.subject };
  await parts.cache.exclusively(lock, signal, async () => {
    await finishEarlierSlices(parts, signal);
    let maxTokens = parts.maxSliceTokens;
    let halvings = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const left = await bodies();
      if (left.length === 0) return;
      let progressed = false;
      for (const slice of sliceUp(left, maxTokens, parts)) {
        await keepSlices(parts, [slice]);
        const outcome = await runSlice(parts, slice, () => submit(parts, slice, signal), signal);
        if (outcome === 'queue-full') {
          if (slice.bodies.length === 1 || halvings++ === MAX_HALVINGS) throw queueFullError();
          maxTokens = Math.floor(mostOf(slice.bodies, parts).input / 2);
          parts.progress.note(`batch: the queue of this key is full; slices now hold ${maxTokens} tokens`);
          progressed = true;
          round--;
          break;
        }
        progressed ||= outcome;
      }
      if (!progressed) return;
    }
  });
}

function queueFullError(): RecsysError {
  return new RecsysError({
    place: 'batch',
    found: 'the queue of this key is full of other batches',
    remedy:
      'Run the same command again later: the answers so far are kept. Without --batch, requests are sent at once, at full price.',
  });
}

/** Slices that no batch was made of, or whose batch the server no longer knows, are forgotten: their requests are left. */
async function finishEarlierSlices(parts: BatchParts, signal: AbortSignal): Promise<void> {
  const { progress } = parts;
  for (const slice of await readSlices(parts)) {
    const { id, bodies, fileId, batchId } = slice;
    const batch = fileId === undefined ? undefined : await findBatch(parts, slice, signal);
    if (batch !== undefined) {
      progress.note(`batch: goes on with slice ${id} of ${bodies.length} requests`);
      await runSlice(parts, slice, () => Promise.resolve(batch), signal);
      continue;
    }
    if (batchId !== undefined) {
      progress.note(
        `batch: the server no longer knows ${batchId} (is this the key or project that made it?); ` +
          `its ${bodies.length} requests are sent again`,
      );
    }
    await forget(parts, slice, signal);
  }
}

async function readSlices({ cache, subject }: BatchParts): Promise<Slice[]> {
  return z.array(sliceSchema).safeParse(await cache.getFacts({ slicesOf: subject })).data ?? [];
}

function keepSlices({ cache, subject }: BatchParts, slices: Slice[]): Promise<void> {
  return cache.putFacts({ slicesOf: subject }, slices);
}

/** The slice has ended: nothing of it stays here, nor, if it can be had, its input at the server. */
async function forget(parts: BatchParts, { fileId }: Slice, signal: AbortSignal): Promise<void> {
  await keepSlices(parts, []);
  if (fileId === undefined) return;
  const options = { signal: ownSignal(signal), maxRetries: 0 };
  await parts.sdk.files.delete(fileId, options).catch(() => {}); // one that stays is no harm
}

/** Bodies in order, as many a slice as the limits allow. */
function* sliceUp(bodies: readonly ChatBody[], maxTokens: number, parts: BatchParts): Generator<Slice> {
  let own: ChatBody[] = [];
  let [tokens, bytes] = [0, 0];
  for (const body of bodies) {
    const size = { tokens: parts.countInput(body), bytes: Buffer.byteLength(lineOf(body, parts)) };
    const isFull = tokens + size.tokens > maxTokens || bytes + size.bytes > MAX_SLICE_BYTES;
    if (own.length > 0 && (isFull || own.length === MAX_SLICE_REQUESTS)) {
      yield sliceOf(own, parts);
      [own, tokens, bytes] = [[], 0, 0];
    }
    own.push(body);
    tokens += size.tokens;
    bytes += size.bytes;
  }
  if (own.length > 0) yield sliceOf(own, parts);
}

function sliceOf(bodies: ChatBody[], parts: BatchParts): Slice {
  const id = sha256(JSON.stringify([new Date().toISOString(), ...bodies.map((body) => idOf(body, parts))]));
  return { id: id.slice(0, 24), bodies: bodies.map((body) => ({ ...body })) };
}

const idOf = (body: ChatBody, parts: BatchParts) => sha256(JSON.stringify(parts.keyOf(body)));

function lineOf(body: ChatBody, parts: BatchParts): string {
  const custom_id = idOf(body, parts);
  return JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body: toWire(body) });
}

/** True when the slice brought an answer or taught a parameter. `start` makes or finds its batch. */
async function runSlice(
  parts: BatchParts,
  slice: Slice,
  start: () => Promise<OpenAI.Batch>,
  signal: AbortSignal,
): Promise<boolean | 'queue-full'> {
  const { bodies } = slice;
  const reservation = await parts.budget?.reserve(mostOf(bodies, parts), signal, DISCOUNT_SHARE);
  let isSettled = false;
  const settle = (used: Parameters<Reservation['settle']>[0]) => {
    if (!isSettled) reservation?.settle(used);
    isSettled = true;
  };
  try {
    const batch = await waitFor(parts, await start(), slice, signal);
    if (batch.status === 'failed') {
      settle('free');
      await forget(parts, slice, signal);
      const errors = batch.errors?.data ?? [];
      if (errors.some(({ code }) => /token_limit|queue/iu.test(code ?? ''))) return 'queue-full';
      const said = errors[0]?.message ?? 'no reason given';
      throw new RecsysError({ place: 'batch', found: parts.redact(`the server refused it: ${said}`) });
    }
    const { answers, hasLearned, isWhole } = await collect(parts, batch, bodies, signal);
    settle(isWhole ? sumUsage(answers) : 'unknown');
    await forget(parts, slice, signal);
    parts.progress.note(
      `batch: ${batch.status}, ${answers.length} of ${bodies.length} requests were answered`,
    );
    return answers.length > 0 || hasLearned;
  } finally {
    settle('unknown');
  }
}

function mostOf(bodies: readonly ChatBody[], parts: BatchParts) {
  const most = { input: 0, output: 0 };
  for (const body of bodies) {
    most.input += parts.countInput(body);
    most.output += body.max_completion_tokens ?? body.max_tokens ?? 0;
  }
  return most;
}

function sumUsage(answers: readonly Answer[]) {
  const used = { input: 0, output: 0, cached: 0 };
  for (const { usage } of answers) {
    used.input += usage.input;
    used.output += usage.output;
    used.cached += usage.cached ?? 0;
  }
  return used;
}

/** Uploads the slice and makes its batch. */
async function submit(parts: BatchParts, slice: Slice, signal: AbortSignal): Promise<OpenAI.Batch> {
  const lines = slice.bodies.map((body) => lineOf(body, parts)).join('\n');
  const file = await toFile(Buffer.from(`${lines}\n`), `recsys-${slice.id}.jsonl`);
  const options = { signal: ownSignal(signal) };
  const { id: fileId } = await parts.sdk.files.create({ file, purpose: 'batch' }, options);
  slice.fileId = fileId;
  await keepSlices(parts, [slice]); // from here on, a batch of this slice is looked for before one is made
  const batch = await makeBatch(parts, slice.id, fileId, signal);
  slice.batchId = batch.id;
  await keepSlices(parts, [slice]);
  return batch;
}

/** A request that failed may have made a batch all the same: it is looked for before another try. */
async function makeBatch(
  parts: BatchParts,
  id: string,
  fileId: string,
  signal: AbortSignal,
): Promise<OpenAI.Batch> {
  const batch = {
    input_file_id: fileId,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    metadata: { recsys_slice: id },
  } as const;
  for (let tries = 0; ; tries++) {
    try {
      return await parts.sdk.batches.create(batch, { signal: ownSignal(signal), maxRetries: 0 });
    } catch (error) {
      const { status, said } = readSdkError(error);
      if (signal.aborted || !isTransient(status)) throw error;
      const { afterSeconds = FIRST_BACKOFF_SECONDS * 2 ** tries } = said;
      const seconds = Math.min(afterSeconds, LONGEST_POLL_SECONDS);
      await sleep(1000 * seconds, undefined, { signal: ownSignal(signal) });
      const made = await findBatch(parts, { id }, signal);
      if (made !== undefined) return made;
      if (tries === parts.retries) throw error;
    }
  }
}

/** The batch of a slice by its id, or by the slice's mark on it; undefined where the server knows none. */
async function findBatch(
  { sdk }: BatchParts,
  { id, batchId }: Pick<Slice, 'id' | 'batchId'>,
  signal: AbortSignal,
): Promise<OpenAI.Batch | undefined> {
  const options = { signal: ownSignal(signal) };
  if (batchId !== undefined) return await unlessGone(sdk.batches.retrieve(batchId, options));
  for await (const batch of sdk.batches.list({ limit: 100 }, options)) {
    if (batch.metadata?.['recsys_slice'] === id) return batch;
  }
  return undefined;
}

/** Undefined for a batch or a file that the server does not know (any more). */
async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

async function waitFor(
  { sdk, progress }: BatchParts,
  first: OpenAI.Batch,
  { bodies }: Slice,
  signal: AbortSignal,
): Promise<OpenAI.Batch> {
  const task = progress.start(`batch ${first.id}`, bodies.length, 'requests');
  let batch = first;
  let done = 0;
  try {
    for (let seconds = FIRST_POLL_SECONDS; !endStates.has(batch.status); seconds *= 2) {
      const wait = Math.min(seconds, LONGEST_POLL_SECONDS);
      await sleep(1000 * wait, undefined, { signal: ownSignal(signal) });
      batch = await sdk.batches.retrieve(batch.id, { signal: ownSignal(signal) });
      const { completed = 0, failed = 0 } = batch.request_counts ?? {};
      task.advance(Math.max(0, completed + failed - done), batch.status);
      done = Math.max(done, completed + failed);
    }
  } finally {
    task.finish();
  }
  return batch;
}

const lineSchema = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.int(), body: z.unknown() }).nullish(),
});

/** Keeps the answers of a finished batch; refused parameters are learned. `isWhole`: nothing was billed that is not counted. */
async function collect(
  parts: BatchParts,
  { output_file_id: output, error_file_id: errors }: OpenAI.Batch,
  bodies: readonly ChatBody[],
  signal: AbortSignal,
): Promise<{ answers: Answer[]; hasLearned: boolean; isWhole: boolean }> {
  const byId = new Map(bodies.map((body) => [idOf(body, parts), body]));
  const answers: Answer[] = [];
  let hasLearned = false;
  let isWhole = true;
  for (const id of [output, errors]) {
    if (!id) continue;
    const file = await unlessGone(parts.sdk.files.content(id, { signal: ownSignal(signal) }));
    if (file === undefined) {
      parts.progress.note(`batch: the server no longer has the file ${id}; what it held is sent again`);
      isWhole = false;
      continue;
    }
    for (const line of (await file.text()).split('\n')) {
      const read = readLine(line);
      const body = byId.get(read?.custom_id ?? '');
      if (!read?.response || body === undefined) continue; // expired, or another slice's
      const { status_code: status, body: said } = read.response;
      const completion = readCompletion(JSON.stringify(said));
      if (status === 200 && 'content' in completion) {
        const answer = { ...parts.toAnswer(completion.content, body), batch: true };
        answers.push(answer);
        await parts.cache.put(parts.keyOf(body), answer);
      } else if (status === 200) isWhole = false;
      else hasLearned = (await parts.learn(status, errorFrom(said), body)) || hasLearned;
    }
  }
  return { answers, hasLearned, isWhole };
}

function readLine(line: string): z.output<typeof lineSchema> | undefined {
  if (line.trim() === '') return undefined;
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
