/** The slices of a batch: as many requests as its limits allow, and what stands on disk of one that is under way. */
import type { OpenAI } from 'openai';
import { z } from 'zod';
import { sha256 } from '../../../../util/files.ts';
import { ownSignal } from '../../../../util/process/signals.ts';
import type { Progress } from '../../../../util/progress.ts';
import type { Answer, AnswerCache } from '../../cache.ts';
import type { Budget } from '../../cost.ts';
import type { Consequence, ServerError } from '../failures.ts';
import { toWire, type ChatBody } from '../parameters.ts';
import type { CompletionContent } from '../response.ts';

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
  classify(status: number, error: ServerError): Consequence;
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
export type Slice = z.output<typeof sliceSchema>;

/** OpenAI's limits of one batch. */
const MAX_SLICE_REQUESTS = 50_000;
const MAX_SLICE_BYTES = 190 * 2 ** 20;

export async function readSlices({ cache, subject }: BatchParts): Promise<Slice[]> {
  return z.array(sliceSchema).safeParse(await cache.getFacts({ slicesOf: subject })).data ?? [];
}

export function keepSlices({ cache, subject }: BatchParts, slices: Slice[]): Promise<void> {
  return cache.putFacts({ slicesOf: subject }, slices);
}

/** The slice has ended: nothing of it stays here, nor, if it can be had, its input at the server. */
export async function forget(parts: BatchParts, { fileId }: Slice, signal: AbortSignal): Promise<void> {
  await keepSlices(parts, []);
  if (fileId === undefined) return;
  const options = { signal: ownSignal(signal), maxRetries: 0 };
  await parts.sdk.files.delete(fileId, options).catch(() => {}); // one that stays is no harm
}

/** Bodies in order, as many a slice as the limits allow. */
export function* sliceUp(
  bodies: readonly ChatBody[],
  maxTokens: number,
  parts: BatchParts,
): Generator<Slice> {
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

export const idOf = (body: ChatBody, parts: BatchParts) => sha256(JSON.stringify(parts.keyOf(body)));

export function lineOf(body: ChatBody, parts: BatchParts): string {
  const custom_id = idOf(body, parts);
  return JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body: toWire(body) });
}

export function mostOf(bodies: readonly ChatBody[], parts: BatchParts) {
  const most = { input: 0, output: 0 };
  for (const body of bodies) {
    most.input += parts.countInput(body);
    most.output += body.max_completion_tokens ?? body.max_tokens ?? 0;
  }
  return most;
}
