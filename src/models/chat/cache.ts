/** Answers on disk, one file each, under a hash of everything that shaped them: nothing is asked or paid for twice. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256, writeFileAtomic } from '../../util/files.ts';

/** An answer as the server gave it. A refusal, a cut-off text or garbage is an answer too. */
export const answerSchema = z.object({
  text: z.string(),
  refusal: z.string().nullable(),
  finishReason: z.string(),
  /** The model that answered, as the server names it. */
  model: z.string(),
  usage: z.object({ input: z.int(), output: z.int() }),
  latencySeconds: z.number(),
  /** The server does not take this response format: ask again without it. */
  unsupportedFormat: z.boolean().optional(),
});

export type Answer = z.output<typeof answerSchema>;

export interface AnswerCache {
  get(request: unknown): Promise<Answer | undefined>;
  put(request: unknown, answer: Answer): Promise<void>;
}

/** Keeps answers under `folder`. A file that is damaged counts as absent. The request must not contain the key. */
export function diskCache(folder: string): AnswerCache {
  const pathOf = (request: unknown) => {
    const hash = sha256(JSON.stringify(request));
    return join(folder, hash.slice(0, 2), `${hash}.json`);
  };
  return {
    async get(request) {
      try {
        const file = JSON.parse(await readFile(pathOf(request), 'utf8')) as { answer?: unknown };
        return answerSchema.safeParse(file.answer).data;
      } catch {
        return undefined;
      }
    },
    put: (request, answer) => writeFileAtomic(pathOf(request), `${JSON.stringify({ request, answer })}\n`),
  };
}

/** Keeps nothing. */
export const noCache: AnswerCache = { get: async () => undefined, put: async () => {} };
