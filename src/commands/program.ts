/** All commands, with their help. Only the one that is asked for is loaded: the schemas of its options take time. */
import { Command } from 'commander';
import { exampleHelp } from './shared/examples.ts';
import { packageVersion } from '../util/package.ts';
import { printable } from '../util/process/terminal.ts';

/** A line of the help, and the command itself; a test holds both together. */
interface Entry {
  name: string;
  usage: string;
  summary: string;
  load: () => Promise<Command>;
}

const entries: readonly Entry[] = [
  {
    name: 'baseline',
    usage: '[options]',
    summary: 'popularity, matrix factorization and factorization machine under one protocol',
    load: async () => (await import('./baseline.ts')).baselineCommand(),
  },
  {
    name: 'popularity',
    usage: '[options]',
    summary: 'the same list for all users: best mean rating, most ratings, or damped mean',
    load: async () => (await import('./baseline.ts')).modelCommand('popularity'),
  },
  {
    name: 'mf',
    usage: '[options]',
    summary: 'matrix factorization: implicit ALS, BPR, or biased SGD on the ratings',
    load: async () => (await import('./baseline.ts')).modelCommand('mf'),
  },
  {
    name: 'fm',
    usage: '[options]',
    summary: 'factorization machine over users, movies and movie features',
    load: async () => (await import('./baseline.ts')).modelCommand('fm'),
  },
  {
    name: 'ease',
    usage: '[options]',
    summary: 'EASE, the closed-form linear item-item model',
    load: async () => (await import('./baseline.ts')).modelCommand('ease'),
  },
  {
    name: 'compare',
    usage: '[options] [files...]',
    summary: 'compare recorded results: one table, paired tests, one page with pictures',
    load: async () => (await import('./compare.ts')).compareCommand(),
  },
  {
    name: 'data',
    usage: '',
    summary: 'MovieLens releases: list, download, verify, describe',
    load: async () => (await import('./data.ts')).dataCommand(),
  },
  {
    name: 'evaluate',
    usage: '[options]',
    summary:
      'score the recommendation lists of any tool against a split: --train and --test, or --dataset and --split',
    load: async () => (await import('./evaluate.ts')).evaluateCommand(),
  },
  {
    name: 'explore',
    usage: '[options]',
    summary: 'look at a data set: one page with pictures, and the numbers behind them',
    load: async () => (await import('./explore.ts')).exploreCommand(),
  },
  {
    name: 'finetune-gpt2',
    usage: '[options]',
    summary:
      'GPT-2 fine-tuned on viewing histories, its lists scored like every other model; no Python, no network with --init scratch',
    load: async () => (await import('./finetune-gpt2.ts')).finetuneGpt2Command(),
  },
  {
    name: 'fit',
    usage: '',
    summary: 'fit a model and save it, for `recsys recommend` and `recsys serve`',
    load: async () => (await import('./use/fit.ts')).fitCommand(),
  },
  {
    name: 'openai',
    usage: '[options]',
    summary:
      'GPT-4o recommendations with reasons, scored like every other model; needs OPENAI_API_KEY or a local --base-url',
    load: async () => (await import('./openai.ts')).openAiCommand(),
  },
  {
    name: 'probe',
    usage: '[options]',
    summary:
      'does a chat model know the data set by heart? asks for lines of its files by id, and with ids permuted',
    load: async () => (await import('./probe.ts')).probeCommand(),
  },
  {
    name: 'recommend',
    usage: '[options]',
    summary: 'movies for a user of the data or for anybody, from a saved model',
    load: async () => (await import('./use/recommend.ts')).recommendCommand(),
  },
  {
    name: 'reproduce',
    usage: '[options] [file]',
    summary: 'run a recorded experiment again and compare every number',
    load: async () => (await import('./reproduce.ts')).reproduceCommand(),
  },
  {
    name: 'run',
    usage: '[options] <plan>',
    summary: 'run the experiments that a plan describes; `--print-plan` of their commands writes one',
    load: async () => (await import('./run.ts')).runCommand(),
  },
  {
    name: 'runs',
    usage: '[options] [files...]',
    summary: 'list the runs in the results folder: sort, filter, see what differs, export',
    load: async () => (await import('./runs.ts')).runsCommand(),
  },
  {
    name: 'tune',
    usage: '',
    summary:
      'search for the best options of a model on validation ratings; test is opened once, for the winner and the defaults',
    load: async () => (await import('./tune/tune.ts')).tuneCommand(),
  },
  {
    name: 'worker',
    usage: '[options] [queue]',
    summary: 'do the jobs of `--queue` on this machine until Ctrl-C, or one of `--emit slurm`',
    load: async () => (await import('./tune/worker.ts')).workerCommand(),
  },
  {
    name: 'serve',
    usage: '[options]',
    summary: 'a local page and JSON API: what models recommend, to users and to you, and a table of runs',
    load: async () => (await import('./use/serve.ts')).serveCommand(),
  },
  {
    name: 'completion',
    usage: '<shell>',
    summary: 'print a script that completes commands and flags in a shell',
    load: async () => (await import('./shared/completion.ts')).completionCommand(),
  },
];

/**
 * The command line. With the words that were typed, only the command that they ask for can be run; the others stand in the
 * help, by name and summary.
 */
export async function program(typed?: readonly string[]): Promise<Command> {
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
  const asked = typed && commandsIn(typed);
  for (const entry of entries) {
    const loaded = asked === undefined || asked.has(entry.name) || asked.has(NEEDS_ALL);
    root.addCommand(inherit(loaded ? await entry.load() : listed(entry), root));
  }
  for (const command of await otherModels(asked)) root.addCommand(inherit(command, root));
  return root;
}

/** Commands of models in the registry that have no entry here, where one may be asked for. */
async function otherModels(asked: ReadonlySet<string> | undefined): Promise<Command[]> {
  const listedNames = new Set(entries.map(({ name }) => name));
  if (asked && [...asked].every((name) => listedNames.has(name))) return [];
  const { modelCommands } = await import('./baseline.ts');
  return modelCommands().filter((command) => !listedNames.has(command.name()));
}

/** It writes what all commands take. */
const NEEDS_ALL = 'completion';

/** The command that is asked for, or asked about: `recsys help NAME`. Flags before it have no values. */
function commandsIn(typed: readonly string[]): Set<string> {
  return new Set(typed.filter((word) => !word.startsWith('-')).slice(0, typed[0] === 'help' ? 2 : 1));
}

/** What the help shows of a command. */
function listed({ name, usage, summary }: Entry): Command {
  const command = new Command(name).description(summary);
  return usage === '' ? command : command.arguments(usage);
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
