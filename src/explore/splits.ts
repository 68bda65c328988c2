/** What each kind of split does to a data set: who is evaluated, what is cold, and how much future leaks into train. */
import { splitKinds, type Dataset } from '../data/dataset.ts';
import { splitRatings, type Split } from '../data/split.ts';
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
  for (const kind of splitKinds) {
    const rng = new Rng(settings.seed).derive('split');
    try {
      const split = splitRatings(dataset, { kind, testShare: settings.testShare }, rng);
      effects.push({ split: kind, ...effectOf(split, dataset, settings.threshold) });
    } catch (error) {
      if (!(error instanceof DataError)) throw error; // without timestamps there is no temporal split to show
    }
  }
  return effects;
}

/** Counts over one split. Shares that need times are null where the ratings have none. */
export function effectOf(
  { train, test }: Split,
  { userIds, itemIds }: Pick<Dataset, 'userIds' | 'itemIds'>,
  threshold: number,
): Omit<SplitEffect, 'split'> {
  const NEVER = -1;
  const lastOfUser = new Float64Array(userIds.length).fill(NEVER);
  const trained = new Uint8Array(itemIds.length);
  for (let n = 0; n < train.users.length; n++) {
    const user = train.users[n]!;
    if (train.timestamps[n]! > lastOfUser[user]!) lastOfUser[user] = train.timestamps[n]!;
    trained[train.items[n]!] = 1;
  }
  /** Bits of what a user is in this split: in test, evaluated, without a training rating. */
  const [IN_TEST, EVALUATED, COLD] = [1, 2, 4];
  const roles = new Uint8Array(userIds.length);
  const isColdMovie = new Uint8Array(itemIds.length);
  let [coldTestShare, leakedTestShare, firstTest] = [0, 0, Infinity];
  for (let n = 0; n < test.users.length; n++) {
    const user = test.users[n]!;
    const item = test.items[n]!;
    const time = test.timestamps[n]!;
    const last = lastOfUser[user]!;
    const role = IN_TEST | (test.values[n]! >= threshold ? EVALUATED : 0) | (last === NEVER ? COLD : 0);
    roles[user]! |= role;
    if (trained[item] === 0) isColdMovie[item] = 1;
    if (last === NEVER || trained[item] === 0) coldTestShare++;
    if (last > time) leakedTestShare++;
    if (time < firstTest) firstTest = time;
  }
  const usersWith = (bit: number) => roles.reduce((count, role) => count + (role & bit ? 1 : 0), 0);
  let leakedTrainShare = 0;
  for (const time of train.timestamps) if (time > firstTest) leakedTrainShare++;
  const timed = hasTimes(train) || hasTimes(test);
  return {
    trainRatings: train.users.length,
    testRatings: test.users.length,
    testUsers: usersWith(IN_TEST),
    evaluatedUsers: usersWith(EVALUATED),
    coldUsers: usersWith(COLD),
    coldMovies: isColdMovie.reduce((count, is) => count + is, 0),
    coldTestShare: coldTestShare / test.users.length,
    leakedTestShare: timed ? leakedTestShare / test.users.length : null,
    leakedTrainShare: timed ? leakedTrainShare / train.users.length : null,
  };
}
