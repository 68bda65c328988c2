/** Stored answers of a chat model, from this program or from a published study: JSONL, one user a line. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';

const lineSchema = z.union([
  z.object({ userId: z.int(), text: z.string() }),
  z.object({
    userId: z.int(),
    titles: z.array(z.union([z.string(), z.object({ title: z.string(), reason: z.string().default('') })])),
  }),
]);

export interface StoredAnswer {
  userId: number;
  /** The reply as text; a list of titles becomes JSON, which the reply parser reads. */
  text: string;
}

/** Reads `{"userId": 425, "text": "..."}` or `{"userId": 425, "titles": [...]}` a line. Throws DataError with the line. */
export async function readStoredAnswers(path: string): Promise<StoredAnswer[]> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DataError({ place: path, found: 'no such file', wanted: 'stored answers as JSONL', cause });
  });
  const seen = new Set<number>();
  const answers: StoredAnswer[] = [];
  for (const [n, line] of content.split(/\r?\n/u).entries()) {
    if (line.trim() === '') continue;
    const answer = parseLine(line, `${path}:${n + 1}`);
    if (seen.has(answer.userId)) {
      throw new DataError({
        place: `${path}:${n + 1}`,
        found: `user ${answer.userId} again`,
        wanted: 'one line a user',
      });
    }
    seen.add(answer.userId);
    answers.push(answer);
  }
  if (answers.length === 0) throw new DataError({ place: path, found: 'no answer', wanted: 'JSON lines' });
  return answers;
}

function parseLine(line: string, place: string): StoredAnswer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new DataError({ place, found: 'not JSON', wanted: '{"userId": ..., "text": ...}', cause });
  }
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) {
    throw new DataError({ place, found: 'another form', wanted: 'userId, and text or titles' });
  }
  const { data } = parsed;
  return { userId: data.userId, text: 'text' in data ? data.text : JSON.stringify(data.titles) };
}
