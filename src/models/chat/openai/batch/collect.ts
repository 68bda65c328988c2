/** What a finished batch has brought, line by line. */
import { NotFoundError, type OpenAI } from 'openai';
import { z } from 'zod';
import { ownSignal } from '../../../../util/process/signals.ts';
import type { Answer } from '../../cache.ts';
import { errorFrom, isBilled, mayBlameParameter } from '../failures.ts';
import type { ChatBody } from '../parameters.ts';
import { readCompletion } from '../response.ts';
import { idOf, type BatchParts } from './slices.ts';

const lineSchema = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.int(), body: z.unknown() }).nullish(),
  error: z.object({ code: z.string().nullish() }).nullish(),
});
type Line = z.output<typeof lineSchema>;

/** What a finished batch has brought. */
interface Collected {
  answers: Answer[];
  /** Requests without an answer that may be billed all the same. */
  uncounted: ChatBody[];
  hasLearned: boolean;
  /** Requests that the batch did not get to. */
  unreached: number;
}

/** Keeps the answers of a finished batch; refused parameters are learned. */
export async function collect(
  parts: BatchParts,
  { output_file_id: output, error_file_id: errors }: OpenAI.Batch,
  bodies: readonly ChatBody[],
  signal: AbortSignal,
): Promise<Collected> {
  const left = new Map(bodies.map((body) => [idOf(body, parts), body]));
  const collected: Collected = { answers: [], uncounted: [], hasLearned: false, unreached: 0 };
  let isWhole = true;
  for (const id of [output, errors]) {
    if (!id) continue;
    const file = await unlessGone(parts.sdk.files.content(id, { signal: ownSignal(signal) }));
    if (file === undefined) {
      parts.progress.note(`batch: the server no longer has the file ${id}, and so none of its answers`);
      isWhole = false;
      continue;
    }
    for (const line of (await file.text()).split('\n')) {
      const read = readLine(line);
      const body = left.get(read?.custom_id ?? '');
      if (read === undefined || body === undefined || isUnreached(read)) continue;
      left.delete(read.custom_id);
      await collectLine(parts, read, body, collected);
    }
  }
  if (!isWhole) collected.uncounted.push(...left.values());
  collected.unreached = left.size;
  return collected;
}

/** Expired or cancelled before its turn. */
function isUnreached({ response, error }: Line): boolean {
  return !response && (!error || /expired|cancel/iu.test(error.code ?? ''));
}

async function collectLine(
  parts: BatchParts,
  { response }: Line,
  body: ChatBody,
  collected: Collected,
): Promise<void> {
  const { status_code: status, body: said } = response ?? {};
  if (status === undefined || status === 200) {
    const completion = readCompletion(JSON.stringify(said ?? null));
    if (!('content' in completion)) return void collected.uncounted.push(body);
    const answer = { ...parts.toAnswer(completion.content, body), batch: true };
    collected.answers.push(answer);
    return parts.cache.put(parts.keyOf(body), answer);
  }
  const error = errorFrom(said);
  const consequence = parts.classify(status, error);
  if (isBilled(consequence)) collected.uncounted.push(body);
  if (mayBlameParameter(consequence) && (await parts.learn(status, error, body))) collected.hasLearned = true;
}

function readLine(line: string): Line | undefined {
  if (line.trim() === '') return undefined;
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Undefined for a batch or a file that the server does not know (any more). */
export async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
