import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReply } from '../../src/language/reply.ts';

const two = [
  { title: 'The Matrix (1999)', reason: 'You like science fiction.' },
  { title: 'Alien (1979)', reason: 'Tense.' },
];

describe('reading a reply', () => {
  it.each([
    ['structured JSON', JSON.stringify({ recommendations: two })],
    ['a bare array', JSON.stringify(two)],
    [
      'JSON in a code fence with words around it',
      `Sure!\n\`\`\`json\n${JSON.stringify({ movies: two })}\n\`\`\`\nEnjoy {it}!`,
    ],
    [
      'other field names',
      JSON.stringify([
        { movie: two[0]!.title, why: two[0]!.reason },
        { name: 'Alien', year: 1979, explanation: 'Tense.' },
      ]),
    ],
    ['a numbered list', '1. The Matrix (1999) - You like science fiction.\n2. Alien (1979): Tense.'],
    [
      'a numbered list in Markdown',
      'Here you are:\n\n1. **The Matrix (1999)** – You like science fiction.\n2. **"Alien" (1979)** — Tense.\n',
    ],
    [
      'the call of a function',
      JSON.stringify({ name: 'recommend', arguments: JSON.stringify({ recommendations: two }) }),
    ],
    [
      'LaTeX',
      '\\begin{enumerate}\n\\item The Matrix (1999) - You like science fiction.\n\\item Alien (1979): Tense.',
    ],
    ['ordinals', '1º The Matrix (1999) - You like science fiction.\n2º Alien (1979): Tense.'],
    ['a list with dashes', '- The Matrix (1999): You like science fiction.\n- Alien (1979) - Tense.'],
  ])('finds titles and reasons in %s', (_, text) => {
    expect(parseReply(text)).toEqual({ state: 'answered', entries: two });
  });

  it('takes numbers of candidates, with or without titles', () => {
    expect(parseReply('{"recommendations": [{"number": 3, "title": "X", "reason": "r"}, 7]}')).toEqual({
      state: 'answered',
      entries: [
        { title: 'X', reason: 'r', candidate: 3 },
        { title: '', reason: '', candidate: 7 },
      ],
    });
  });

  it('keeps the entries that are whole when an answer is cut off', () => {
    const text = JSON.stringify({ recommendations: two }).slice(0, -12);
    expect(parseReply(text, true)).toEqual({ state: 'truncated', entries: [two[0]] });
    expect(parseReply('1. The Matrix (1999) - You like science fiction.\n2. Alien (19', true)).toEqual({
      state: 'truncated',
      entries: [two[0]],
    });
  });

  it.each([
    ['', 'empty'],
    [' \n ', 'empty'],
    ["I'm sorry, but I can't help with that.", 'refused'],
    ['asdf qwer', 'malformed'],
    ['{"recommendations": []}', 'empty-list'],
    ['<think>Which ones?</think>', 'empty'],
    ['{{{{]]]]', 'malformed'],
  ])('%j is %s', (text, state) => {
    expect(parseReply(text).state).toBe(state);
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((text) => text.slice(0, -3)),
        ),
        fc.boolean(),
        (text, cut) => {
          const reply = parseReply(text, cut);
          if ('entries' in reply) for (const { title } of reply.entries) expect(typeof title).toBe('string');
        },
      ),
      { seed: 5, numRuns: 2000 },
    );
  });
});
