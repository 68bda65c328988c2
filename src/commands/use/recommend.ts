/** `recsys recommend`: lists with titles and reasons from a saved model, without training. */
import { Command, Option } from 'commander';
import { z } from 'zod';
import type { Selection } from '../../models/saved.ts';
import type { SavedModel } from '../../use/saved-model.ts';
import { UsageError } from '../../util/errors.ts';
import { interruptible } from '../../util/process/signals.ts';
import { print } from '../../util/process/terminal.ts';
import { outputSchema, withContext, type CommandContext } from '../shared/context.ts';
import { addFlags, readFlags, type Typed } from '../shared/flags.ts';

const whoSchema = z.object({
  user: z
    .array(z.string())
    .default([])
    .meta({ placeholder: 'ids' })
    .describe('users of the data that the model was fitted on, comma-separated'),
  allUsers: z.boolean().default(false).describe('all of them, as CSV'),
  ratings: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe(
      'CSV with the ratings of a person who is not in the data: title or movieId, and rating; exports of Letterboxd and IMDb work',
    ),
});

const modelSchema = z.object({
  model: z.string().meta({ placeholder: 'dir' }).describe('folder of a saved model (`recsys fit`)'),
  dataset: z
    .string()
    .optional()
    .meta({ placeholder: 'name|dir' })
    .describe('refuse a model that was not fitted on this data set'),
});

const filterSchema = z.object({
  k: z.int().min(1).max(1000).default(10).describe('length of the lists'),
  genre: z
    .array(z.string())
    .optional()
    .meta({ placeholder: 'names' })
    .describe('only movies of one of these genres'),
  years: z
    .string()
    .optional()
    .meta({ placeholder: 'range' })
    .describe('only movies of these years: 1994, 1990-1999, 1990- or -1959'),
  minRatings: z.int().min(0).default(0).describe('only movies with at least this many ratings in the data'),
});

const formatSchema = outputSchema.pick({ threads: true, json: true, quiet: true, verbose: true }).extend({
  json: z.boolean().default(false).describe('print JSON'),
  csv: z.boolean().default(false).describe('print CSV'),
  output: z
    .string()
    .optional()
    .meta({ placeholder: 'file' })
    .describe(
      'with --all-users: write to this file instead of standard output; Parquet where its name ends in .parquet',
    ),
});

/** Flags that `addFlags` cannot make: some may be given several times, one may be given in both senses. */
const otherSchema = z.object({
  like: z.array(z.string()).default([]),
  dislike: z.array(z.string()).default([]),
  excludeSeen: z.boolean().default(true),
});

export function recommendCommand(): Command {
  const command = new Command('recommend');
  addFlags(command, modelSchema, whoSchema);
  addRepeatable(
    command,
    '--like <title>',
    'a movie that you like, by title or movie id; may be given several times',
  );
  addRepeatable(command, '--dislike <title>', 'a movie that you do not like');
  addFlags(command, filterSchema);
  command.addOption(
    new Option('--exclude-seen', 'leave out what the user has rated (the default)').default(true),
  );
  command.addOption(new Option('--no-exclude-seen', 'recommend what the user has rated as well'));
  addFlags(command, formatSchema);
  return command.action(recommend);
}

function addRepeatable(command: Command, flags: string, description: string): void {
  const collect = (title: string, before: string[] = []) => [...before, title];
  command.addOption(new Option(flags, description).argParser(collect));
}

