/**
 * Makes synthetic ratings in the shape of MovieLens, for sizes that cannot be downloaded where they are needed.
 *
 *   npx tsx scripts/bench/generate-ratings.ts --ratings 25000000 [--seed 1] [--out FOLDER]
 *
 * These ratings are made up. Seeded: the same arguments give the same bytes on every machine.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { range, sum } from '../../src/util/arrays.ts';
import { pow } from '../../src/util/math.ts';
import { Rng } from '../../src/util/rng.ts';

export interface SyntheticOptions {
  /** How many ratings; users and movies follow from it as in the releases from 100k to 32M. */
  ratings: number;
  seed: number;
  folder: string;
}

export interface SyntheticCounts {
  users: number;
  movies: number;
  ratings: number;
}

/** Users rate at least 20 movies, as in every release, and 159 on average, as in ml-32m. */
const MIN_RATINGS_PER_USER = 20;
const MEAN_RATINGS_PER_USER = 159;
/** Exponent of the tail of ratings per user (Lomax); with the mean above the median is 72, as in ml-25m. */
const LOMAX_EXPONENT = 1.8;
/** Zipf-Mandelbrot popularity of movies: (rank + ZIPF_SHIFT * movies) to the power -ZIPF_EXPONENT. Top 10%: 90% of ratings. */
const ZIPF_SHIFT = 0.03;
const ZIPF_EXPONENT = 2.8;
const topics = [
  'Action',
  'Adventure',
  'Animation',
  'Children',
  'Comedy',
  'Crime',
  'Documentary',
  'Drama',
  'Fantasy',
  'Horror',
  'Musical',
  'Mystery',
  'Romance',
  'Sci-Fi',
  'Thriller',
  'War',
];
/** A user has this many favourite topics, and skips a drawn movie of another topic with this probability. */
const FAVOURITE_TOPICS = 3;
const SKIP_PROBABILITY = 0.65;
/** First and last possible time of a rating, in seconds since 1970, UTC. */
const FIRST_SECOND = 789_652_009; // 9 January 1995, the first rating of the releases
const LAST_SECOND = 1_697_164_147; // 13 October 2023, the last of ml-32m

/** Writes ratings.csv, movies.csv and a README that says what they are. */
export function generateRatings({ ratings, seed, folder }: SyntheticOptions): SyntheticCounts {
  const rng = new Rng(seed).derive('synthetic');
  mkdirSync(folder, { recursive: true });
  const movies = makeMovies(Math.round(9742 * pow(ratings / 100_000, 0.38)), rng.derive('movies'));
  writeFileSync(join(folder, 'movies.csv'), moviesCsv(movies));
  const users = writeRatings(join(folder, 'ratings.csv'), ratings, movies, rng.derive('ratings'));
  const counts = { users, movies: movies.ids.length, ratings };
  writeFileSync(join(folder, 'README.md'), readme(counts, seed));
  return counts;
}

interface SyntheticMovies {
  ids: Int32Array;
  topics: Uint8Array;
  /** Stars above or below the mean. */
  quality: Float64Array;
  draw: (rng: Rng) => number;
}

function makeMovies(count: number, rng: Rng): SyntheticMovies {
  const ids = new Int32Array(count);
  for (let i = 0, id = 0; i < count; i++) ids[i] = id += 1 + rng.int(5); // gaps, as between released ids
  const ranks = rng.shuffle(range(count));
  const weights = Float64Array.from(ranks, (rank) => pow(rank + 1 + ZIPF_SHIFT * count, -ZIPF_EXPONENT));
  return {
    ids,
    topics: Uint8Array.from({ length: count }, () => rng.int(topics.length)),
    quality: Float64Array.from({ length: count }, () => 0.45 * rng.normal()),
    draw: aliasSampler(weights),
  };
}

/** Draws an index in proportion to its weight, in constant time (Walker 1977, built as in Vose 1991). */
function aliasSampler(weights: Float64Array): (rng: Rng) => number {
  const n = weights.length;
  const total = sum(weights);
  const share = weights.map((weight) => (weight * n) / total);
  const alias = new Int32Array(n);
  const small: number[] = [];
  const large: number[] = [];
  share.forEach((value, i) => (value < 1 ? small : large).push(i));
  while (small.length > 0 && large.length > 0) {
    const [low, high] = [small.pop()!, large.pop()!];
    alias[low] = high;
    share[high]! -= 1 - share[low]!;
    (share[high]! < 1 ? small : large).push(high);
  }
  for (const i of [...small, ...large]) share[i] = 1; // what rounding left over
  return (rng) => {
    const i = rng.int(n);
    return rng.uniform() < share[i]! ? i : alias[i]!;
  };
}

