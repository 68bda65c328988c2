/**
 * The noise budget of a chat model: the same users asked in other words, with the candidates in other orders, and again.
 * How far its accuracy moves when nothing about the users has changed, and what merging the lists gains.
 */
import { estimates } from '../../evaluation/intervals.ts';
import { perUserMetrics } from '../../evaluation/per-user.ts';
import { comparePaired } from '../../evaluation/significance.ts';
import type { PromptTemplate } from '../../language/templates.ts';
import type { Exchange } from '../../models/language-model.ts';
import { itemsOfRow, topKOf } from '../../models/top-k.ts';
import { mean } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import type { ModelResult, NoiseRecord } from '../record.ts';
import { scoreLists, type Lists } from '../score.ts';
import { centralRanking } from './central-ranking.ts';
import { splitVariance, standardDeviation } from './variance.ts';

/** How the users are asked in one run. */
export interface Condition {
  template: PromptTemplate;
  /** Which of the orders of the candidates, from 0. */
  permutation: number;
  /** How often the same was asked before. */
  repeat: number;
}

export interface ConditionCounts {
  templates: readonly PromptTemplate[];
  permutations: number;
  repeats: number;
}

/** Every combination, repeats fastest; the first is the run that counts. */
export function conditionsOf({ templates, permutations, repeats }: ConditionCounts): Condition[] {
  return templates.flatMap((template) =>
    Array.from({ length: permutations }, (_, permutation) =>
      Array.from({ length: repeats }, (_, repeat) => ({ template, permutation, repeat })),
    ).flat(),
  );
}

/** One run: what became of every user, in the order of the users. */
export interface ConditionRun {
  condition: Condition;
  result: ModelResult;
  lists: Lists;
  /** Name and version, as records keep it. */
  template: string;
  exchanges: readonly Exchange[];
}

/** Name of the merged lists' result. */
export const MERGED = 'merged';

/**
 * The noise budget of `runs`, one for each of `conditionsOf(counts)` in that order, at the largest cut-off, and the
 * result of the lists merged by central ranking.
 */
export function measureNoise(
  prepared: Prepared,
  runs: readonly ConditionRun[],
  counts: ConditionCounts,
): { noise: NoiseRecord; merged: ModelResult } {
  const { templates, permutations, repeats } = counts;
  const { dataset, protocol } = prepared;
  const k = Math.max(...protocol.k);
  const columns = runs.map(({ result }) => f1Of(result, k));
  const at = (wording: number, order: number, repeat: number) =>
    columns[(wording * permutations + order) * repeats + repeat]!;
  const users = columns[0]!.length;
  const values = Array.from({ length: users }, (_, user) =>
    templates.map((_, w) =>
      Array.from({ length: permutations }, (_, o) =>
        Array.from({ length: repeats }, (_, r) => at(w, o, r)[user]!),
      ),
    ),
  );
  const merged = mergeRuns(prepared, runs);
  const gain = comparePaired(
    f1Of(merged, k),
    Float64Array.from({ length: users }, (_, user) => mean(columns.map((own) => own[user]!))),
    new Rng(protocol.seed).derive('noise'),
  );
  return {
    noise: {
      k,
      users,
      permutations,
      repeats,
      variance: splitVariance(values),
      standardDeviation: standardDeviation(columns.map((own) => mean(own))) ?? 0,
      prompts: templates.map((_, w) => {
        const perUser = values.map((own) => mean(own[w]!.flat()));
        const column = { f1: Float64Array.from(perUser) };
        const { template } = runs[w * permutations * repeats]!;
        return { template, f1: estimates(column, bootstrapRng(protocol.seed)).f1 };
      }),
      gain: { difference: gain.difference, ci95: gain.ci95, p: gain.p },
      runs: runs.map(({ condition, template, exchanges }, n) => ({
        template,
        permutation: condition.permutation + 1,
        repeat: condition.repeat + 1,
        f1: mean(columns[n]!),
        // Those of the first run are the record's own.
        users: (n === 0 ? [] : exchanges).map(({ user, state, reply }) => ({
          userId: dataset.userIds[user]!,
          state,
          reply,
        })),
      })),
    },
    merged,
  };
}

const bootstrapRng = (seed: number) => new Rng(seed).derive('bootstrap');

function f1Of({ perUser }: ModelResult, k: number): Float64Array {
  return perUserMetrics(perUser.hitRanks, perUser.relevant, k).f1;
}

/** The lists of all runs merged user by user, scored as a model of its own. */
function mergeRuns(prepared: Prepared, runs: readonly ConditionRun[]): ModelResult {
  const [first] = runs;
  const { users, k } = first!.lists;
  const merged = Array.from(users, (_, row) =>
    centralRanking(runs.map(({ lists }) => [...itemsOfRow(lists, row)])).map((item, n) => ({
      item,
      score: k - n,
    })),
  );
  const { name } = first!.result;
  return scoreLists(
    prepared,
    {
      name: `${name}-${MERGED}`,
      model: MERGED,
      hyperparameters: { lists: runs.length, method: 'central ranking' },
    },
    { users, ...topKOf(merged, k) },
    { asked: users },
  );
}
