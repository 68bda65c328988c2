/** What each kind of split does to a data set: who is evaluated, what is cold, and how much future leaks into train. */
import { splitKinds, type Dataset } from '../data/dataset.ts';
import { shuffledByUser, testMarks } from '../data/split.ts';
import { DataError } from '../util/errors.ts';
import { Rng } from '../util/rng.ts';
import { hasTimes } from './ratings.ts';
import type { SplitEffect } from './record.ts';

export interface SplitSettings {
  seed: number;
  testShare: number;
  /** A test rating of at least this is relevant. */
  threshold: number;
}

/** The effect of every split that the data allows, drawn as the experiments draw it. */
export function exploreSplits(dataset: Dataset, settings: SplitSettings): SplitEffect[] {
  const effects: SplitEffect[] = [];
  const newRng = () => new Rng(settings.seed).derive('split');
  let shuffled: ReturnType<typeof shuffledByUser> | undefined;
  const shuffleOnce = () => (shuffled ??= shuffledByUser(dataset.ratings.users, newRng()));
  for (const kind of splitKinds) {
    try {
      const options = { kind, testShare: settings.testShare };
      const isTest = testMarks(dataset, options, newRng(), shuffleOnce);
      effects.push({ split: kind, ...effectOf(isTest, dataset, Math.fround(settings.threshold)) });
    } catch (error) {
      if (!(error instanceof DataError)) throw error; // without timestamps there is no temporal split to show
    }
  }
  return effects;
}

/** The last training rating of a user who has none. */
const NEVER = -1;

/** Counts over one split: `isTest` is 1 for test ratings. Shares that need times are null where a rating has none. */
export function effectOf(
  isTest: Uint8Array,
  data: Pick<Dataset, 'ratings' | 'userIds' | 'itemIds' | 'withoutTime'>,
  threshold: number,
): Omit<SplitEffect, 'split'> {
  const { ratings, userIds, itemIds, withoutTime = 0 } = data;
  const { users, items, values, timestamps } = ratings;
  const lastOfUser = new Float64Array(userIds.length).fill(NEVER);
  const trained = new Uint8Array(itemIds.length);
  let [testRatings, firstTest] = [0, Infinity];
  for (let n = 0; n < isTest.length; n++) {
    const time = timestamps[n]!;
    if (isTest[n] === 1) {
      testRatings++;
      if (time < firstTest) firstTest = time;
      continue;
    }
    const user = users[n]!;
    if (time > lastOfUser[user]!) lastOfUser[user] = time;
    trained[items[n]!] = 1;
  }
  /** Bits of what a user is in this split: in test, evaluated, without a training rating. */
  const [IN_TEST, EVALUATED, COLD] = [1, 2, 4];
  const roles = new Uint8Array(userIds.length);
  const isColdMovie = new Uint8Array(itemIds.length);
  let [coldTest, leakedTest, leakedTrain] = [0, 0, 0];
  for (let n = 0; n < isTest.length; n++) {
    const time = timestamps[n]!;
    if (isTest[n] === 0) {
      if (time > firstTest) leakedTrain++;
      continue;
    }
    const user = users[n]!;
    const item = items[n]!;
    const last = lastOfUser[user]!;
    const role = IN_TEST | (values[n]! >= threshold ? EVALUATED : 0) | (last === NEVER ? COLD : 0);
    roles[user]! |= role;
    if (trained[item] === 0) isColdMovie[item] = 1;
    if (last === NEVER || trained[item] === 0) coldTest++;
    if (last > time) leakedTest++;
  }
  const usersWith = (bit: number) => roles.reduce((count, role) => count + (role & bit ? 1 : 0), 0);
  const trainRatings = isTest.length - testRatings;
  const timed = withoutTime === 0 && hasTimes(ratings);
  return {
    trainRatings,
    testRatings,
    testUsers: usersWith(IN_TEST),
    evaluatedUsers: usersWith(EVALUATED),
    coldUsers: usersWith(COLD),
    coldMovies: isColdMovie.reduce((count, is) => count + is, 0),
    coldTestShare: coldTest / testRatings,
    leakedTestShare: timed ? leakedTest / testRatings : null,
    leakedTrainShare: timed ? leakedTrain / trainRatings : null,
  };
}