/** Returns the number of users it took. */
function writeRatings(path: string, total: number, movies: SyntheticMovies, rng: Rng): number {
  const out = new DigitWriter(path);
  out.text('userId,movieId,rating,timestamp\n');
  const count = movies.ids.length;
  const lastUser = new Int32Array(count); // who drew a movie last ...
  const order = new Int32Array(count); // ... and as which of theirs
  const maxRatings = Math.floor(count / 5);
  let user = 0;
  for (let left = total; left > 0;) {
    user++;
    const wanted = Math.min(
      drawActivity(rng),
      maxRatings,
      left < 2 * MIN_RATINGS_PER_USER ? left : left - MIN_RATINGS_PER_USER,
    );
    const favourites = Array.from({ length: FAVOURITE_TOPICS }, () => rng.int(topics.length));
    const mildness = 3.4 + 0.45 * rng.normal();
    const drawn = new Int32Array(wanted);
    for (let k = 0; k < wanted;) {
      const movie = movies.draw(rng);
      if (lastUser[movie] === user) continue;
      if (!favourites.includes(movies.topics[movie]!) && rng.uniform() < SKIP_PROBABILITY) continue;
      lastUser[movie] = user;
      order[movie] = k;
      drawn[k++] = movie;
    }
    const times = drawTimes(wanted, rng);
    for (const movie of drawn.sort()) {
      const liked = favourites.includes(movies.topics[movie]!) ? 0.3 : -0.2;
      const stars = mildness + movies.quality[movie]! + liked + 0.8 * rng.normal();
      const halves = Math.min(10, Math.max(1, Math.round(2 * stars)));
      out.rating(user, movies.ids[movie]!, halves, times[order[movie]!]!);
    }
    left -= wanted;
  }
  out.close();
  return user;
}

/** Draws the number of ratings of one user: 20 and a Lomax tail. */
function drawActivity(rng: Rng): number {
  const scale = (MEAN_RATINGS_PER_USER - MIN_RATINGS_PER_USER) * (LOMAX_EXPONENT - 1);
  return MIN_RATINGS_PER_USER + Math.floor(scale * (pow(1 - rng.uniform(), -1 / LOMAX_EXPONENT) - 1));
}

/** Draws ascending seconds: sessions of ratings under a minute apart, with pauses of up to a year between them. */
function drawTimes(count: number, rng: Rng): Int32Array {
  const times = new Int32Array(count);
  let time = FIRST_SECOND + rng.int(LAST_SECOND - FIRST_SECOND);
  for (let k = 0; k < count; k++) {
    time += rng.int(100) === 0 ? rng.int(31_557_600) : rng.int(60);
    times[k] = time = Math.min(time, LAST_SECOND);
  }
  return times;
}

/** Writes numbers as text without making strings: 25 million lines in seconds instead of minutes. */
class DigitWriter {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(1 << 20);
  #at = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  text(text: string): void {
    this.#at += this.#buffer.write(text, this.#at, 'latin1');
  }

  rating(user: number, movie: number, halves: number, time: number): void {
    if (this.#at > this.#buffer.length - 64) this.#flush();
    this.#number(user, 44);
    this.#number(movie, 44);
    this.#number(halves >> 1, 46);
    this.#number(halves & 1 ? 5 : 0, 44);
    this.#number(time, 10);
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  /** Digits and the byte after them. */
  #number(value: number, after: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const tens = Math.floor(value / 10);
      this.#buffer[at] = 48 + value - tens * 10;
      value = tens;
    }
    this.#at += digits;
    this.#buffer[this.#at++] = after;
  }

  #flush(): void {
    writeSync(this.#file, this.#buffer, 0, this.#at);
    this.#at = 0;
  }
}

function moviesCsv({ ids, topics: topicOf }: SyntheticMovies): string {
  const lines = Array.from(ids, (id, i) => {
    const second = topics[(topicOf[i]! + id) % topics.length]!;
    const genres = second === topics[topicOf[i]!] ? second : `${topics[topicOf[i]!]}|${second}`;
    return `${id},Synthetic Movie ${id} (${1930 + (id % 94)}),${genres}\n`;
  });
  return `movieId,title,genres\n${lines.join('')}`;
}

function readme({ users, movies, ratings }: SyntheticCounts, seed: number): string {
  return `# Synthetic ratings, seed ${seed}

These ratings are made up and no such movies exist. scripts/bench/generate-ratings.ts made them to measure speed:
${ratings.toLocaleString('en-US')} ratings by ${users.toLocaleString('en-US')} users on ${movies.toLocaleString('en-US')} movies, in MovieLens' CSV form, with MovieLens' long tails of users and
movies. Numbers about quality on them say nothing about recommending real movies.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { ratings: { type: 'string' }, seed: { type: 'string', default: '1' }, out: { type: 'string' } },
  });
  const ratings = Number(values.ratings);
  if (!Number.isInteger(ratings) || ratings < 100_000 || ratings > 32_000_204) {
    throw new Error('--ratings: a whole number from 100000 to 32000204');
  }
  const folder = values.out ?? `synthetic-${ratings}-seed${values.seed}`;
  if (!folder.includes('synthetic')) throw new Error('--out: the name of the folder must say "synthetic"');
  const counts = generateRatings({ ratings, seed: Number(values.seed), folder });
  console.log(`${folder}: ${JSON.stringify(counts)}`);
}
