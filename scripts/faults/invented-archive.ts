/** The archive of a release that does not exist, so that a download can be tried without GroupLens. */
import { zipOf } from '../../test/data/releases/zip.ts';
import { Rng } from '../../src/util/rng.ts';

/** 1 MB of ratings, not compressed, and one movie; the same bytes each time. */
export function inventedArchive(): Buffer {
  const rng = new Rng(9);
  const rows = Array.from({ length: 50_000 }, (_, n) => `${n},1,${1 + rng.int(5)}.0,${10 ** 9 + n}\n`);
  return zipOf([
    { name: 'invented/', content: '', mode: 0o040755 },
    { name: 'invented/ratings.csv', content: `userId,movieId,rating,timestamp\n${rows.join('')}` },
    { name: 'invented/movies.csv', content: 'movieId,title,genres\n1,One (1901),Drama\n' },
  ]);
}
