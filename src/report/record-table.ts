/** What a person sees of one record in the terminal. */
import { metricKeys, metricOf } from '../evaluation/metric-keys.ts';
import { perUserMetrics } from '../evaluation/per-user.ts';
import { pairedP, SIGNIFICANCE, smallestPossibleP } from '../evaluation/significance.ts';
import type { ModelResult, ResultsRecord } from '../experiment/record.ts';
import { mean, sum } from '../util/arrays.ts';
import { Rng } from '../util/rng.ts';
import { wrapWords } from './charts/text.ts';
import { describeSeeds, describeThreshold, formatCount, joinNames, metricsTable } from './table.ts';

/** Columns of the terminal that prose is broken for. */
const TERMINAL_COLUMNS = 80;

const ONE_SEED = 'Means over users, in brackets the 95% interval; F1 is the mean of the users’ F1';
const SEVERAL_SEEDS =
  'Means over seeds of the means over users, ± their standard deviation, in brackets the 95% interval over users and seeds together; counts of users are those of the first seed; `recsys compare` tests the models';

/** The whole of a record for a person: what was done, one table per cut-off, what the numbers are. Ends in a newline. */
export function recordTable(record: ResultsRecord): string {
  const { dataset, protocol, models } = record;
  const users = models[0]?.users;
  const rows = models.map((model) => ({ ...model, seconds: secondsOf(record, model) }));
  const omitted = metricKeys
    .filter((key) => metricOf(key).column !== 'main')
    .map((key) => metricOf(key).title);
  const means = protocol.seeds === undefined ? ONE_SEED : SEVERAL_SEEDS;
  const legend = models.length > 1 ? `${means}; * the highest` : means;
  const lines = [
    `${dataset.name}: ${formatCount(dataset.ratings)} ratings, ${formatCount(dataset.users)} users, ${formatCount(dataset.items)} movies`,
    `split ${protocol.split}${protocol.heldOutUsers === undefined ? '' : `, ${protocol.heldOutUsers} users held out of training`}, ${describeSeeds(protocol)}; relevant: ${describeThreshold(protocol)}`,
    ...(users === undefined
      ? []
      : [
          `${formatCount(users.evaluated)} users evaluated, ${formatCount(users.withoutRelevant)} without a relevant test movie left out`,
        ]),
    ...protocol.k.map((k) => `\n${metricsTable(rows, k)}`),
    '',
    ...firstTwo(record).flatMap((line) => wrapWords(line, TERMINAL_COLUMNS)),
    ...wrapWords(`${legend}. Also in the record: ${joinNames(omitted)}.`, TERMINAL_COLUMNS),
    ...models.flatMap(notesOf).flatMap((line) => wrapWords(line, TERMINAL_COLUMNS)),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether the two models with the highest F1 differ, by the paired randomisation test over the same users. */
function firstTwo({ models, protocol }: ResultsRecord): string[] {
  const k = Math.max(...protocol.k);
  const [first, second] = models.toSorted((a, b) => f1Of(b, k) - f1Of(a, k));
  if (first === undefined || second === undefined || protocol.seeds !== undefined) return [];
  if (first.perUser.userIds.join() !== second.perUser.userIds.join() || protocol.convention !== undefined)
    return [];
  const [a, b] = [first, second].map(
    ({ perUser }) => perUserMetrics(perUser.hitRanks, perUser.relevant, k).f1,
  );
  const p = pairedP(a!, b!, new Rng(protocol.seed).derive(`compare:${first.name}:${second.name}`));
  const users = `${formatCount(first.users.evaluated)} users`;
  const names = `${first.name} and ${second.name}`;
  if (smallestPossibleP(first.users.evaluated) >= SIGNIFICANCE) {
    return [`The first two by F1@${k}: ${users} are too few to tell ${names} apart.`];
  }
  const verdict =
    p < SIGNIFICANCE ? `${first.name} is better than ${second.name}` : `no difference shown between ${names}`;
  return [
    `The first two by F1@${k}: ${verdict} (paired test, ${users}, p ${p < 0.001 ? '< 0.001' : p.toFixed(3)}).`,
  ];
}

function f1Of({ metrics }: ModelResult, k: number): number {
  return metrics[String(k)]?.f1.mean ?? 0;
}

function secondsOf({ timing }: ResultsRecord, { name, hyperparameters }: ModelResult): number | null {
  const [fit, recommend] = [timing[`${name}.fit`], timing[`${name}.recommend`]];
  const replayed = hyperparameters['replayed'] === true; // reading a file is no model's time
  return replayed || recommend === undefined ? null : (fit ?? 0) + recommend;
}

function notesOf(model: ModelResult): string[] {
  const { name, users } = model;
  const notes = errorsNote(model);
  if (users.shortLists > 0) {
    notes.push(
      `${name}: ${formatCount(users.shortLists)} users got a short list, ${formatCount(users.emptyLists)} of them none: those score 0.`,
    );
  }
  return notes;
}

/** Errors of predicted ratings; over seeds, the means of what each seed gave. */
function errorsNote({ name, ratingPrediction, seeds }: ModelResult): string[] {
  const found = (seeds ?? [{ ratingPrediction }]).flatMap((own) => own.ratingPrediction ?? []);
  if (found.length === 0) return [];
  const rmse = mean(found.map((own) => own.rmse));
  const mae = mean(found.map((own) => own.mae));
  const ratings = formatCount(sum(found.map((own) => own.ratings)));
  const where =
    seeds === undefined
      ? ` on ${ratings} test ratings`
      : `, means over ${found.length} seeds with ${ratings} test ratings in all`;
  return [`${name}: RMSE ${rmse.toFixed(4)}, MAE ${mae.toFixed(4)}${where}.`];
}
