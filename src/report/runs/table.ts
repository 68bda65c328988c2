/** Runs as a table, and what differs between them. */
import { formatMetric, metricKeys, metricOf, type MetricKey } from '../../evaluation/metric-keys.ts';
import type { Run, RunValue } from '../../experiment/runs/list.ts';
import { differingKeys } from '../../experiment/runs/select.ts';
import { wrapWords } from '../charts/text.ts';
import { formatTable, type TableFormat } from '../formats.ts';

/** Columns of the list unless others are asked for; those of the second group where the runs differ in them. */
const alwaysShown = ['f1', 'ndcg', 'fitSeconds', 'date'];
const shownWhereDifferent = ['dataset', 'split', 'seed', 'k', 'threshold'];
/** Letters of a name on one line: the columns that are always shown fit 80 then. */
const NAME_LETTERS = 36;

function defaultColumns(runs: readonly Run[]): string[] {
  const differing = differingKeys(runs);
  return ['name', ...shownWhereDifferent.filter((key) => differing.includes(key)), ...alwaysShown];
}

/** A run per row. A run without a value of a column has a dash. Ends in a newline. */
export function runsTable(
  runs: readonly Run[],
  columns: readonly string[] = defaultColumns(runs),
  format: TableFormat = 'text',
): string {
  const rows = runs.map(({ values }) =>
    columns.map((key) => {
      const text = formatValue(key, values[key], format);
      return key === 'name' && format === 'text' ? wrapWords(text, NAME_LETTERS).join('\n') : text;
    }),
  );
  const left = columns.findIndex((key) => runs.some(({ values }) => typeof values[key] === 'number'));
  return formatTable(format, columns.map(titleOf), rows, left < 0 ? columns.length : left);
}

/** What differs between runs, a run per column: settings first, then scores. Ends in a newline. */
export function differencesTable(runs: readonly Run[], format: TableFormat = 'text'): string {
  const keys = differingKeys(runs);
  if (keys.length === 0) return 'Settings and scores are the same.\n';
  const rows = keys.map((key) => [
    titleOf(key),
    ...runs.map(({ values }) => formatValue(key, values[key], format)),
  ]);
  return formatTable(format, ['', ...runs.map(({ name }) => name)], rows);
}

function isMetric(key: string): key is MetricKey {
  return (metricKeys as readonly string[]).includes(key);
}

/** "learning rate", "F1". */
export function titleOf(key: string): string {
  if (isMetric(key)) return metricOf(key).title;
  if (key.endsWith('Seconds')) return `${key.replace('Seconds', '')}, s`;
  return key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** CSV keeps every digit. */
export function formatValue(key: string, value: RunValue, format: TableFormat = 'text'): string {
  if (value === undefined) return format === 'csv' ? '' : '–';
  if (format === 'csv' || typeof value !== 'number') {
    return key === 'date' && format !== 'csv' ? String(value).slice(0, 16).replace('T', ' ') : String(value);
  }
  if (isMetric(key)) return formatMetric(key, value);
  return key.endsWith('Seconds') ? value.toFixed(2) : String(value);
}
