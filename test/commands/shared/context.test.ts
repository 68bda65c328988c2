import { expect, it } from 'vitest';
import { commandLine } from '../../../src/commands/shared/context.ts';

it('what was typed is shown without the passwords in addresses', () => {
  const { argv } = process;
  process.argv = ['node', 'recsys', 'run', 'plan.yaml', '--queue', 'rediss://me:secret@host:6379'];
  try {
    expect(commandLine()).toBe('recsys run plan.yaml --queue rediss://host:6379');
  } finally {
    process.argv = argv;
  }
});
