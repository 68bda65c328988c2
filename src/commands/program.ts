/** All commands, with their help. */
import { Command } from 'commander';
import { baselineCommand, modelCommands } from './baseline.ts';
import { compareCommand } from './compare.ts';
import { completionCommand } from './shared/completion.ts';
import { dataCommand } from './data.ts';
import { evaluateCommand } from './evaluate.ts';
import { exploreCommand } from './explore.ts';
import { finetuneGpt2Command } from './finetune-gpt2.ts';
import { openAiCommand } from './openai.ts';
import { reproduceCommand } from './reproduce.ts';
import { runCommand } from './run.ts';
import { runsCommand } from './runs.ts';
import { exampleHelp } from './shared/examples.ts';
import { tuneCommand } from './tune/tune.ts';
import { workerCommand } from './tune/worker.ts';
import { fitCommand } from './use/fit.ts';
import { probeCommand } from './probe.ts';
import { recommendCommand } from './use/recommend.ts';
import { serveCommand } from './use/serve.ts';
import { packageVersion } from '../util/package.ts';
import { printable } from '../util/process/terminal.ts';

/** The whole command line. */
export function program(): Command {
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
    tuneCommand(),
    workerCommand(),
    serveCommand(),
    completionCommand(),
  ];
  for (const command of commands) root.addCommand(inherit(command, root));
  return root;
}

/** commander copies settings only to commands made by `.command()`; ours are made in their own files. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  command.addHelpText('after', exampleHelp(namesOf(command, parent)));
  for (const child of command.commands) inherit(child, command);
  return command;
}

/** "data list", without "recsys". */
function namesOf(command: Command, parent: Command): string {
  const name = command.name();
  return parent.name() === 'recsys' ? name : `${parent.name()} ${name}`;
}
