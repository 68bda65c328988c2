/** All commands, with their help. Only the one that is asked for is loaded: the schemas of its options take time. */
import { Command, type Option } from 'commander';
import { modelSummaries } from '../models/summaries.ts';
import { packageVersion } from '../util/package.ts';
import { printable } from '../util/process/terminal.ts';
import { exampleHelp } from './shared/examples.ts';

/** A command: its line in the help of `recsys`, which is also the first line of its own help, and how it is loaded. */
interface Entry {
  name: string;
  summary: string;
  load: () => Promise<Command>;
}

/** Heading of the models and of what runs experiments. */
const EXPERIMENTS = 'Experiments:';
/** Heading of `completion` and `help`. */
const OTHER = 'Other:';

/** Headings of the help of `recsys`, with the commands below each. */
const groups: Readonly<Record<string, readonly Entry[]>> = {
  [EXPERIMENTS]: [
    {
      name: 'baseline',
      summary: 'popularity, matrix factorization and factorization machine under one protocol',
      load: async () => (await import('./baseline.ts')).baselineCommand(),
    },
    ...(Object.keys(modelSummaries) as (keyof typeof modelSummaries)[]).map((name) => ({
      name,
      summary: modelSummaries[name],
      load: async () => (await import('./baseline.ts')).modelCommand(name),
    })),
    {
      name: 'finetune-gpt2',
      summary: 'GPT-2 fine-tuned on viewing histories; no network with --init scratch',
      load: async () => (await import('./finetune-gpt2.ts')).finetuneGpt2Command(),
    },
    {
      name: 'openai',
      summary: 'GPT-4o, or any chat server by --base-url: recommendations with reasons',
      load: async () => (await import('./openai.ts')).openAiCommand(),
    },
    {
      name: 'probe',
      summary: 'whether a chat model knows the data set by heart',
      load: async () => (await import('./probe.ts')).probeCommand(),
    },
    {
      name: 'tune',
      summary: 'search for the best options of a model on validation ratings',
      load: async () => (await import('./tune/tune.ts')).tuneCommand(),
    },
    {
      name: 'run',
      summary: 'the experiments that a plan describes; --print-plan writes one',
      load: async () => (await import('./run.ts')).runCommand(),
    },
    {
      name: 'worker',
      summary: 'do jobs of `--queue` until Ctrl-C, or one of `--emit slurm`',
      load: async () => (await import('./tune/worker.ts')).workerCommand(),
    },
  ],
  'Results:': [
    {
      name: 'compare',
      summary: 'recorded results side by side: one table, paired tests, one page of charts',
      load: async () => (await import('./compare.ts')).compareCommand(),
    },
    {
      name: 'runs',
      summary: 'list recorded runs: sort, filter, see what differs, export',
      load: async () => (await import('./runs.ts')).runsCommand(),
    },
    {
      name: 'reproduce',
      summary: 'run a recorded experiment again and compare every number',
      load: async () => (await import('./reproduce.ts')).reproduceCommand(),
    },
    {
      name: 'evaluate',
      summary: 'score the recommendation lists of any tool',
      load: async () => (await import('./evaluate.ts')).evaluateCommand(),
    },
  ],
  'Recommendations:': [
    {
      name: 'fit',
      summary: 'fit a model and save it, for `recsys recommend` and `recsys serve`',
      load: async () => (await import('./use/fit.ts')).fitCommand(),
    },
    {
      name: 'recommend',
      summary: 'movies for a user of the data, or for anybody, from a saved model',
      load: async () => (await import('./use/recommend.ts')).recommendCommand(),
    },
    {
      name: 'serve',
      summary: 'local pages and JSON API: what models recommend, to users and to you; runs',
      load: async () => (await import('./use/serve.ts')).serveCommand(),
    },
  ],
  'Data:': [
    {
      name: 'data',
      summary: 'MovieLens releases: list, download, verify, describe',
      load: async () => (await import('./data.ts')).dataCommand(),
    },
    {
      name: 'explore',
      summary: 'what is in a data set: one page of charts, and the numbers behind them',
      load: async () => (await import('./explore.ts')).exploreCommand(),
    },
  ],
  [OTHER]: [
    {
      name: 'completion',
      summary: 'print a script that completes commands and flags in a shell',
      load: async () => (await import('./shared/completion.ts')).completionCommand(),
    },
  ],
};

/**
 * The command line. Where `typed`, the words of the command line, are given, only the command that they name is loaded
 * and can be run; the others are listed in the help.
 */
export async function program(typed?: readonly string[]): Promise<Command> {
  const root = new Command('recsys')
    .description('Compare ways of recommending movies on MovieLens under one protocol.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeErr: (text) => void process.stderr.write(printable(text)) })
    .configureHelp({ optionDescription, subcommandTerm: (command) => command.name() })
    .commandsGroup(OTHER)
    .helpCommand(true)
    .showHelpAfterError('See --help.');
  root.addHelpText(
    'after',
    '\nStart here:\n  recsys baseline        popularity, MF and FM on the embedded data\n  recsys COMMAND --help  the flags of a command, with examples\n',
  );
  const asked = typed && commandsIn(typed);
  for (const [heading, entries] of Object.entries(groups)) {
    for (const { name, summary, load } of entries) {
      const isLoaded = asked === undefined || asked.has(name) || asked.has(NEEDS_ALL);
      const command = (isLoaded ? await load() : new Command(name)).description(summary).helpGroup(heading);
      root.addCommand(inherit(command, root));
    }
  }
  for (const command of await otherModels(asked)) root.addCommand(inherit(command, root));
  return root;
}

/** Commands of models in the registry that have no entry here, where one may be asked for. */
async function otherModels(asked: ReadonlySet<string> | undefined): Promise<Command[]> {
  const listedNames = new Set(Object.values(groups).flatMap((entries) => entries.map(({ name }) => name)));
  if (asked && [...asked].every((name) => listedNames.has(name))) return [];
  const { modelCommands } = await import('./baseline.ts');
  return modelCommands()
    .filter((command) => !listedNames.has(command.name()))
    .map((command) => command.helpGroup(EXPERIMENTS));
}

/** The command that needs all others loaded: it writes their flags. */
const NEEDS_ALL = 'completion';

/** The command that is asked for, or asked about: `recsys help NAME`. Flags before it have no values. */
function commandsIn(typed: readonly string[]): Set<string> {
  return new Set(typed.filter((word) => !word.startsWith('-')).slice(0, typed[0] === 'help' ? 2 : 1));
}

/** The description of an option with its choices, which commander would put in quotes. */
function optionDescription({ description, argChoices }: Option): string {
  return argChoices === undefined ? description : `${description} (choices: ${argChoices.join(', ')})`;
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
