import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeHistory, formOfHistory } from '../../src/language/history.ts';
import { findTemplate } from '../../src/language/prompt-file.ts';
import { buildChatMessages, nameTemplate, promptTemplates } from '../../src/language/templates.ts';
import { trainOn } from '../support/datasets.ts';

/** Released user id 1; titles "Movie n (1990 + n)", even ones dramas, odd ones comedies. */
const train = trainOn(
  [
    [0, 0, 5],
    [0, 1, 1],
    [0, 2, 3.5],
  ],
  1,
  6,
);
const offered = [
  { title: 'Movie 4 (1994)', genres: ['Drama'] },
  { title: 'Movie 5 (1995)', genres: [] },
];
const question = (name: keyof typeof promptTemplates, candidates = true) => {
  const template = promptTemplates[name];
  const history = describeHistory(train, 0, { form: template.form });
  return buildChatMessages(template, { history, count: 3, ...(candidates && { candidates: offered }) }).at(
    -1,
  )!.content;
};

async function fileWith(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'recsys-prompt-')), 'my prompt.txt');
  await writeFile(path, text);
  return path;
}

describe('built-in prompts', () => {
  it('write the history as a sentence, as a table, or as what was liked and disliked', () => {
    expect(question('zero-shot')).toContain(
      'User 1 has watched Movie 0 (1990), rated 5.0/5, Movie 1 (1991), rated 1.0/5, Movie 2 (1992), rated 3.5/5.',
    );
    expect(question('structured')).toContain('Movie 1 (1991) | Comedy | 1.0\n');
    expect(question('likes')).toContain(
      'Liked: Movie 0 (1990).\nDisliked: Movie 1 (1991).\nAlso watched: Movie 2 (1992).',
    );
    for (const form of ['sentence', 'table', 'likes'] as const) {
      expect(formOfHistory(describeHistory(train, 0, { form }).text)).toBe(form);
    }
  });

  it('name candidates with their genres where there are any', () => {
    expect(question('genres')).toContain('\n1. Movie 4 (1994) - Drama\n2. Movie 5 (1995)\n');
    expect(question('zero-shot')).toContain('\n1. Movie 4 (1994)\n2. Movie 5 (1995)\n');
  });

  it('end with the form of the answer, with numbers where there are candidates', () => {
    expect(question('likes', false)).toMatch(/Answer: \{"recommendations": \[\{"title"/);
    expect(question('likes')).toMatch(/Answer: \{"recommendations": \[\{"number": 1, "title"/);
  });

  it('have a name and a version, which examples and candidates change', () => {
    const name = (own: keyof typeof promptTemplates, examples = 0, hasCandidates = false) =>
      nameTemplate(promptTemplates[own], { examples, hasCandidates });
    expect([name('zero-shot'), name('zero-shot', 2), name('zero-shot', 0, true)]).toEqual([
      'chat/zero-shot@1',
      'chat/few-shot-2@1',
      'chat/zero-shot/candidates@1',
    ]);
    expect([name('few-shot'), name('structured', 2, true)]).toEqual([
      'chat/few-shot-shared@1',
      'chat/structured/few-shot-2/candidates@1',
    ]);
  });
});

describe('a prompt of one’s own', () => {
  it('has its slots filled, and braces of JSON left alone', async () => {
    const path = await fileWith(
      '[system]\nBe brief.\n[user]\n{likes}\n{tags}\nGive {count}: {"titles": []}\n',
    );
    const template = await findTemplate(path, false);
    expect(template.name).toMatch(/^file:my prompt[.]txt@[0-9a-f]{8}$/);
    const history = describeHistory(train, 0, { form: template.form });
    expect(buildChatMessages(template, { history, count: 3 })).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: `${history.text}\nGive 3: {"titles": []}` }, // no tags: no line
    ]);
  });

  it.each([
    ['blanks behind the marks', '[system] \nBe brief.\n[user]\t\n{history}', 'Be brief.'],
    ['a blank line before them', '\n  \n[system]\nBe brief.\n\n[user]\n\n{history}\n', 'Be brief.'],
    [
      'line ends of Windows and a byte order mark',
      '\uFEFF[system]\r\nBe brief.\r\n[user]\r\n{history}',
      'Be brief.',
    ],
    ['no system message', '[user]\n{history}', ''],
  ])('is read with %s', async (_, text, system) => {
    const template = await findTemplate(await fileWith(text), false);
    expect([template.system, template.user]).toEqual([system, '{history}']);
  });

  it.each([
    ['[system]\n{history}', 'the lines [system], expected [system] and then [user]'],
    ['[user]\n{history}\n[system]\nBe brief.', 'the lines [user], [system], expected'],
    ['[user]\n{history}\n[user]\nAgain.', 'the lines [user], [user], expected'],
    ['Be brief.\n[user]\n{history}', 'text before the line [user], expected'],
  ])('is refused with its messages out of order: %j', async (text, reason) => {
    await expect(findTemplate(await fileWith(text), false)).rejects.toThrow(reason);
  });

  it('is refused by the name of an unknown slot, without a history or with two, and where candidates do not fit', async () => {
    const refusal = async (text: string, hasCandidates = false) =>
      findTemplate(await fileWith(text), hasCandidates).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    expect(await refusal('{history} {histroy}')).toContain('the slot {histroy}');
    expect(await refusal('Recommend {count} films.')).toContain(
      'no slot that says what the user has watched',
    );
    expect(await refusal('{history} {ratings}')).toContain('several forms');
    expect(await refusal('{history} {candidates}')).toContain('no candidates');
    expect(await refusal('{history}', true)).toContain('no slot that shows them');
    expect(await refusal('{history} {task}', true)).toBe('accepted');
  });

  it('that does not exist is refused with the names that there are, and genres without candidates', async () => {
    await expect(findTemplate('zeroshot', false)).rejects.toThrow(/'zeroshot', expected zero-shot, few-shot/);
    await expect(findTemplate('genres', false)).rejects.toThrow(/no candidates/);
  });
});
