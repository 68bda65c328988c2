import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addFlags, flagName, readFlags } from '../../../src/commands/shared/flags.ts';

const schema = z.object({
  testShare: z.number().gt(0).lt(1).default(0.2).describe('share held out'),
  k: z
    .array(z.int())
    .default([5, 10])
    .describe('cut-offs')
    .transform((list) => list.toSorted((a, b) => a - b)),
  split: z.enum(['random', 'temporal']).default('random').describe('kind of split'),
  dryRun: z.boolean().default(false).describe('send no request'),
  cache: z.boolean().default(true).describe('do not read stored answers'),
  users: z.string().optional().meta({ placeholder: 'ids' }).describe('whom to ask'),
});

function parse(...argv: string[]): z.output<typeof schema> {
  const command = addFlags(new Command('x').exitOverride().configureOutput({ writeErr: () => {} }), schema);
  command.parse(argv, { from: 'user' });
  return readFlags(schema, command.opts());
}

describe('flags from a schema', () => {
  it('take their defaults from the schema when nothing is typed', () => {
    expect(parse()).toEqual({ testShare: 0.2, k: [5, 10], split: 'random', dryRun: false, cache: true });
  });

  it('read numbers, lists, choices, switches and texts', () => {
    expect(
      parse(
        '--test-share',
        '0.3',
        '--k',
        '1,20',
        '--split',
        'temporal',
        '--dry-run',
        '--no-cache',
        '--users',
        '4',
      ),
    ).toEqual({ testShare: 0.3, k: [1, 20], split: 'temporal', dryRun: true, cache: false, users: '4' });
  });

  it('show name, placeholder, description and default in the help text', () => {
    const help = addFlags(new Command('x'), schema).helpInformation().replaceAll(/\s+/g, ' ');
    expect(help).toContain('--test-share <n> share held out (default: 0.2)');
    expect(help).toContain('--k <list> cut-offs (default: 5,10)');
    expect(help).toContain('(choices: "random", "temporal")');
    expect(help).toContain('--no-cache');
    expect(help).toContain('--users <ids>');
  });

  it('refuse a value that is no number before the schema sees it', () => {
    expect(() => parse('--test-share', 'x')).toThrow(/argument 'x' is invalid. Expected a number/);
    expect(() => parse('--k', '5,x')).toThrow(/argument '5,x' is invalid/);
  });

  it('refuse a value outside its range as wrong usage, naming the flag', () => {
    expect(() => parse('--test-share', '2')).toThrow(/^--test-share: /);
    expect(() => parse('--k', '1.5')).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
  });

  it('refuse flags that no schema has', () => {
    expect(() => parse('--topn', '3')).toThrow(/unknown option '--topn'/);
  });

  it('write camelCase as kebab-case', () => {
    expect(flagName('maxCost')).toBe('--max-cost');
  });
});
