/** Users to look at: chosen to differ, with what every model recommends to them. */
import type { Id } from '../../data/dataset.ts';
import { byId } from '../../data/ids.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import type { Candidate } from './candidates.ts';
import type { ExampleUser } from './record.ts';

/** What is known of a user in all models that evaluated them. */
interface UserOfAll {
  userId: Id;
  history: string;
  /** F1 by model. */
  f1: number[];
}

/**
 * Up to three users of the language models' records: one on whom the models agree, one on whom they disagree, and one
 * with a short history; none where no record has texts. Users that more records have come first. A model without texts
 * shows the ranks of its hits alone, since its record holds no list.
 */
export function chooseExamples(candidates: readonly Candidate[], k: number): ExampleUser[] {
  const users = usersWithTexts(candidates, k);
  const range = ({ f1 }: UserOfAll) => Math.max(...f1) - Math.min(...f1);
  const best = (own: UserOfAll) => Math.max(...own.f1);
  const orders: [why: string, compare: (a: UserOfAll, b: UserOfAll) => number][] = [
    ['the models agree', (a, b) => Number(best(a) === 0) - Number(best(b) === 0) || range(a) - range(b)],
    ['the models disagree', (a, b) => range(b) - range(a)],
    ['a short history', (a, b) => a.history.length - b.history.length],
  ];
  const chosen: ExampleUser[] = [];
  for (const [why, compare] of orders) {
    const rest = users.filter(({ userId }) => !chosen.some((own) => own.userId === userId));
    const [first] = rest.sort((a, b) => compare(a, b) || byId(a.userId, b.userId));
    if (first === undefined) break;
    const { userId, history } = first;
    chosen.push({ userId, why, history, lists: candidates.flatMap((own) => listOf(own, userId)) });
  }
  return chosen;
}

function usersWithTexts(candidates: readonly Candidate[], k: number): UserOfAll[] {
  const histories = new Map<Id, { history: string; records: Set<string> }>();
  for (const { file, record } of candidates) {
    for (const { userId, history } of record.language?.users ?? []) {
      const own = histories.get(userId) ?? { history, records: new Set() };
      histories.set(userId, { ...own, records: own.records.add(file) });
    }
  }
  const most = Math.max(0, ...[...histories.values()].map(({ records }) => records.size));
  const f1ByModel = candidates.map(({ result: { perUser } }) => {
    const { f1 } = perUserMetrics(perUser.hitRanks, perUser.relevant, k);
    return new Map(perUser.userIds.map((userId, row) => [userId, f1[row]!]));
  });
  return [...histories].flatMap(([userId, { history, records }]) => {
    const f1 = f1ByModel.flatMap((own) => own.get(userId) ?? []);
    return records.size < most || f1.length === 0 ? [] : [{ userId, history, f1 }];
  });
}

function listOf({ name, result, record }: Candidate, userId: Id): ExampleUser['lists'] {
  const row = result.perUser.userIds.indexOf(userId);
  if (row < 0) return [];
  const hitRanks = result.perUser.hitRanks[row]!;
  const wrote = record.models[0] === result;
  const answer = wrote ? record.language?.users.find((own) => own.userId === userId) : undefined;
  return [
    {
      name,
      hitRanks,
      relevant: result.perUser.relevant[row]!,
      state: answer?.state ?? null,
      recommendations: answer?.recommendations ?? null,
    },
  ];
}
