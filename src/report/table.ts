/** Tables for the terminal: plain text without colour, so that they can be piped, compared and pasted. */
import Table from 'cli-table3';
import { formatMetric, metricKeys, metricOf, type MetricKey } from '../evaluation/metric-keys.ts';
import type { Estimate, ResultsRecord } from '../experiment/record.ts';

/** What a row of a metrics table needs of a model's result; other records' results fit as well. */
export interface TableRow {
  name: string;
  /** By cut-off. */
  metrics: Record<string, MetricValues>;
}

/** Values of one model at one cut-off; absent ones are shown as a dash. */
export type MetricValues = Partial<Record<MetricKey, Estimate | number | null | undefined>>;

/** The columns that fit a terminal. The rest of the metrics is in the record. */
const columns = metricKeys.filter((key) => metricOf(key).column === 'main');

/** "MAP, MRR and hit rate": the titles of the metrics without a column. */
const omitted = joinNames(
  metricKeys.filter((key) => metricOf(key).column !== 'main').map((key) => metricOf(key).title),
);

/** "0.1856" above "[.174 .197]", a number alone where there is no interval, a dash where there is no value. */
export function metricCell(key: MetricKey, value: MetricValues[MetricKey]): string {
  if (typeof value !== 'object' || value === null) return formatMetric(key, value);
  return `${formatMetric(key, value.mean)}\n${interval(value)}`;
}

/** Every piece of border that cli-table3 draws unless told otherwise. */
const borders = (
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right ' +
  'left left-mid mid mid-mid right right-mid middle'
).split(' ');

/** The whole of a record for a person: what was done, one table per cut-off, what the numbers are. Ends in a newline. */
export function recordTable(record: ResultsRecord): string {
  const { dataset, protocol, models } = record;
  const users = models[0]?.users;
  const lines = [
    `${dataset.name}: ${formatCount(dataset.ratings)} ratings, ${formatCount(dataset.users)} users, ${formatCount(dataset.items)} movies`,
    `split ${protocol.split}, seed ${protocol.seed}; relevant: ${protocol.threshold} stars or more` +
      (users === undefined
        ? ''
        : `; ${formatCount(users.evaluated)} users evaluated, ${formatCount(users.withoutRelevant)} without a relevant test movie left out`),
    ...protocol.k.map((k) => `\n${metricsTable(models, k)}`),
    'Means over users; in brackets the 95% bootstrap interval. F1 is the mean of the users’ F1; F1 of means is the',
    `harmonic mean of the two means before it. ${omitted} are in the record.`,
  ];
  for (const { name, users: own, ratingPrediction } of models) {
    if (ratingPrediction !== undefined) {
      const { rmse, mae, ratings } = ratingPrediction;
      lines.push(
        `${name}: RMSE ${rmse.toFixed(4)}, MAE ${mae.toFixed(4)} on ${formatCount(ratings)} test ratings.`,
      );
    }
    if (own.shortLists > 0) {
      lines.push(
        `${name}: ${own.shortLists} users got a short list, ${own.emptyLists} of them none: those score 0.`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Models by metrics at cut-off `k`, each mean with its interval below it. Models without that cut-off are left out.
 */
export function metricsTable(rows: readonly TableRow[], k: number): string {
  const body: string[][] = [];
  for (const { name, metrics } of rows) {
    const own = metrics[String(k)];
    if (own === undefined) continue;
    body.push([name, ...columns.map((key) => metricCell(key, own[key]))]);
  }
  return textTable([`k = ${k}`, ...columns.map((key) => metricOf(key).title)], body);
}

/** Rows under a head with one rule between them. The first `left` columns are aligned left, the others right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column < left ? 'left' : 'right')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: Object.fromEntries(borders.map((part) => [part, ''])),
  });
  table.push(...rows.map((row) => row.map(stripControls)));
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  const width = Math.max(...lines.map((line) => line.length));
  const headHeight = Math.max(...head.map((cell) => cell.split('\n').length));
  lines.splice(headHeight, 0, '─'.repeat(width));
  return lines.join('\n');
}

/** Without control characters, which a title from a file could use to rewrite the terminal. */
function stripControls(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '\uFFFD');
}

/** "[.152 .180]": an interval in as little room as it takes. */
export function interval({ ci95: [low, high] }: Pick<Estimate, 'ci95'>, digits = 3): string {
  return `[${dropLeadingZero(low, digits)} ${dropLeadingZero(high, digits)}]`;
}

/** 100004 as "100,004". */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** Without a leading zero. */
function dropLeadingZero(value: number, digits: number): string {
  return value.toFixed(digits).replace(/^(-?)0[.]/, '$1.');
}

/** "a, b and c". */
export function joinNames(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
