/** Stored answers of a chat model, from a file (this program's or a published study's) or from a record. */
import { MEND_LINE } from '../../data/files/records.ts';
import { idOf } from '../../data/ratings/values.ts';
import { z } from 'zod';
import { TitleIndex } from '../../language/titles.ts';
import type { Answer } from '../../models/chat/cache.ts';
import {
  createChatModel,
  requireAnswers,
  toExchange,
  type ChatExchange,
  type ChatFitted,
  type ChatParts,
} from '../../models/chat/index.ts';
import { countStates, rankExchanges } from '../../models/language-model.ts';
import type { Recommender } from '../../models/recommender.ts';
import { DataError } from '../../util/errors.ts';
import { readTextFile } from '../../util/files.ts';
import { parseJson } from '../../util/parse.ts';
import type { LanguageRecord } from '../record.ts';

/** What came of one request: an answer, or why there is none; and how much of the history it showed, where that is known. */
type Outcome = Parameters<typeof toExchange>[3] & { includedMovies?: number | undefined };

/** The outcome of each user by released id, as text: a file may write 425 or "425", whatever the data have. */
export interface StoredAnswers extends ReadonlyMap<string, Outcome> {
  readonly origin: 'file' | 'record';
}

class Stored extends Map<string, Outcome> implements StoredAnswers {
  readonly origin: StoredAnswers['origin'];

  constructor(origin: StoredAnswers['origin']) {
    super();
    this.origin = origin;
  }
}

/** A chat model that answers what is stored; a user without a stored answer gets an empty one. Makes no request. */
export function createReplay(parts: ChatParts, stored: StoredAnswers): Recommender<ChatFitted> {
  return {
    name: 'openai',
    async fit(train, context) {
      const outcomeOf = (user: number) => stored.get(String(train.userIds[user]));
      const includedMovies = (user: number) => outcomeOf(user)?.includedMovies;
      const asked = await createChatModel({ ...parts, includedMovies }).fit(train, context);
      const titles = new TitleIndex(train.movies);
      const exchanges: ChatExchange[] = [];
      return {
        questions: (users, k) => asked.questions(users, k),
        template: asked.template,
        exchanges,
        get facts() {
          return countStates(exchanges);
        },
        async recommend(users, k) {
          const answered = (await asked.questions(users, k)).map((question) =>
            toExchange(train, titles, question, outcomeOf(question.user) ?? { answer: answerOf('') }),
          );
          exchanges.push(...answered);
          requireAnswers(answered);
          return rankExchanges(answered, k);
        },
      };
    },
  };
}

function answerOf(text: string, parts: Partial<Answer> = {}): Answer {
  const usage = { input: 0, output: 0 };
  return { text, refusal: null, finishReason: 'stop', model: '', usage, latencySeconds: 0, ...parts };
}

type RecordedUser = LanguageRecord['language']['users'][number];

/** The answers that a record holds, so that it can be scored again without asking. */
export function answersOfRecord(
  {
    users,
  }: {
    users: readonly (Pick<RecordedUser, 'userId' | 'state' | 'reply'> & Partial<RecordedUser>)[];
  },
  origin: StoredAnswers['origin'],
): StoredAnswers {
  const stored = new Stored(origin);
  for (const { userId, state, reply, includedMovies } of users) {
    const outcome = state === 'failed' ? { failure: reply } : { answer: answerInState(state, reply) };
    stored.set(String(userId), { ...outcome, includedMovies });
  }
  return stored;
}

function answerInState(state: string, reply: string): Answer {
  switch (state) {
    case 'truncated':
      return answerOf(reply, { finishReason: 'length' });
    case 'filtered':
      return answerOf(reply, { finishReason: 'content_filter' });
    case 'tool-call':
      return answerOf('', { toolCall: reply });
    case 'refused':
      return answerOf(reply, { refusal: reply });
    default:
      return answerOf(reply);
  }
}

const idSchema = z.union([z.int(), z.string()]);
const lineSchema = z.union([
  z.object({ userId: idSchema, text: z.string() }),
  z.object({
    userId: idSchema,
    titles: z.array(z.union([z.string(), z.object({ title: z.string(), reason: z.string().default('') })])),
  }),
]);

/**
 * Reads `{"userId": 425, "text": "..."}` or `{"userId": 425, "titles": [...]}` a line; a list of titles becomes JSON,
 * which the reply parser reads. Throws DataError with the line.
 */
export async function readStoredAnswers(path: string): Promise<StoredAnswers> {
  const content = (await readTextFile(path, 'stored answers as JSONL')).replace(/^\uFEFF/u, '');
  const stored = new Stored('file');
  for (const [n, line] of content.split(/\r?\n/u).entries()) {
    if (line.trim() === '') continue;
    const { userId, text } = parseLine(line, `${path}:${n + 1}`);
    if (stored.has(userId)) {
      throw new DataError({
        place: `${path}:${n + 1}`,
        found: `user ${userId} again`,
        wanted: 'one line a user',
        remedy: 'Delete one of the two lines.',
      });
    }
    stored.set(userId, { answer: answerOf(text) });
  }
  if (stored.size === 0)
    throw new DataError({
      place: path,
      found: 'no answer',
      wanted: 'JSON lines',
      remedy: 'Write a line for each user: {"userId": 425, "text": "..."}.',
    });
  return stored;
}

function parseLine(line: string, place: string): { userId: string; text: string } {
  const wanted = '{"userId": ..., "text": ...}';
  const parsed = lineSchema.safeParse(parseJson(line, { place, wanted, remedy: MEND_LINE }));
  if (!parsed.success) {
    throw new DataError({
      place,
      found: 'another form',
      wanted: 'userId, and text or titles',
      remedy: MEND_LINE,
    });
  }
  const { data } = parsed;
  return {
    userId: String(idOf(String(data.userId))),
    text: 'text' in data ? data.text : JSON.stringify(data.titles),
  };
}
