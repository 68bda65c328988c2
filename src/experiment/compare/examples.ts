/** Users to look at: chosen to differ, with what every model recommends to them. */
import type { Id } from '../../data/dataset.ts';
import { byId } from '../../data/ids.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import type { RecordedModel } from './recorded-models.ts';
import type { ExampleUser } from './record.ts';
import type { SavedUser } from './saved-lists.ts';

/** What is known of a user in the models that evaluated them. */
interface KnownUser {
  userId: Id;
  /** As a prompt had it; null where no record has texts of the user. */
  history: string | null;
  /** Letters of the history or, without one, training ratings. */
  historyLength: number;
  /** F1 by model. */
  f1: number[];
}

/**
 * Up to three users whose lists are known: one on whom the models agree, one on whom they disagree, and one with a short
 * history; none where no record has texts and no lists were saved. Users that more records know come first.
 */
export function chooseExamples(recorded: readonly RecordedModel[], k: number): ExampleUser[] {
  const users = knownUsers(recorded, k);
  const range = ({ f1 }: KnownUser) => Math.max(...f1) - Math.min(...f1);
  const best = (own: KnownUser) => Math.max(...own.f1);
  const orders: [why: string, compare: (a: KnownUser, b: KnownUser) => number][] = [
    ['the models agree', (a, b) => Number(best(a) === 0) - Number(best(b) === 0) || range(a) - range(b)],
    ['the models disagree', (a, b) => range(b) - range(a)],
    ['a short history', (a, b) => a.historyLength - b.historyLength],
  ];
  const chosen: ExampleUser[] = [];
  for (const [why, compare] of orders) {
    const rest = users.filter(({ userId }) => !chosen.some((own) => own.userId === userId));
    const [first] = rest.sort((a, b) => compare(a, b) || byId(a.userId, b.userId));
    if (first === undefined) break;
    const { userId, history } = first;
    const trainRatings = recorded.map(({ lists }) => lists.get(userId)?.trainRatings);
    chosen.push({
      userId,
      why,
      history,
      trainRatings: trainRatings.find((count) => count !== undefined) ?? null,
      lists: recorded.flatMap((own) => listOf(own, userId)),
    });
  }
  return chosen;
}

function knownUsers(recorded: readonly RecordedModel[], k: number): KnownUser[] {
  const known = new Map<Id, { history: string | null; historyLength: number; records: Set<string> }>();
  const add = (userId: Id, file: string, history: string | null, historyLength: number) => {
    const { records } = known.get(userId) ?? { records: new Set<string>() };
    known.set(userId, {
      ...(known.get(userId) ?? { history, historyLength }),
      records: records.add(file),
    });
  };
  for (const { file, record } of recorded) {
    for (const { userId, history } of record.language?.users ?? [])
      add(userId, file, history, history.length);
  }
  for (const { file, lists } of recorded) {
    for (const { userId, trainRatings } of lists.values()) add(userId, file, null, trainRatings);
  }
  const most = Math.max(0, ...[...known.values()].map(({ records }) => records.size));
  const f1ByModel = recorded.map(({ result: { perUser } }) => {
    const { f1 } = perUserMetrics(perUser.hitRanks, perUser.relevant, k);
    return new Map(perUser.userIds.map((userId, row) => [userId, f1[row]!]));
  });
  return [...known].flatMap(([userId, { records, ...own }]) => {
    const f1 = f1ByModel.flatMap((byUser) => byUser.get(userId) ?? []);
    return records.size < most || f1.length === 0 ? [] : [{ userId, f1, ...own }];
  });
}

function listOf(model: RecordedModel, userId: Id): ExampleUser['lists'] {
  const { name, result, record } = model;
  const row = result.perUser.userIds.indexOf(userId);
  if (row < 0) return [];
  const wrote = record.models[0] === result;
  const answer = wrote ? record.language?.users.find((own) => own.userId === userId) : undefined;
  return [
    {
      name,
      hitRanks: result.perUser.hitRanks[row]!,
      relevant: result.perUser.relevant[row]!,
      state: answer?.state ?? null,
      recommendations: answer?.recommendations ?? savedRecommendations(model.lists.get(userId)),
    },
  ];
}

/** Titles are the catalogue's own, and no reason stands beside them. */
function savedRecommendations(saved: SavedUser | undefined): ExampleUser['lists'][number]['recommendations'] {
  if (saved === undefined) return null;
  return saved.recommendations.map(({ rank, movieId, title }) => ({
    rank,
    text: title === '' ? String(movieId) : title,
    movieId,
    title,
    reason: '',
    match: 'exact',
  }));
}
