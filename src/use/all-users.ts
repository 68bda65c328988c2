/** Lists of all users of a saved model, in blocks, so that the memory does not grow with their number; as CSV and as Parquet. */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { Ids } from '../data/dataset.ts';
import type { Selection } from '../models/saved.ts';
import { range } from '../util/arrays.ts';
import { throwIfAborted } from '../util/errors.ts';
import { writeFileAtomic } from '../util/files.ts';
import { csvCell } from '../util/process/terminal.ts';
import type { SavedModel } from './saved-model.ts';

/** Users asked for at a time. */
const USERS_PER_BLOCK = 512;
/** Rows of a group of a Parquet file, at least, but for the last: readers skip and decode whole groups. */
const ROWS_PER_GROUP = 100_000;

/** One row per recommendation, users in order, ranks from 1. */
interface ListRows {
  /** Users whose lists these are. */
  userCount: number;
  /** User and item indices. */
  users: Int32Array;
  items: Int32Array;
  ranks: Int32Array;
  scores: Float32Array;
}

/** Throws AbortedError when the signal fires. */
export async function* listsOfAllUsers(
  { train, model }: Pick<SavedModel, 'train' | 'model'>,
  k: number,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<ListRows> {
  const users = range(train.userCount);
  for (let begin = 0; begin < users.length; begin += USERS_PER_BLOCK) {
    await setImmediate(); // a signal that has come is heard
    throwIfAborted(signal);
    const block = users.subarray(begin, begin + USERS_PER_BLOCK);
    const { items, scores } = await model.recommend(block, k, selection);
    const filled = range(items.length).filter((cell) => items[cell]! >= 0);
    yield {
      userCount: block.length,
      users: filled.map((cell) => block[Math.floor(cell / k)]!),
      items: filled.map((cell) => items[cell]!),
      ranks: filled.map((cell) => (cell % k) + 1),
      scores: Float32Array.from(filled, (cell) => scores[cell]!),
    };
  }
}

type AllIds = Pick<SavedModel['train'], 'userIds' | 'itemIds'>;

/** Lines of CSV, header first: userId,movieId,rank,score, as `recsys evaluate` reads them. */
export async function* csvOfRows(
  { userIds, itemIds }: AllIds,
  blocks: AsyncIterable<ListRows>,
): AsyncGenerator<string> {
  yield 'userId,movieId,rank,score\n';
  for await (const { users, items, ranks, scores } of blocks) {
    let text = '';
    users.forEach((user, n) => {
      text += `${csvCell(userIds[user]!)},${csvCell(itemIds[items[n]!]!)},${ranks[n]},${scores[n]}\n`;
    });
    yield text;
  }
}

/** The bytes of a Parquet file with the columns and rows of the CSV: ids as int32 or text, rank as int32, score as float. */
export async function* parquetOfRows(
  { userIds, itemIds }: AllIds,
  blocks: AsyncIterable<ListRows>,
): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const writer = new ByteWriter();
  const id = (name: string, ids: Ids) =>
    ids instanceof Int32Array
      ? ({ name, type: 'INT32', repetition_type: 'REQUIRED' } as const)
      : ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' } as const);
  const parquet = new ParquetWriter({
    writer,
    schema: [
      { name: 'lists', num_children: 4 },
      id('userId', userIds),
      id('movieId', itemIds),
      { name: 'rank', type: 'INT32', repetition_type: 'REQUIRED' },
      { name: 'score', type: 'FLOAT', repetition_type: 'REQUIRED' },
    ],
    createdBy: 'recsys',
  });
  const bytes = () => {
    const written = writer.getBytes().slice();
    writer.index = 0;
    return written;
  };
  for await (const { users, items, ranks, scores } of inGroups(blocks)) {
    await parquet.write({
      columnData: [
        { name: 'userId', data: idsAt(userIds, users) },
        { name: 'movieId', data: idsAt(itemIds, items) },
        { name: 'rank', data: ranks },
        { name: 'score', data: scores },
      ],
      rowGroupSize: users.length,
    });
    yield bytes();
  }
  await parquet.finish();
  yield bytes();
}

function idsAt(ids: Ids, indices: Int32Array): Int32Array | string[] {
  return ids instanceof Int32Array
    ? indices.map((index) => ids[index]!)
    : Array.from(indices, (index) => ids[index]!);
}

/** Blocks put together until they have `ROWS_PER_GROUP` rows. */
async function* inGroups(blocks: AsyncIterable<ListRows>): AsyncGenerator<ListRows> {
  let group: ListRows[] = [];
  let rows = 0;
  for await (const block of blocks) {
    group.push(block);
    rows += block.users.length;
    if (rows < ROWS_PER_GROUP) continue;
    yield joined(group);
    [group, rows] = [[], 0];
  }
  if (rows > 0) yield joined(group);
}

function joined(blocks: readonly ListRows[]): ListRows {
  const integers = (key: 'users' | 'items' | 'ranks') =>
    Int32Array.from(blocks.flatMap((block) => [...block[key]]));
  return {
    userCount: blocks.reduce((users, block) => users + block.userCount, 0),
    users: integers('users'),
    items: integers('items'),
    ranks: integers('ranks'),
    scores: Float32Array.from(blocks.flatMap((block) => [...block.scores])),
  };
}

/** Writes `chunks` to a file, whole or not at all, or to standard output no faster than its reader reads. */
export async function writeStreamed(
  chunks: AsyncIterable<string> | AsyncIterable<Uint8Array>,
  path: string | undefined,
): Promise<void> {
  if (path !== undefined) return await writeFileAtomic(path, chunks);
  for await (const chunk of chunks) {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  }
}
