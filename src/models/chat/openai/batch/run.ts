/**
 * OpenAI's Batch API: many requests at half the price, answered within 24 hours. Requests go out in slices below the
 * queue limit, one after another. What is under way stands on disk before it is submitted, so that a run that was
 * stopped or killed goes on with it and submits no slice twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toFile, type OpenAI } from 'openai';
import { RecsysError } from '../../../../util/errors.ts';
import { ownSignal } from '../../../../util/process/signals.ts';
import type { Answer } from '../../cache.ts';
import type { Reservation } from '../../cost.ts';
import { DISCOUNT_SHARE } from '../../families.ts';
import type { ChatBody } from '../parameters.ts';
import { readSdkError } from '../sdk.ts';
import { collect, unlessGone } from './collect.ts';
import {
  forget,
  keepSlices,
  lineOf,
  mostOf,
  readSlices,
  sliceUp,
  type BatchParts,
  type Slice,
} from './slices.ts';

/** Further rounds bring what expired, or was refused with a parameter that is left out by now. */
const MAX_ROUNDS = 3;
/** A queue that does not take an eighth of a slice is full of other batches. */
const MAX_HALVINGS = 3;
const FIRST_BACKOFF_SECONDS = 0.5;
const FIRST_POLL_SECONDS = 0.2;
const LONGEST_POLL_SECONDS = 60;

const CANCELLED = 'it was cancelled at the server';

const endStates = new Set(['completed', 'expired', 'cancelled', 'failed']);

/**
 * What became of a slice: its batch was refused by a full queue, cancelled at the server before its end, or has ended.
 * `hasProgressed`: it brought an answer or taught a parameter; `unreached`: requests that it did not get to.
 */
type Outcome = 'queue-full' | 'cancelled' | { hasProgressed: boolean; unreached: number };

/**
 * Has the answers of `bodies()` in the cache afterwards, as far as the server gives them: what it refuses is left to be
 * asked directly. `bodies` is called before each round, as parameters may have been learned. Throws RecsysError when the
 * server takes no batch, its queue is full, or requests are left that no batch got to; BudgetError when a slice could
 * exceed the budget; and the signal's reason when it fires: what is under way then goes on at the server.
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
    for (let round = 0; ; round++) {
      const left = await bodies();
      if (left.length === 0) return;
      let hasProgressed = false;
      let unreached = 0;
      for (const slice of sliceUp(left, maxTokens, parts)) {
        await keepSlices(parts, [slice]);
        const outcome = await runSlice(parts, slice, () => submit(parts, slice, signal), signal);
        if (outcome === 'queue-full') {
          if (slice.bodies.length === 1 || halvings++ === MAX_HALVINGS) {
            throw endedError('the queue of this key is full of other batches');
          }
          maxTokens = Math.floor(mostOf(slice.bodies, parts).input / 2);
          parts.progress.note(`batch: the queue of this key is full; slices now hold ${maxTokens} tokens`);
          hasProgressed = true;
          round--;
          break;
        }
        if (outcome === 'cancelled') throw endedError(CANCELLED);
        hasProgressed ||= outcome.hasProgressed;
        unreached += outcome.unreached;
      }
      const isLast = !hasProgressed || round === MAX_ROUNDS - 1;
      if (isLast && unreached > 0)
        throw endedError(`the server did not get to all requests in time (left: ${unreached})`);
      if (isLast) return;
    }
  });
}

/** Nothing that a batch did not get to is sent at full price instead, which nobody asked for. */
function endedError(found: string): RecsysError {
  return new RecsysError({
    place: 'batch',
    found,
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
      const outcome = await runSlice(parts, slice, () => Promise.resolve(batch), signal);
      // What was cancelled before this run is sent again, as this run was asked to.
      if (outcome === 'cancelled' && !endStates.has(batch.status)) throw endedError(CANCELLED);
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

/** `start` makes or finds the batch of the slice. */
async function runSlice(
  parts: BatchParts,
  slice: Slice,
  start: () => Promise<OpenAI.Batch>,
  signal: AbortSignal,
): Promise<Outcome> {
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
    const { answers, uncounted, hasLearned, unreached } = await collect(parts, batch, bodies, signal);
    settle(sumUsage(answers, mostOf(uncounted, parts)));
    await forget(parts, slice, signal);
    parts.progress.note(
      `batch: ${batch.status}, ${answers.length} of ${bodies.length} requests were answered`,
    );
    if (batch.status === 'cancelled' && unreached > 0) return 'cancelled';
    return { hasProgressed: answers.length > 0 || hasLearned, unreached };
  } finally {
    settle('unknown');
  }
}

/** Tokens of the answers, and `uncounted` ones. */
function sumUsage(answers: readonly Answer[], uncounted: { input: number; output: number }) {
  const used = { ...uncounted, cached: 0 };
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
      const isLost = status === undefined || parts.classify(status, said).kind === 'retry';
      if (signal.aborted || !isLost) throw error;
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
