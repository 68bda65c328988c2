import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chatCommand, type ChatCommand } from '../support/chat-command.ts';
import type { ChatBody } from '../support/chat-server.ts';
import { recsys } from '../support/cli.ts';

let command: ChatCommand;
const openai = (...more: string[]) => command.openai(...more);

beforeEach(async () => {
  command = await chatCommand(firstCandidates, ['--k', '3', '--compare-with', 'popularity']);
});
afterEach(() => command.server.close());

/** A model that takes the candidates in the order of the prompt: nothing but order decides. */
function firstCandidates({ messages }: ChatBody): string {
  const titles = [...messages.at(-1)!.content.matchAll(/^(\d+)[.] (.+?)(?: - .*)?$/gmu)];
  const recommendations = titles.slice(0, 3).map(([, number, title]) => ({
    number: Number(number),
    title,
    reason: 'You like Drama.',
  }));
  return JSON.stringify({ recommendations });
}

describe('recsys openai asked in several ways', () => {
  it('splits the variance, merges the lists, is reproduced from its record, and asks nothing twice', async () => {
    const flags = ['--num-users', '6', '--candidates', 'popularity-count:12', '--permutations', '3'];
    const more = ['--repeat', '2', '--prompt', 'zero-shot,genres'];
    const { code, stdout } = await openai(...flags, ...more);
    expect([code, command.server.requests.length]).toEqual([0, 6 * 3 * 2 * 2]);
    expect(command.server.requests.every(({ body }) => !('repeat' in body))).toBe(true);
    const { models, language } = await command.record();
    expect(models.map(({ name }) => name)).toEqual(['openai', 'popularity', 'openai-merged']);
    const noise = language.noise!;
    expect(noise.runs).toHaveLength(12);
    expect(noise.variance.repeats).toBe(0); // the same prompt gets the same answer
    expect(noise.variance.order).toBeGreaterThan(0);
    expect(noise.variance.wording).toBe(0); // nor do words decide
    expect(new Set(noise.runs.map(({ template }) => template)).size).toBe(2);
    expect(noise.gain.difference).toBeCloseTo(
      models[2]!.metrics['3']!.f1.mean - noise.runs.reduce((sum, { f1 }) => sum + f1, 0) / 12,
      12,
    );
    expect(stdout).toMatch(
      /Noise: 12 runs[.] Variance of F1@3: users \d+%, wording 0%, order \d+%, repeats 0%/,
    );

    await openai(...flags, ...more);
    expect(command.server.requests).toHaveLength(72); // all kept
    const again = await recsys(['reproduce', command.recordPath()], { cwd: command.cwd });
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('reproduced to the digit')]);
    const compared = await recsys(['compare'], { cwd: command.cwd });
    expect(compared.stdout).toContain('Where the variance of F1 comes from');
  });

  it('puts the same examples first for all users, over 1,024 tokens, so that they can be cached', async () => {
    const { code } = await openai('--num-users', '3', '--prompt', 'few-shot', '--model', 'gpt-4o');
    expect(code).toBe(0);
    const leads = command.server.requests.map(({ body }) => JSON.stringify(body.messages.slice(0, -1)));
    expect(new Set(leads).size).toBe(1);
    const dry = await openai('--num-users', '3', '--prompt', 'few-shot', '--model', 'gpt-4o', '--dry-run');
    const rows = dry.stdout.split('\n').filter((line) => /@1 /.test(line));
    expect(rows.map((line) => line.split('@')[0])).toEqual([
      'few-shot-shared',
      'zero-shot',
      'structured',
      'likes',
    ]);
    const [, , lead, most, cached] = rows[0]!.trim().split(/ +/);
    expect(Number(String(lead).replace(',', ''))).toBeGreaterThanOrEqual(1024);
    expect(Number(cached)).toBeLessThan(Number(most));
  });

  it('refuses orders of no candidates, and noise of stored answers', async () => {
    const order = await openai('--permutations', '2');
    expect([order.code, order.stderr]).toEqual([2, expect.stringContaining('no candidates to put in order')]);
    const noise = await openai('--replay', 'answers.jsonl', '--repeat', '2');
    expect([noise.code, noise.stderr]).toEqual([2, expect.stringContaining('one stored answer a user')]);
  });

  it('refuses a prompt that it does not know', async () => {
    const unknown = await openai('--prompt', 'zeroshot');
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("'zeroshot'")]);
    expect(command.server.requests).toHaveLength(0);
  });
});
