import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/models/chat/cache.ts';
import { readAnswer } from '../../../src/models/chat/reading.ts';

const whole = '{"recommendations": [{"title": "The Matrix (1999)", "reason": "a {brace"}]}';
const cut = '{"recommendations": [{"title": "The Matrix (1999)", "reason": "a"}, {"ti';

function answer(parts: Partial<Answer>): Answer {
  const usage = { input: 1, output: 1 };
  return { text: '', refusal: null, finishReason: 'stop', model: 'm', usage, latencySeconds: 0, ...parts };
}

describe('the state of an answer', () => {
  it.each<[string, Partial<Answer>, number]>([
    ['answered', { text: whole }, 1],
    ['answered', { text: `Here:\n\`\`\`json\n${whole}\n\`\`\`` }, 1],
    ['truncated', { text: cut, finishReason: 'length' }, 1],
    ['truncated', { text: cut }, 1],
    ['truncated', { text: '', finishReason: 'length' }, 0],
    ['filtered', { text: cut, finishReason: 'content_filter' }, 1],
    ['filtered', { text: '', finishReason: 'content_filter' }, 0],
    ['tool-call', { toolCall: whole, finishReason: 'tool_calls' }, 1],
    ['answered', { text: whole, toolCall: '{"other": 1}' }, 1],
    ['refused', { refusal: 'No.' }, 0],
    ['empty', { text: ' \n' }, 0],
    ['empty-list', { text: '{"recommendations": []}' }, 0],
    ['malformed', { text: 'asdf' }, 0],
  ])('is %s for %j, with %i entries', (state, parts, entries) => {
    const read = readAnswer(answer(parts));
    expect([read.state, read.entries.length]).toEqual([state, entries]);
  });
});
