/**
 * Questions that only a model that has the files of a data set by heart can answer (Di Palma et al., SIGIR 2025,
 * arXiv 2505.10212), each also with ids permuted, where nothing can be known.
 */
import type { Dataset } from '../../data/dataset.ts';
import type { Message } from '../../language/templates.ts';
import { range } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import type { ProbeTest } from './record.ts';

export interface ProbeQuestion {
  test: ProbeTest;
  permuted: boolean;
  /** Released id that the question is about. */
  subject: string;
  messages: Message[];
  /** Item indices of the right answer; one but for `users`. */
  items: number[];
  /** For `ratings`: the right rating. */
  stars?: number;
  /** Item indices that the question shows, which are no answer. */
  shown: number[];
}

export interface ProbeCounts {
  items: number;
  users: number;
  ratings: number;
}

export const PROBE_TEMPLATE = 'probe@1';

const SYSTEM_MESSAGE =
  'You are asked about the files of a public data set. Complete them from memory, exactly as they stand in the file. ' +
  'Answer with the missing text alone, without any comment.';

/** Lines that a question shows before the one to complete; movies of a user's rows that are asked for. */
const SHOWN_LINES = 5;
const ASKED_ROWS = 5;

/** How ids are written: as released, or permuted, so that no id has the content it has in the files. */
interface Names {
  permuted: boolean;
  itemId(item: number): string;
  userId(user: number): string;
}

/**
 * The questions of all tests, each once with ids as released and once permuted. Movies are drawn from those that are
 * relevant in the test part, since accuracy is about them; users from those with enough ratings. The same seed draws the
 * same questions.
 */
export function buildProbe(prepared: Prepared, counts: ProbeCounts): ProbeQuestion[] {
  const { dataset, relevant, protocol } = prepared;
  const rng = probeRng(protocol);
  const movies = rng.derive('items').shuffle([...new Set(relevant.indices)].sort((a, b) => a - b));
  const rows = rowsByUser(dataset);
  const users = rng
    .derive('users')
    .shuffle([...rows.keys()].filter((user) => rows.get(user)!.length > SHOWN_LINES + ASKED_ROWS));
  const asReleased: Names = {
    permuted: false,
    itemId: (item) => String(dataset.itemIds[item]),
    userId: (user) => String(dataset.userIds[user]),
  };
  const itemOrder = permuteItems(prepared);
  const userOrder = rng.derive('permuted users').shuffle(range(dataset.userIds.length));
  const permuted: Names = {
    permuted: true,
    itemId: (item) => String(dataset.itemIds[itemOrder[item]!]),
    userId: (user) => String(dataset.userIds[userOrder[user]!]),
  };
  return [asReleased, permuted].flatMap((names) => [
    ...movies
      .slice(0, counts.items)
      .map((item) => itemQuestion(dataset, item, movies.slice(-SHOWN_LINES), names)),
    ...users.slice(0, counts.users).map((user) => userQuestion(dataset, user, rows.get(user)!, names)),
    ...users
      .slice(0, counts.ratings)
      .map((user) => ratingQuestion(dataset, user, rows.get(user)!, names, rng.derive(`rows ${user}`))),
  ]);
}

/** Rows of the file by user, in its order. */
function rowsByUser({ ratings }: Dataset): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (const [row, user] of ratings.users.entries()) {
    const own = rows.get(user);
    if (own) own.push(row);
    else rows.set(user, [row]);
  }
  return rows;
}

function messagesOf(text: string): Message[] {
  return [
    { role: 'system', content: SYSTEM_MESSAGE },
    { role: 'user', content: text },
  ];
}

function itemQuestion(
  dataset: Dataset,
  item: number,
  examples: readonly number[],
  names: Names,
): ProbeQuestion {
  const shown = examples.filter((other) => other !== item);
  const line = (other: number) => {
    const { titles, genres } = dataset.movies;
    return `${names.itemId(other)},${quoteCsv(titles[other]!)},${genres[other]!.join('|')}`;
  };
  return {
    test: 'items',
    permuted: names.permuted,
    subject: String(dataset.itemIds[item]),
    messages: messagesOf(
      [
        `The file of movies of ${dataset.name} has the columns movieId,title,genres. Some of its lines:`,
        ...shown.map(line),
        `Complete the line that begins with "${names.itemId(item)},": give its title with the year.`,
      ].join('\n'),
    ),
    items: [item],
    shown,
  };
}

function userQuestion(dataset: Dataset, user: number, rows: readonly number[], names: Names): ProbeQuestion {
  const items = rows.slice(0, ASKED_ROWS).map((row) => dataset.ratings.items[row]!);
  return {
    test: 'users',
    permuted: names.permuted,
    subject: String(dataset.userIds[user]),
    messages: messagesOf(
      [
        `The file of ratings of ${dataset.name} has the columns userId,movieId,rating,timestamp.`,
        `Which movies are in the first ${ASKED_ROWS} rows of user ${names.userId(user)}? Give their titles with the year, one a line.`,
      ].join('\n'),
    ),
    items,
    shown: [],
  };
}

function ratingQuestion(
  dataset: Dataset,
  user: number,
  rows: readonly number[],
  names: Names,
  rng: Rng,
): ProbeQuestion {
  const first = rng.int(rows.length - SHOWN_LINES);
  const { items, values, timestamps } = dataset.ratings;
  const line = (row: number) =>
    [names.userId(user), names.itemId(items[row]!), values[row]!.toFixed(1), timestamps[row]].join(',');
  const shown = rows.slice(first, first + SHOWN_LINES);
  const next = rows[first + SHOWN_LINES]!;
  return {
    test: 'ratings',
    permuted: names.permuted,
    subject: String(dataset.userIds[user]),
    messages: messagesOf(
      [
        `The file of ratings of ${dataset.name} has the columns userId,movieId,rating,timestamp. Rows that follow each other:`,
        ...shown.map(line),
        'Give the next row.',
      ].join('\n'),
    ),
    items: [items[next]!],
    stars: values[next]!,
    shown: shown.map((row) => items[row]!),
  };
}

function quoteCsv(text: string): string {
  return /[",]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** How the ids of a permuted question are read back: the released id that stands for each item. */
export function permutedItemIds(prepared: Pick<Prepared, 'dataset' | 'protocol'>): Map<string, number> {
  const { itemIds } = prepared.dataset;
  return new Map(Array.from(permuteItems(prepared), (shownAs, item) => [String(itemIds[shownAs]), item]));
}

/** Of each item, the item under whose id a permuted question shows it. */
function permuteItems({ dataset, protocol }: Pick<Prepared, 'dataset' | 'protocol'>): Int32Array {
  return probeRng(protocol).derive('permuted items').shuffle(range(dataset.itemIds.length));
}

function probeRng({ seed }: Pick<Prepared['protocol'], 'seed'>): Rng {
  return new Rng(seed).derive('probe');
}
