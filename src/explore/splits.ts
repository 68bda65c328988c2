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
  const [testUsers, evaluated, coldUsers, coldMovies] = [0, 0, 0, 0].map(() => new Set<number>()) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  let [coldTestShare, leakedTestShare, firstTest] = [0, 0, Infinity];
  for (let n = 0; n < test.users.length; n++) {
    const [user, item, time] = [test.users[n]!, test.items[n]!, test.timestamps[n]!];
    const userIsCold = lastOfUser[user] === NEVER;
    testUsers.add(user);
    if (test.values[n]! >= threshold) evaluated.add(user);
    if (userIsCold) coldUsers.add(user);
    if (trained[item] === 0) coldMovies.add(item);
    if (userIsCold || trained[item] === 0) coldTestShare++;
    if (lastOfUser[user]! > time) leakedTestShare++;
    if (time < firstTest) firstTest = time;
  }
  let leakedTrainShare = 0;
  for (const time of train.timestamps) if (time > firstTest) leakedTrainShare++;
  const timed = hasTimes(train) || hasTimes(test);
  return {
    trainRatings: train.users.length,
    testRatings: test.users.length,
    testUsers: testUsers.size,
    evaluatedUsers: evaluated.size,
    coldUsers: coldUsers.size,
    coldMovies: coldMovies.size,
    coldTestShare: coldTestShare / test.users.length,
    leakedTestShare: timed ? leakedTestShare / test.users.length : null,
    leakedTrainShare: timed ? leakedTrainShare / train.users.length : null,
  };
}
