/** What `recsys explore` finds out about a data set: one zod schema, so that the saved file is checked and described. */
import { z } from 'zod';
import { datasetSchema, environmentSchema, idSchema } from '../experiment/record.ts';
import { splitKinds } from '../data/dataset.ts';

const point = z.tuple([z.number(), z.number()]);

/** How ratings spread over users, or over movies with at least one rating. */
const spread = z.object({
  count: z.int().describe('users or movies with at least one rating'),
  min: z.int(),
  median: z.number(),
  mean: z.number(),
  max: z.int(),
  gini: z.number().describe('0: all have equally many ratings; near 1: one has nearly all'),
  holdersOfHalf: z.int().describe('the most active this many hold half of all ratings'),
  ratingsByRank: z.array(point).describe('[rank, ratings], at ranks spaced evenly on a logarithmic scale'),
  lorenzCurve: z
    .array(point)
    .describe('[share of users or movies, fewest ratings first; their share of ratings]'),
});

const ratedMovie = z.object({
  movieId: idSchema,
  title: z.string().describe('as people write it; by the id where the data have no title'),
  ratings: z.int(),
  mean: z.number(),
  dampedMean: z.number(),
  standardDeviation: z.number().describe('of the ratings, in stars'),
});

/** `count` movies and their ratings, under a name. */
const group = { movies: z.int(), ratings: z.int(), mean: z.number().nullable().describe('over ratings') };

const tagUse = z.object({
  tag: z.string().describe('trimmed, lower case'),
  uses: z.int(),
  users: z.int(),
  movies: z.int(),
});

const splitEffect = z.object({
  split: z.enum(splitKinds),
  trainRatings: z.int(),
  testRatings: z.int(),
  testUsers: z.int().describe('users with a test rating'),
  evaluatedUsers: z.int().describe('users with a relevant test rating'),
  coldUsers: z.int().describe('users with a test rating and no training rating'),
  coldMovies: z.int().describe('movies with a test rating and no training rating'),
  coldTestShare: z.number().describe('share of the test ratings that are of cold users or cold movies'),
  leakedTestShare: z
    .number()
    .nullable()
    .describe(
      'share of the test ratings whose user has a later training rating; null unless all ratings have times',
    ),
  leakedTrainShare: z
    .number()
    .nullable()
    .describe(
      'share of the training ratings that are later than the first test rating; null unless all ratings have times',
    ),
});

export const explorationSchema = z.object({
  schemaVersion: z.literal(2),
  experiment: z.literal('exploration'),
  source: z.object({
    dataset: z.string(),
    columns: z.string().optional(),
    strict: z.boolean().optional(),
  }),
  settings: z.object({
    seed: z.int(),
    testShare: z.number(),
    threshold: z.number(),
    damping: z.number().describe('ratings at the overall mean added to each movie in `dampedMean`'),
    minDivisiveRatings: z.int().describe('fewest ratings of a movie among the most divisive'),
  }),
  dataset: datasetSchema,
  ratings: z.object({
    mean: z.number(),
    standardDeviation: z.number().describe('in stars'),
    density: z.number().describe('ratings / (users x movies with a rating)'),
    firstDate: z.string().nullable().describe('date of the first rating; null without timestamps'),
    lastDate: z.string().nullable(),
    shareWithinOneDay: z
      .number()
      .nullable()
      .describe('share of the users whose ratings all fall within 24 hours'),
    histogram: z
      .array(z.object({ stars: z.number(), ratings: z.int(), share: z.number() }))
      .describe(
        'of each rating; where these are more than 101, of the ratings nearest to 21 evenly spaced ones',
      ),
  }),
  perUser: spread,
  perMovie: spread,
  unratedMovies: z.int(),
  activity: z.array(z.object({ month: z.string(), ratings: z.int(), users: z.int(), newUsers: z.int() })),
  genres: z.array(z.object({ genre: z.string(), ...group })).describe('most movies first'),
  moviesWithoutGenre: z.int().describe('movies'),
  genreCooccurrence: z
    .array(z.array(z.number()))
    .describe('[a][b]: share of the movies of genre a that also are of genre b; order of `genres`'),
  years: z.array(z.object({ year: z.int(), ...group })).describe('by year of release'),
  moviesWithoutYear: z.int().describe('movies'),
  mostRated: z.array(ratedMovie),
  bestRated: z.array(ratedMovie).describe('by damped mean'),
  mostDivisive: z.array(ratedMovie).describe('by standard deviation, among the most rated twentieth'),
  tags: z
    .object({
      uses: z.int(),
      distinctTags: z.int(),
      users: z.int(),
      movies: z.int(),
      mostUsed: z.array(tagUse),
    })
    .nullable()
    .describe('null where the release has none'),
  densityGrid: z
    .array(z.array(z.number()))
    .describe('share of filled cells; rows: users, most active first; columns: movies, most rated first'),
  splits: z.array(splitEffect),
  environment: environmentSchema,
  timing: z.record(z.string(), z.number()).describe('seconds per phase'),
});

export type Exploration = z.output<typeof explorationSchema>;
export type Spread = z.output<typeof spread>;
export type RatedMovie = z.output<typeof ratedMovie>;
export type TagUse = z.output<typeof tagUse>;
export type SplitEffect = z.output<typeof splitEffect>;
