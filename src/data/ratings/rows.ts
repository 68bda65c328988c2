/** Some rows of a table of ratings, and two tables as one. */
import type { Dataset, Ratings } from '../dataset.ts';

/** The rows at the positions `rows`, in their order. */
export function rowsAt(ratings: Ratings, rows: Int32Array): Ratings {
  const { users, items, values, timestamps } = ratings;
  const part: Ratings = {
    users: new Int32Array(rows.length),
    items: new Int32Array(rows.length),
    values: new Float32Array(rows.length),
    timestamps: new Int32Array(rows.length),
    ...(ratings.negative && { negative: ratings.negative }),
  };
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n]!;
    part.users[n] = users[row]!;
    part.items[n] = items[row]!;
    part.values[n] = values[row]!;
    part.timestamps[n] = timestamps[row]!;
  }
  return part;
}

/** The rows of `a`, then those of `b`. */
export function concatenate(a: Ratings, b: Ratings): Ratings {
  const join = <T extends Int32Array | Float32Array>(first: T, second: T): T => {
    const joined = new (first.constructor as new (length: number) => T)(first.length + second.length);
    joined.set(first);
    joined.set(second, first.length);
    return joined;
  };
  const negative = a.negative ?? b.negative;
  return {
    users: join(a.users, b.users),
    items: join(a.items, b.items),
    values: join(a.values, b.values),
    timestamps: join(a.timestamps, b.timestamps),
    ...(negative && { negative }),
  };
}

/** How many of `ratings`, some or all of those of a data set, have no time while others of it have one. */
export function countWithoutTime(
  { timestamps }: Pick<Ratings, 'timestamps'>,
  { withoutTime = 0 }: Pick<Dataset, 'withoutTime'>,
): number {
  if (withoutTime === 0) return 0; // a 0 is a time like any other
  return timestamps.reduce((count, time) => count + (time === 0 ? 1 : 0), 0);
}
