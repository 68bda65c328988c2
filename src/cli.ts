#!/usr/bin/env node
/** argv to command, exit codes; the only place that prints an error or exits. Commands load their work lazily. */
import { Command, CommanderError } from 'commander';
import { baselineCommand, modelCommands } from './commands/baseline.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { compareCommand } from './commands/compare.ts';
import { dataCommand } from './commands/data.ts';
import { exploreCommand } from './commands/explore.ts';
import { fitCommand } from './commands/use/fit.ts';
import { finetuneGpt2Command } from './commands/finetune-gpt2.ts';
import { openAiCommand } from './commands/openai.ts';
import { probeCommand } from './commands/probe.ts';
import { recommendCommand } from './commands/use/recommend.ts';
import { reproduceCommand } from './commands/reproduce.ts';
import { runCommand } from './commands/run.ts';
import { runsCommand } from './commands/runs.ts';
import { tuneCommand } from './commands/tune/tune.ts';
import { workerCommand } from './commands/tune/worker.ts';
import { serveCommand } from './commands/use/serve.ts';
import { RecsysError } from './util/errors.ts';
import { packageVersion } from './util/package.ts';
import { systemError } from './util/process/system-errors.ts';
import { printable } from './util/process/terminal.ts';

function program(): Command {
  const root = new Command('recsys')
    .description('Compare ways of recommending movies on MovieLens under one protocol.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeErr: (text) => void process.stderr.write(printable(text)) })
    .showHelpAfterError('See --help.');
  root.addHelpText(
    'after',
    '\nStart here:\n  recsys baseline            popularity, MF and FM on the embedded data\n',
  );
  const commands = [
    baselineCommand(),
    ...modelCommands(),
    compareCommand(),
    dataCommand(),
    evaluateCommand(),
    exploreCommand(),
    finetuneGpt2Command(),
    fitCommand(),
    openAiCommand(),
    probeCommand(),
    recommendCommand(),
    reproduceCommand(),
    runCommand(),
    runsCommand(),
    serveCommand(),
    tuneCommand(),
    workerCommand(),
  ];
  for (const command of commands) root.addCommand(inherit(command, root));
  return root;
}

/** commander copies settings only to commands made by `.command()`; ours are made in their own files. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

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
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
