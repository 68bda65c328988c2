import { describe, expect, it } from 'vitest';
import { answerSchema } from '../../../src/models/chat/cache.ts';
import { classify, readServerError } from '../../../src/models/chat/openai/failures.ts';
import { readCompletion, toAnswer } from '../../../src/models/chat/openai/response.ts';
import { readWaitInWords } from '../../../src/models/chat/openai/waits.ts';
import { readAnswer } from '../../../src/models/chat/reading.ts';
import { Rng } from '../../../src/util/rng.ts';

/** Bodies as servers send them; mutations of these are what a broken one could send. */
const bodies = [
  {
    model: 'gpt-4o-2024-08-06',
    choices: [
      {
        index: 0,
        finish_reason: 'stop',
        message: {
          role: 'assistant',
          content:
            '{"recommendations": [{"title": "The Matrix (1999)", "reason": "fits"}, {"title": "Heat (1995)"}]}',
          refusal: null,
        },
      },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 10 } },
  },
  {
    choices: [
      {
        finish_reason: 'tool_calls',
        message: { content: null, tool_calls: [{ function: { arguments: '{"recommendations": []}' } }] },
      },
    ],
  },
  {
    choices: [
      {
        finish_reason: null,
        message: { content: [{ type: 'thinking', thinking: [{ text: 'x' }] }, { text: '1. Heat' }] },
      },
    ],
    usage: { prompt_tokens: '7' },
  },
  {
    error: { message: 'Rate limit reached. Please try again in 4s.', type: 'tokens', code: 429, param: null },
  },
  { detail: [{ loc: ['body', 'seed'], msg: 'Extra inputs are not permitted' }] },
];

const strange: unknown[] = [
  null,
  0,
  -1,
  1e308,
  '',
  'x',
  '\u0000\uD800',
  true,
  [],
  {},
  [[]],
  { toString: 1 },
  '🎬'.repeat(50),
  '[{"title":'.repeat(20),
];

/** One value at a random place of the body is replaced, removed or moved into a list. */
function mutate(value: unknown, rng: Rng): unknown {
  if (typeof value !== 'object' || value === null || rng.int(4) === 0)
    return strange[rng.int(strange.length)];
  if (Array.isArray(value)) {
    const copy = [...(value as unknown[])];
    const at = rng.int(copy.length + 1);
    copy[at] = mutate(copy[at], rng);
    return copy;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return [value];
  const at = rng.int(entries.length);
  if (rng.int(8) === 0) entries.splice(at, 1);
  else entries[at] = [entries[at]![0], mutate(entries[at]![1], rng)];
  return Object.fromEntries(entries);
}

/** Characters of the text are replaced, or its end is missing. */
function damage(text: string, rng: Rng): string {
  const at = rng.int(text.length + 1);
  if (rng.int(3) === 0) return text.slice(0, at);
  return text.slice(0, at) + ['"', '{', ']', '\\', '<', '\u0000'][rng.int(6)]! + text.slice(at + rng.int(3));
}

describe('a body that is nested deeper than the stack', () => {
  it('is unreadable, or an error without words', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(readCompletion(`{"choices": [{"message": {"content": ${deep}}}]}`)).toBeTypeOf('object');
    expect(readServerError(`{"detail": ${deep}}`).message).not.toBe('');
  });
});

describe('10,000 mutated answers', () => {
  it('are an answer of the kept form, an error with words, or unreadable: nothing throws', () => {
    const rng = new Rng(19).derive('hostile');
    const kinds = { content: 0, error: 0, unreadable: 0 };
    for (let n = 0; n < 10_000; n++) {
      const mutated = mutate(mutate(bodies[rng.int(bodies.length)], rng), rng);
      const text = rng.int(2) === 0 ? JSON.stringify(mutated) : damage(JSON.stringify(mutated), rng);
      const completion = readCompletion(text);
      if ('content' in completion) {
        kinds.content++;
        const answer = toAnswer(completion.content, {
          asked: 'm',
          inputTokens: 10,
          countTokens: (written) => written.length,
          redact: (written) => written,
          latencySeconds: 0,
        });
        expect(answerSchema.safeParse(answer).error).toBeUndefined();
        const { input, output } = answer.usage;
        expect(input > 0 && output >= 0).toBe(true);
        expect(typeof readAnswer(answer).state).toBe('string');
      } else if ('error' in completion) {
        kinds.error++;
        expect(completion.error.message).not.toBe('');
        expect(classify(completion.status, completion.error, 'm').kind).toBeTypeOf('string');
        readWaitInWords(completion.error.message);
      } else {
        kinds.unreadable++;
        expect(completion.unreadable).not.toBe('');
      }
      expect(readServerError(text).message).not.toBe('');
    }
    // each kind is met often enough to mean something
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(500);
  });
});
