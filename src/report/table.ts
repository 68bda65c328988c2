/** Tables for the terminal: plain text, so that they can be piped, compared and pasted. */
import { asWritten } from '../data/ratings/values.ts';
import Table from 'cli-table3';
import { formatMetric, metricKeys, metricOf, type MetricKey } from '../evaluation/metric-keys.ts';
import type { Estimate, ResultsRecord } from '../experiment/record.ts';
import { wrapWords } from './charts/text.ts';

/** What a row of a metrics table needs of a model's result; other records' results fit as well. */
export interface TableRow {
  name: string;
  /** By cut-off. */
  metrics: Record<string, MetricValues>;
  /** To fit and to recommend; null where that was not measured. */
  seconds?: number | null;
}

/** Values of one model at one cut-off; absent ones are shown as a dash. */
export type MetricValues = Partial<Record<MetricKey, Estimate | number | null | undefined>>;

/** The columns that fit a terminal. The rest of the metrics is in the record. */
const columns = metricKeys.filter((key) => metricOf(key).column === 'main');

/**
 * "0.1856" above "[.174 .197]", between them "±.0021" where there are seeds; a number alone where there is no interval, a
 * dash where there is no value.
 */
export function metricCell(key: MetricKey, value: MetricValues[MetricKey]): string {
  if (typeof value !== 'object' || value === null) return formatMetric(key, value);
  const deviation = value.sd === undefined ? '' : `±${dropLeadingZero(value.sd, 4)}\n`;
  return `${formatMetric(key, value.mean)}\n${deviation}${interval(value)}`;
}

/** Every piece of the border that cli-table3 draws by default. */
const borders = (
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right ' +
  'left left-mid mid mid-mid right right-mid middle'
).split(' ');

/** Letters of a model's name on one line. */
const NAME_LETTERS = 20;

/**
 * Models by metrics at cut-off `k` in 80 columns, each mean with its interval below it; a star marks the highest of a
 * column. Models without that cut-off are left out. Seconds have a column where any row has them.
 */
export function metricsTable(rows: readonly TableRow[], k: number): string {
  const shown = rows.flatMap((row) => {
    const own = row.metrics[String(k)];
    return own === undefined ? [] : [{ ...row, own }];
  });
  const best = new Map(columns.map((key) => [key, highestOf(shown.map(({ own }) => own[key]))]));
  const timed = shown.some(({ seconds }) => typeof seconds === 'number');
  const body = shown.map(({ name, own, seconds }) => [
    wrapWords(name, NAME_LETTERS).join('\n'),
    ...columns.map((key) => `${meanOf(own[key]) === best.get(key) ? '*' : ''}${metricCell(key, own[key])}`),
    ...(timed ? [formatSeconds(seconds)] : []),
  ]);
  const head = [`k = ${k}`, ...columns.map((key) => metricOf(key).title), ...(timed ? ['time'] : [])];
  return textTable(head, body);
}

/** The value to mark; undefined where no two differ, so that nothing is marked. */
function highestOf(values: readonly MetricValues[MetricKey][]): number | undefined {
  const means = values.flatMap((value) => meanOf(value) ?? []);
  const top = Math.max(...means);
  return means.some((mean) => mean < top) ? top : undefined;
}

function meanOf(value: MetricValues[MetricKey]): number | undefined {
  return (typeof value === 'object' ? value?.mean : value) ?? undefined;
}

/** "0.51 s", "364 s"; a dash where it was not measured. */
function formatSeconds(seconds: number | null | undefined): string {
  if (typeof seconds !== 'number') return '–';
  if (seconds < 0.005) return '<0.01 s';
  return `${seconds < 10 ? seconds.toFixed(2) : formatCount(Math.round(seconds))} s`;
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

/** "62.5%" above its interval in per cent, "[54 71]"; a dash where there is no value. */
export function shareCell(value: Estimate | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const [low, high] = value.ci95.map((end) => (100 * end).toFixed(0));
  return `${(100 * value.mean).toFixed(1)}%\n[${low} ${high}]`;
}

/** "seed 42", "seeds 1, 2, 3". */
export function describeSeeds({ seed, seeds }: ResultsRecord['protocol']): string {
  return seeds === undefined ? `seed ${seed}` : `seeds ${seeds.map((own) => own.seed).join(', ')}`;
}

/** Which test ratings are relevant: "4 stars or more"; at 0 all of them, also where the data have no stars. */
export function describeThreshold({ threshold }: Pick<ResultsRecord['protocol'], 'threshold'>): string {
  return threshold === 0 ? 'every test rating' : `${asWritten(threshold)} stars or more`;
}

/** 100004 as "100,004"; without `toLocaleString`, whose first call loads 30 ms of tables. */
export function formatCount(value: number): string {
  return String(value).replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}

/** "1 user", "1,234 users". */
export function countNoun(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Without a leading zero. */
function dropLeadingZero(value: number, digits: number): string {
  return value.toFixed(digits).replace(/^(-?)0[.]/, '$1.');
}

/** "a, b and c". */
export function joinNames(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
