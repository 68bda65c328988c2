/** Answers on disk, one file each, under a hash of everything that shaped them: nothing is asked or paid for twice. */
import { join } from 'node:path';
import { z } from 'zod';
import { readTextFile, sha256, writeFileAtomic } from '../../util/files.ts';
import { waitForLock } from '../../util/process/lock.ts';

/** An answer as the server gave it. A refusal, a cut-off text or garbage is an answer too. */
export const answerSchema = z.object({
  text: z.string(),
  /** Arguments of a tool call in place of a text. */
  toolCall: z.string().optional(),
  refusal: z.string().nullable(),
  finishReason: z.string(),
  /** The model that answered, as the server names it. */
  model: z.string(),
  usage: z.object({
    input: z.int(),
    output: z.int(),
    /** Of the input: read from the server's prompt cache. */
    cached: z.int().optional(),
    /** Of the output: thoughts that are not shown. */
    reasoning: z.int().optional(),
    /** The server did not count; these are this program's estimates. */
    estimated: z.boolean().optional(),
  }),
  latencySeconds: z.number(),
  /** Came with a batch, at its price. */
  batch: z.boolean().optional(),
});

export type Answer = z.output<typeof answerSchema>;

export interface AnswerCache {
  get(request: unknown): Promise<Answer | undefined>;
  put(request: unknown, answer: Answer): Promise<void>;
  /** Runs `work` while no other run works on the same request. Rejects with the signal's reason when it fires. */
  exclusively<T>(request: unknown, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** What was learned of a server besides answers. */
  getFacts(subject: unknown): Promise<unknown>;
  putFacts(subject: unknown, facts: unknown): Promise<void>;
}

/** Is there something to keep? An empty answer is asked for again. */
export function hasContent({ text, toolCall, refusal }: Answer): boolean {
  return text.trim() !== '' || (toolCall ?? '').trim() !== '' || refusal !== null;
}

/** Keeps answers under `folder`. A file that is damaged counts as absent. The request must not contain the key. */
export function diskCache(folder: string): AnswerCache {
  const pathOf = (request: unknown) => {
    const hash = sha256(JSON.stringify(request));
    return join(folder, hash.slice(0, 2), `${hash}.json`);
  };
  return {
    async get(request) {
      const { answer } = await readJson(pathOf(request));
      const read = answerSchema.safeParse(answer).data;
      return read && hasContent(read) ? read : undefined;
    },
    put: (request, answer) => writeFileAtomic(pathOf(request), `${JSON.stringify({ request, answer })}\n`),
    async exclusively(request, signal, work) {
      const lock = await waitForLock(pathOf(request), signal);
      try {
        return await work();
      } finally {
        await lock.release();
      }
    },
    async getFacts(subject) {
      return (await readJson(pathOf(subject))).facts;
    },
    putFacts: (subject, facts) => writeFileAtomic(pathOf(subject), `${JSON.stringify({ subject, facts })}\n`),
  };
}

async function readJson(path: string): Promise<{ answer?: unknown; facts?: unknown }> {
  try {
    const value = JSON.parse(await readTextFile(path, 'an answer')) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Keeps nothing. */
export const noCache: AnswerCache = {
  get: async () => undefined,
  put: async () => {},
  exclusively: (_request, _signal, work) => work(),
  getFacts: async () => undefined,
  putFacts: async () => {},
};
