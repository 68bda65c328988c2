import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/loader.ts';
import { splitRatings } from '../../src/data/split.ts';
import { reproducible } from '../../src/experiment/reproduce.ts';
import { toNaturalTitle } from '../../src/language/titles.ts';
import { Rng } from '../../src/util/rng.ts';
import { chatCommand, type ChatCommand } from '../support/chat-command.ts';
import { chatServer, CUT, type ChatBody, type ChatServer } from '../support/chat-server.ts';
import { recsys } from '../support/cli.ts';

const KEY = 'sk-live-9876543210fedcba';
let command: ChatCommand;
const openai = (...more: string[]) => command.openai(...more);
const record = () => command.record();

beforeEach(async () => {
  const common = ['--compare-with', 'popularity-count', '--retries', '0'];
  command = await chatCommand(goodAnswer, common, { OPENAI_API_KEY: KEY });
});
afterEach(() => command.server.close());

/** Recommends films 1 to 12, whatever is asked, as structured JSON. */
function goodAnswer(): string {
  const recommendations = Array.from({ length: 12 }, (_, n) => ({
    title: `The Film ${n + 1} (${1981 + n - 1})`,
    reason: 'You like dramas.',
  }));
  return JSON.stringify({ recommendations });
}

const userOf = ({ messages }: ChatBody) => Number(/^User (\d+) /.exec(messages.at(-1)!.content)![1]);

