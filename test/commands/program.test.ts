import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/commands/program.ts';
import { examples } from '../../src/commands/shared/examples.ts';
import { recsys } from '../support/cli.ts';

/** "data list" to its command. */
function leaves(command: Command, path: string[] = []): Map<string, Command> {
  if (command.commands.length === 0) return new Map([[path.join(' '), command]]);
  return new Map(command.commands.flatMap((child) => [...leaves(child, [...path, child.name()])]));
}

/** Words of a command line, quotes taken away. */
function wordsOf(typed: string): string[] {
  return [...typed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
}

describe('examples of --help', () => {
  it('are two or more for every command but the worker, which recsys tune starts', async () => {
    const counts = [...leaves(await program()).keys()].map(
      (path) => [path, examples[path]?.length ?? 0] as const,
    );
    expect(counts.filter(([path, count]) => count < 2 && path !== 'worker')).toEqual([]);
  });

  for (const [path, own] of Object.entries(examples)) {
    for (const [typed] of own) {
      it(`${typed} is understood`, async () => {
        const root = await program();
        const ran: string[] = [];
        for (const [name, command] of leaves(root)) command.action(() => void ran.push(name));
        await root.parseAsync(wordsOf(typed).slice(1), { from: 'user' });
        expect(ran).toEqual([path]);
      });
    }
  }

  it('stand in the help of their command', async () => {
    const { stdout } = await recsys(['fit', 'mf', '--help']);
    for (const [typed] of examples['fit mf']!) expect(stdout).toContain(typed);
  });
});

describe('the help of recsys', () => {
  it('shows each command as the command itself would', async () => {
    const [all, listed] = [await program(), await program(['--help'])];
    expect(listed.helpInformation()).toBe(all.helpInformation());
  });

  it.each([
    [['mf', '--factors', '8'], ['mf']],
    [['--verbose', 'data', 'list'], ['data']],
    [['help', 'fit', 'mf'], ['fit']],
    [['helpful'], []],
    [[], []],
  ])('%j loads %j', async (typed, loaded) => {
    const { commands } = await program(typed);
    const own = commands.filter(({ options, commands }) => options.length + commands.length > 0);
    expect(own.map((command) => command.name())).toEqual(loaded);
  });
});

describe('recsys completion', () => {
  /** What bash offers after `words`, the last of which is being typed. */
  async function completed(...words: string[]): Promise<string[]> {
    const { stdout: script } = await recsys(['completion', 'bash']);
    const ask = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _recsys; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', ask]);
    return stdout.trim().split(' ');
  }

  it('offers commands, their commands, flags and choices in bash', async () => {
    expect(await completed('recsys', 'rec')).toEqual(['recommend']);
    expect(await completed('recsys', 'data', '')).toContain('download');
    expect(await completed('recsys', 'mf', '--fact')).toEqual(['--factors']);
    expect(await completed('recsys', 'mf', '--solver', '')).toEqual(['ials', 'sgd', 'bpr']);
  });

  it('writes a line for every command and flag for fish, and refuses an unknown shell', async () => {
    const { stdout } = await recsys(['completion', 'fish']);
    expect(stdout).toMatch(/-n '__fish_use_subcommand' -a serve -d '.+'/);
    expect(stdout).toMatch(/-n '__fish_seen_subcommand_from serve' -l port -d '.+'/);
    const { code, stderr } = await recsys(['completion', 'tcsh']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish')]);
  });
});