async function recommend(typed: Typed): Promise<void> {
  const who = readFlags(whoSchema, typed);
  const { model: folder, dataset } = readFlags(modelSchema, typed);
  const { k, genre: genres, years, minRatings } = readFlags(filterSchema, typed);
  const output = readFlags(formatSchema, typed);
  const { like, dislike, excludeSeen } = readFlags(otherSchema, typed);
  const isPerson = who.ratings !== undefined || like.length + dislike.length > 0;
  requireOneKind(who.user.length > 0, who.allUsers, isPerson);
  if (output.output !== undefined && !who.allUsers) {
    throw new UsageError({ place: '--output', found: 'given without --all-users' });
  }
  if (output.json && (output.csv || who.allUsers)) {
    throw new UsageError({ place: '--json', found: 'given with --csv or --all-users, which print CSV' });
  }
  const { loadSavedModel, requireDataset } = await import('../../use/saved-model.ts');
  const { selectionOf } = await import('../../use/filter.ts');

  await withContext(output, async (context) => {
    const saved = await interruptible(context.signal, async () => {
      const loaded = await loadSavedModel(folder, context);
      if (dataset === undefined) return loaded;
      const { loadDataset } = await import('../../data/loader.ts');
      requireDataset(loaded, await loadDataset(dataset, context));
      return loaded;
    });
    const selection = selectionOf(saved.train, { genres, years, minRatings, excludeSeen });
    const found: Found = { saved, selection, k };
    if (who.allUsers) return await printAllUsers(found, output.output, context);
    const { recommendTo, userIndex } = await import('../../use/recommend.ts');
    const { csvOfLists, jsonOfLists, tableOfLists } = await import('../../use/lists.ts');
    const named = await interruptible(context.signal, async () => {
      const asked = isPerson
        ? { ...(await askForPerson(found, { file: who.ratings, like, dislike }, context)), users: [0] }
        : { model: saved.model, selection, users: who.user.map((id) => userIndex(saved, id)) };
      const { users } = asked;
      const lists = await recommendTo(saved, asked.model, users, k, asked.selection);
      const idOf = (user: number) => (isPerson ? null : saved.train.userIds[user]!);
      return lists.map((list, n) => ({ user: idOf(users[n]!), recommendations: list }));
    });
    const format = output.json ? jsonOfLists : output.csv ? csvOfLists : tableOfLists;
    print(format(saved, named));
  });
}

interface Found {
  saved: SavedModel;
  selection: Selection;
  k: number;
}

function requireOneKind(...given: boolean[]): void {
  const kinds = given.filter(Boolean).length;
  if (kinds === 1) return;
  throw new UsageError({
    found: kinds === 0 ? 'nobody to recommend to' : 'users and a new person at once',
    wanted: '--user ID, --all-users, or a person by --ratings FILE, --like TITLE and --dislike TITLE',
    remedy: 'See --help.',
  });
}

/** The saved model with the person of the command line as user 0, and what may be in the list. */
async function askForPerson(
  { saved, selection }: Found,
  { file, like, dislike }: { file: string | undefined; like: string[]; dislike: string[] },
  { progress }: CommandContext,
) {
  const { historyOfFile, historyOfTitles, MovieFinder } = await import('../../use/history.ts');
  const { withPerson } = await import('../../use/recommend.ts');
  const { leaveOut } = await import('../../use/filter.ts');
  const finder = new MovieFinder(saved.train);
  const read = file === undefined ? undefined : await historyOfFile(file, finder, saved.train);
  for (const note of read?.notes ?? []) progress.note(`note: ${note}`);
  const typed = historyOfTitles(finder, saved.train, like, dislike);
  const history = new Map([...(read?.history ?? []), ...typed]);
  const { model, unknown, notLiked } = await withPerson(saved, history);
  const { name } = saved.manifest;
  if (unknown.length > 0) progress.note(`note: ${name} does not know ${unknown.join(', ')}: not counted`);
  if (notLiked.length > 0) {
    const movies = notLiked.length === 1 ? '1 movie that is' : `${notLiked.length} movies that are`;
    progress.note(
      `note: ${movies} disliked or below 4 stars: left out of the list and not counted, as all ratings that ${name} was fitted on are equal`,
    );
  }
  return { model, selection: leaveOut(selection, notLiked) };
}

async function printAllUsers(
  { saved, selection, k }: Found,
  output: string | undefined,
  { progress, signal }: CommandContext,
): Promise<void> {
  const { csvOfRows, listsOfAllUsers, parquetOfRows, writeStreamed } = await import('../../use/all-users.ts');
  const { train } = saved;
  const task = progress.start('recommending', train.userCount, 'users');
  const format = output?.endsWith('.parquet') ? parquetOfRows : csvOfRows;
  async function* blocks() {
    for await (const block of listsOfAllUsers(saved, k, selection, signal)) {
      yield block;
      task.advance(block.userCount);
    }
  }
  try {
    await writeStreamed(format(train, blocks()), output);
  } finally {
    task.finish();
  }
  if (output !== undefined) progress.note(`saved ${output}`);
}