describe('recsys openai', () => {
  it('asks once per user, grounds and scores the answers beside a baseline, and says that five users are few', async () => {
    const { code, stdout, stderr } = await openai('--num-users', '5');
    expect([code, command.server.requests.length]).toEqual([0, 5]);
    expect(stdout).toMatch(/openai +\*?0\.\d{4}/);
    expect(stdout).toMatch(/popularity-count +\*?0\.\d{4}/);
    expect(stdout).toContain('5 users are few');
    expect(stderr).toContain('saved results/openai_recommendations.json');
    const { models, language } = await record();
    expect(models.map(({ users }) => users.evaluated)).toEqual([5, 5]);
    expect(models[1]!.perUser.userIds).toEqual(models[0]!.perUser.userIds);
    expect(language.users).toHaveLength(5);
    expect(language.users[0]).toMatchObject({ state: 'answered', recommendations: { length: 12 } });
    const [first] = language.users[0]!.recommendations;
    expect(first).toMatchObject({
      rank: 1,
      text: 'The Film 1 (1980)',
      movieId: 1,
      reason: 'You like dramas.',
    });
    expect(language.shares['normalized']! + language.shares['already-seen']!).toBeCloseTo(1, 12);
    expect(language.reasons).toMatchObject([{ model: 'openai', reasons: 60, withClaims: 60 }]); // 'You like dramas.'
    expect(stdout).toContain('Reasons of openai: 60 of 60 name movies');
    expect(language.details).toMatchObject({ inputTokens: 500, outputTokens: 250, costUsd: 0.00375 });
  });

  it('makes no request the second time and gives the same record', async () => {
    await openai('--num-users', '5');
    const first = await record();
    await openai('--num-users', '5');
    expect(command.server.requests).toHaveLength(5);
    expect(reproducible(await record())).toEqual(reproducible(first));
  });

  it('records every outcome and scores those without a list 0', async () => {
    const outcomes: Record<number, ReturnType<Parameters<ChatServer['behave']>[0]>> = {
      1: goodAnswer(),
      2: '1. The Film 7 (1986) - a drama\n2. Film 8, The (1987) - another',
      3: { message: { refusal: 'I cannot.' } },
      4: { message: { content: goodAnswer().slice(0, 150) }, finishReason: 'length' },
      5: 'asdf',
      6: '',
      7: { status: 500, error: { message: 'boom' } },
      8: CUT,
    };
    command.server.behave((body) => outcomes[userOf(body)]!);
    const { code, stdout } = await openai('--users', '1,2,3,4,5,6,7,8', '--threshold', '0');
    expect(code).toBe(0);
    const { language, models } = await record();
    expect(language.users.map(({ state }) => state)).toEqual([
      'answered',
      'answered',
      'refused',
      'truncated',
      'malformed',
      'empty',
      'failed',
      'failed',
    ]);
    expect(models[0]!.users).toMatchObject({ evaluated: 8, emptyLists: 5 });
    expect(stdout).toContain('2 answered, 1 refused, 1 truncated, 1 malformed, 1 empty, 2 failed');
    expect(language.users[6]!.reply).toBe('status 500: boom');
  });

  it('continues after kill -9 in the middle of 50 users: no user is asked twice, and the record is the same', async () => {
    const argv = ['--num-users', '50', '--concurrency', '2'];
    let killed = false;
    let running: { kill(signal: 'SIGKILL'): boolean } | undefined;
    command.server.behave((_, n) => {
      if (n === 20) {
        killed = true;
        running!.kill('SIGKILL');
      }
      return goodAnswer();
    });
    await recsys(
      [
        'openai',
        '--dataset',
        command.dataset,
        '--base-url',
        command.server.url,
        '--compare-with',
        'popularity-count',
        '--retries',
        '0',
        ...argv,
      ],
      { cwd: command.cwd, env: { OPENAI_API_KEY: KEY }, onStart: (child) => (running = child) },
    );
    expect(killed).toBe(true);
    const before = command.server.requests.length;
    command.server.behave(goodAnswer);
    await openai(...argv);
    const asked = command.server.requests.map(({ body }) => userOf(body));
    const askedBefore = new Set(asked.slice(0, before));
    const again = asked.slice(before).filter((user) => askedBefore.has(user));
    expect(again.length).toBeLessThanOrEqual(2); // those under way when it was killed
    const resumed = await record();

    command.cwd = await mkdtemp(join(tmpdir(), 'recsys-openai-'));
    await openai(...argv);
    expect(reproducible(resumed)).toEqual(reproducible(await record()));
  });

  it('never shows a test movie in a prompt, few-shot examples included', async () => {
    await openai('--num-users', '20', '--few-shot', '2');
    const data = await loadDataset(command.dataset);
    const { test } = splitRatings(
      data,
      { kind: 'per-user-random', testShare: 0.2 },
      new Rng(42).derive('split'),
    );
    const hidden = new Map<number | string, string[]>();
    test.users.forEach((user, n) => {
      const id = data.userIds[user]!;
      hidden.set(id, [...(hidden.get(id) ?? []), toNaturalTitle(data.movies.titles[test.items[n]!]!)]);
    });
    for (const { body } of command.server.requests) {
      expect(body.messages).toHaveLength(6);
      for (const { content } of body.messages) {
        const id = Number(/^User (\d+) /.exec(content)?.[1] ?? 0);
        for (const title of hidden.get(id) ?? []) expect(content.split('\n')[0]).not.toContain(title);
      }
      for (const [example, answer] of [
        [1, 2],
        [3, 4],
      ] as const) {
        const id = Number(/^User (\d+) /.exec(body.messages[example]!.content)![1]);
        for (const title of hidden.get(id)!) expect(body.messages[answer]!.content).not.toContain(title);
      }
    }
  });

  it('retrieves candidates, takes their numbers, and reports the ceiling', async () => {
    command.server.behave(() =>
      JSON.stringify({
        recommendations: [
          { number: 2, title: '', reason: 'r' },
          { number: 99, title: 'y', reason: 'r' },
          { number: 3, title: 'No Candidate (1950)', reason: 'r' },
          { number: 4, title: '', reason: 'r' },
        ],
      }),
    );
    const { stdout } = await openai('--num-users', '3', '--candidates', 'bm25:20');
    const prompt = command.server.requests[0]!.body.messages.at(-1)!.content;
    expect(prompt.match(/^\d+\. /gm)).toHaveLength(20);
    const { language } = await record();
    expect(language.template).toBe('chat/zero-shot/candidates@1');
    expect(language.shares).toMatchObject({
      exact: expect.closeTo(0.5, 12),
      'outside-candidates': 0.25,
      'number-mismatch': 0.25,
    });
    expect(language.details['candidateRecall']).toBeGreaterThan(0);
    expect(stdout).toContain('Recall of the candidate lists');
  });

  it('blends with a baseline by a weight chosen on validation users', async () => {
    await openai('--num-users', '4', '--hybrid', 'popularity-count');
    expect(command.server.requests).toHaveLength(8); // four validation users as well
    const { models, language } = await record();
    expect(models.map(({ name }) => name)).toEqual(['openai', 'popularity-count', 'openai+popularity-count']);
    expect(language.details['hybridWeight']).toBeGreaterThanOrEqual(0);
    const weightless = await openai(
      '--num-users',
      '4',
      '--hybrid',
      'popularity-count',
      '--hybrid-weight',
      '0',
    );
    expect(weightless.code).toBe(0);
    const [, baseline, blend] = (await record()).models;
    expect(blend!.perUser).toEqual(baseline!.perUser); // all the weight is on the baseline
  });

  it('scores stored answers with --replay as it scored the live ones, without a request or a key', async () => {
    const live = await openai('--num-users', '5');
    const lines = (await record()).language.users.map(({ userId, reply }) =>
      JSON.stringify({ userId, text: reply }),
    );
    await writeFile(join(command.cwd, 'answers.jsonl'), `${lines.join('\n')}\n`);
    await command.server.close();
    const argv = [
      'openai',
      '--dataset',
      command.dataset,
      '--replay',
      'answers.jsonl',
      '--compare-with',
      'popularity-count',
    ];
    const replayed = await recsys(argv, { cwd: command.cwd, env: { OPENAI_API_KEY: '' } });
    expect(replayed.code).toBe(0);
    expect(replayed.stdout).toContain('their tokens and cost are not known');
    /** Without the last column, the time: reading answers from a file has none. */
    const table = ({ stdout }: { stdout: string }) =>
      stdout
        .split('Means over users')[0]!
        .replace(/ +(?:<?[\d.,]+ s|–|time)$/gm, '')
        .replace(/─+/g, '─');
    expect(table(replayed)).toBe(table(live));
    command.server = await chatServer(goodAnswer);
  });

  it('reproduces from the recorded answers, whatever their state, without a request', async () => {
    const outcomes: Record<number, ReturnType<Parameters<ChatServer['behave']>[0]>> = {
      2: { message: { refusal: 'I cannot.' } },
      3: { message: { content: goodAnswer().slice(0, 150) }, finishReason: 'length' },
      4: '',
      5: { status: 500, error: { message: 'boom' } },
    };
    command.server.behave((body) => outcomes[userOf(body)] ?? goodAnswer());
    await openai(
      '--users',
      '1,2,3,4,5',
      '--hybrid',
      'mf',
      '--hybrid-weight',
      '0.5',
      '--candidates',
      'bm25:20',
    );
    const requests = command.server.requests.length;
    const argv = ['reproduce', 'results/openai_recommendations.json'];
    const { code, stdout } = await recsys(argv, { cwd: command.cwd });
    expect([code, command.server.requests.length]).toEqual([0, requests]);
    expect(stdout).toContain('reproduced to the digit (openai, popularity-count, openai+mf)');
    expect(stdout).toContain('The answers were taken from the record; no request was made.');

    const changed = await record();
    changed.language.users[0]!.reply = '1. The Film 7 (1986) - a drama';
    await writeFile(join(command.cwd, argv[1]!), JSON.stringify({ ...changed, checksum: undefined }));
    const differs = await recsys(argv, { cwd: command.cwd });
    expect(differs.code).toBe(1);
    expect(differs.stderr).toMatch(/models\.0\.users\.emptyLists: recorded 3, found 4/);
  });

  it('reproduces histories that the tokens of the server have cut, and those of records that do not say how', async () => {
    // Three tokens a word: far from ours.
    command.server.serve('/tokenize', (body) => {
      const { content } = JSON.parse(body) as { content: string };
      return { raw: JSON.stringify({ count: 3 * content.split(' ').length }) };
    });
    const limits = ['--seeds', '1,2', '--num-users', '5', '--history-tokens', '120'];
    await openai(...limits);
    const argv = ['reproduce', 'results/openai_recommendations.json'];
    const { language } = await record();
    expect(language.truncatedHistories).toBe(5);
    const fits = language.users.map(({ history }) => 3 * history.split(' ').length <= 120);
    expect(fits).toEqual([true, true, true, true, true]);
    expect((await recsys(argv, { cwd: command.cwd })).stdout).toContain('reproduced to the digit');

    const path = join(command.cwd, 'results/openai_recommendations.json');
    const withoutCounts = JSON.stringify({ ...(await record()), checksum: undefined }).replaceAll(
      /,"includedMovies":\d+/g,
      '',
    );
    await writeFile(path, withoutCounts);
    const older = await recsys(argv, { cwd: command.cwd });
    expect(older.stderr).toContain('history'); // cut by our tokens, as before
    expect(older.stderr).not.toContain('includedMovies');
  });

  it('replays lists of titles and names the line of a bad one', async () => {
    await writeFile(
      join(command.cwd, 'a.jsonl'),
      '{"userId": 1, "titles": ["The Film 7 (1986)", {"title": "Film 8, The (1987)"}]}\n{"userId": 2}\n',
    );
    const argv = ['openai', '--dataset', command.dataset, '--replay', 'a.jsonl'];
    const { code, stderr } = await recsys(argv, { cwd: command.cwd });
    expect([code, stderr]).toEqual([
      1,
      'error: a.jsonl:2: another form, expected userId, and text or titles. Mend that line, or delete it.\n',
    ]);
  });

  it('finds a title with a dash of its own in a line of a replayed answer', async () => {
    const movies = join(command.dataset, 'movies.csv');
    const longer = 'Star Wars: Episode IV - A New Hope (1983)';
    await writeFile(movies, (await readFile(movies, 'utf8')).replace('"Film 4, The (1983)"', longer));
    const text = '1. Star Wars: Episode IV - A New Hope - a space opera';
    const answers = Array.from({ length: 60 }, (_, n) => JSON.stringify({ userId: n + 1, text }));
    await writeFile(join(command.cwd, 'a.jsonl'), answers.join('\n'));
    const argv = [
      'openai',
      '--dataset',
      command.dataset,
      '--replay',
      'a.jsonl',
      '--compare-with',
      'popularity',
    ];
    const { code } = await recsys(argv, { cwd: command.cwd });
    const { language } = await record();
    const found = language.users.flatMap(({ recommendations }) => recommendations);
    expect(code).toBe(0);
    expect(new Set(found.map(({ movieId, reason }) => `${movieId} ${reason}`))).toEqual(
      new Set(['4 a space opera']),
    );
  });

  it('prints tokens and cost with --dry-run and sends no request', async () => {
    const { stdout } = await openai('--dry-run', '--num-users', '3', '--verbose');
    expect(stdout).toMatch(
      /^gpt-4o: 3 users, [\d,]+ input tokens, at most 3,000 output tokens, at most 0\.0\d+ USD/,
    );
    expect(stdout.match(/^User \d+ has watched /gm)).toHaveLength(3);
    expect(command.server.requests).toHaveLength(0);
  });

  it('stops before the request that could exceed --max-cost and keeps what came', async () => {
    const { code, stderr } = await openai('--num-users', '20', '--max-cost', '0.02', '--concurrency', '1');
    expect(code).toBe(1);
    expect(stderr).toMatch(/--max-cost: the next request could exceed 0\.02 USD/);
    const asked = command.server.requests.length;
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(30);
    await openai('--num-users', '20');
    expect(command.server.requests).toHaveLength(20);
  });

  it('counts what several seeds pay together: failed requests, and no kept answers', async () => {
    const seeds = ['--seeds', '1,2', '--num-users', '3'];
    // A request may cost 0.011 USD, and one that is cut may be billed: of two seeds with three of them each, four fit.
    command.server.behave((_, n) => (n === 0 ? goodAnswer() : CUT));
    const { code, stderr } = await openai(...seeds, '--max-cost', '0.05');
    expect([code, stderr]).toEqual([1, expect.stringContaining('--max-cost: the next request could exceed')]);
    command.server.behave(goodAnswer);
    await openai(...seeds);
    const asked = command.server.requests.length;
    expect((await openai(...seeds, '--max-cost', '0.000001')).code).toBe(0);
    expect(command.server.requests).toHaveLength(asked);
  });

  it('takes off half of a price of one’s own as of the list price, and not twice', async () => {
    const dry = ['--dry-run', '--num-users', '3', '--price-input', '0', '--price-output', '1000'];
    const costs = await Promise.all(
      [[], ['--flex'], ['--batch']].map(async (more) =>
        Number(/at most ([\d.]+) USD/.exec((await openai(...dry, ...more)).stdout)?.[1]),
      ),
    );
    expect(costs).toEqual([3, 1.5, 1.5]); // 3,000 tokens
    const both = await openai(...dry, '--flex', '--batch');
    expect([both.code, both.stderr]).toEqual([
      2,
      expect.stringContaining('--batch: --flex, expected one of the two'),
    ]);
  });

  it('stops at once for a refused key and never shows it', async () => {
    command.server.behave(() => ({ status: 401, error: { message: `Incorrect API key provided: ${KEY}` } }));
    const { code, stderr, stdout } = await openai('--num-users', '10', '--concurrency', '1', '--verbose');
    expect(code).toBe(1);
    expect(command.server.requests).toHaveLength(1);
    expect(stderr).toContain('the API key was refused (401)');
    expect(stderr + stdout).not.toContain(KEY);
  });

  it('refuses wrong usage before anything is asked', async () => {
    for (const argv of [
      ['--candidates', 'mf'],
      ['--candidates', 'x:5'],
      ['--price-input', '1'],
      ['--users', '999'],
    ]) {
      const { code, stderr } = await openai(...argv);
      expect([argv, code]).toEqual([argv, 2]);
      expect(stderr).toMatch(/^error: --/);
    }
    expect(command.server.requests).toHaveLength(0);
  });

  it('ends with the first reason and without a record when every request fails', async () => {
    command.server.behave(() => ({ raw: '{"detail": "the model is asleep"}', status: 418 }));
    const { code, stderr } = await openai('--num-users', '3');
    expect(code).toBe(1);
    expect(stderr).toContain('all 3 requests failed, the first with: status 418: the model is asleep');
    await expect(record()).rejects.toThrow(/ENOENT/);
  });

  it('ends without a record when no answer holds anything, and goes on from what is kept', async () => {
    const outcomes: Record<number, ReturnType<Parameters<ChatServer['behave']>[0]>> = {
      1: '',
      2: { message: { content: null }, finishReason: 'content_filter' },
      3: { status: 418, error: { message: 'I am a teapot' } },
      4: { message: { content: '<think>The person likes' }, finishReason: 'length' },
    };
    command.server.behave((body) => outcomes[userOf(body)] ?? goodAnswer());
    const { code, stderr, stdout } = await openai('--users', '1,2,3,4', '--threshold', '0');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'no recommendation in any of 4 answers: 1 failed, 1 empty, 1 filtered, 1 cut off before the first recommendation, ' +
        'the first with: status 418: I am a teapot',
    );
    expect(stderr + stdout).not.toContain('0.0000');
    await expect(record()).rejects.toThrow(/ENOENT/);
    // One good answer makes a record in which the others count; only what had no text is asked again.
    await openai('--users', '1,2,3,4,5', '--threshold', '0');
    const again = command.server.requests.slice(4).map(({ body }) => userOf(body));
    expect(again.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 5]); // several at once arrive in any order
    expect((await record()).models[0]!.users).toMatchObject({ evaluated: 5, emptyLists: 4 });
  });

  it('says how many failed, why, and what to run again', async () => {
    command.server.behave((body) =>
      userOf(body) === 2 ? { status: 418, error: { message: 'I am a teapot' } } : goodAnswer(),
    );
    const { stdout } = await openai('--users', '1,2,3', '--threshold', '0');
    expect(stdout).toContain(
      '1 of 3 users got no answer and score 0: status 418: I am a teapot (1). The same command asks again for them alone.',
    );
    command.server.behave(goodAnswer);
    await openai('--users', '1,2,3', '--threshold', '0');
    expect(command.server.requests.map(({ body }) => userOf(body)).slice(3)).toEqual([2]);
  });

  it('asks the named replacement of the default model when the server says that it is gone', async () => {
    command.server.behave(({ model }) =>
      model === 'gpt-4o'
        ? { status: 404, error: { message: 'The model gpt-4o has been deprecated', code: 'model_not_found' } }
        : goodAnswer(),
    );
    const { code, stdout, stderr } = await openai('--num-users', '2');
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('Model: gpt-6.1-sol, answered by gpt-6.1-sol'),
    ]);
    expect(stderr).toContain('gpt-6.1-sol is asked instead');
    expect((await record()).models[0]!.hyperparameters['model']).toBe('gpt-6.1-sol');
    const named = await openai('--num-users', '2', '--model', 'gpt-4o');
    expect([named.code, named.stderr]).toEqual([1, expect.stringContaining('--model gpt-6.1-sol')]);
  });

  it('warns in a dry run of the day on which the server shuts the model down', async () => {
    command.server.serve('/v1/models/gpt-6-luna', () => ({
      raw: '{"id": "gpt-6-luna", "shutdown_date": "2028-02-03"}',
    }));
    const { stdout } = await openai('--dry-run', '--num-users', '2', '--model', 'gpt-6-luna');
    expect(stdout).toContain('The server shuts gpt-6-luna down on 2028-02-03.');
    const half = await openai('--dry-run', '--num-users', '2', '--model', 'gpt-6-luna', '--batch');
    const cost = (text: string) => Number(/at most ([\d.]+) USD/.exec(text)![1]);
    expect(cost(half.stdout)).toBeCloseTo(cost(stdout) / 2, 3);
    expect(command.server.requests).toHaveLength(0);
  });

  it('records tokens by kind, what was changed and why, and the validation users of a hybrid', async () => {
    command.server.behave(({ seed }) =>
      seed === undefined ? goodAnswer() : { status: 400, error: { message: 'no seed here', param: 'seed' } },
    );
    await openai(
      '--num-users',
      '2',
      '--hybrid',
      'popularity-count',
      '--price-input',
      '1',
      '--price-output',
      '1',
    );
    expect((await record()).language.details).toMatchObject({
      answers: 4,
      answeredBy: ['gpt-4o-2024-08-06'],
      parameterChanges: [{ parameter: 'seed', change: 'left out', reason: 'no seed here' }],
      inputTokens: 400,
      outputTokens: 200,
      costUsd: 0.0006,
      pricesAsOf: 'given by the user',
    });
  });

  it('holds --max-cost for the validation users of a hybrid as well', async () => {
    // 100 in and 50 out each at 1000 USD a million: 0.15 USD, 0.75 for the five that are asked
    const argv = ['--num-users', '5', '--hybrid', 'popularity-count', '--max-output-tokens', '50'];
    const { code, stderr } = await openai(
      ...argv,
      '--price-input',
      '1000',
      '--price-output',
      '1000',
      '--max-cost',
      '1.3',
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('--max-cost: the next request could exceed 1.3 USD'),
    ]);
    expect(command.server.requests.length * 0.15).toBeLessThanOrEqual(1.3);
    expect(command.server.requests.length).toBeGreaterThan(5);
  });
});
