#!/usr/bin/env node
/** argv to command, exit codes; the only place that prints an error or exits. Commands load their work lazily. */
import { CommanderError } from 'commander';
import { program } from './commands/program.ts';
import { RecsysError } from './util/errors.ts';
import { systemError } from './util/process/system-errors.ts';
import { printable } from './util/process/terminal.ts';

/** Prints an error for a person and returns the exit code: 2 for wrong usage, 130 for Ctrl-C, else 1. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
  const known = error instanceof RecsysError ? error : systemError(error);
  if (known !== undefined) {
    printError(`error: ${known.message}`);
    if (process.argv.includes('--verbose') && known.cause instanceof Error) {
      printError(`caused by: ${known.cause.message}`);
    }
    return known.exitCode;
  }
  const unexpected = error instanceof Error ? error : new Error(String(error));
  printError(`error: unexpected: ${unexpected.message}\nThis is a bug; --verbose shows where.`);
  if (process.argv.includes('--verbose')) printError(unexpected.stack ?? '');
  return 1;
}

function printError(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // `recsys ... | head`
  process.exitCode = report(error);
  process.exit();
});
process.stderr.on('error', () => {}); // an error cannot be shown on a closed terminal

try {
  const typed = process.argv.slice(2);
  await (await program(typed)).parseAsync(typed, { from: 'user' });
} catch (error) {
  process.exitCode = report(error);
}
