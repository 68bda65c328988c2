/** The compared models as one table for a paper, a page or another tool. */
import { formatMetric, metricKeys, metricOf, rankingMetrics } from '../../evaluation/metric-keys.ts';
import type { ComparedModel, Comparison } from '../../experiment/compare/record.ts';
import { formatTable, type TableFormat } from '../formats.ts';
import { interval } from '../table.ts';

/** Ranking metrics of narrow tables. */
const mainMetrics = rankingMetrics.filter((key) => metricOf(key).column === 'main');

/**
 * Models by metrics at every cut-off, with 95% intervals; CSV has a row per model and cut-off with every metric, digit and
 * end of an interval. Ends in a newline.
 */
export function comparisonTable({ models, protocol }: Comparison, format: TableFormat): string {
  const heads = protocol.k.flatMap((k) => mainMetrics.map((key) => `${metricOf(key).title}@${k}`));
  if (format === 'csv') return csvTable(models, protocol.k);
  const rows = models.map(({ name, metrics }) => [
    name,
    ...protocol.k.flatMap((k) =>
      mainMetrics.map((key) => {
        const value = metrics[k]![key];
        return `${formatMetric(key, value.mean)} ${interval(value)}`;
      }),
    ),
  ]);
  return formatTable(format, ['model', ...heads], rows);
}

function csvTable(models: readonly ComparedModel[], cutoffs: readonly number[]): string {
  const head = metricKeys.flatMap((key) => (isRanking(key) ? [key, `${key}Low`, `${key}High`] : [key]));
  const largest = Math.max(...cutoffs);
  const rows = models.flatMap(({ name, metrics, lists }) =>
    cutoffs.map((k) => [
      name,
      String(k),
      ...metricKeys.flatMap((key) => {
        if (!isRanking(key)) return [k === largest ? String(lists[key] ?? '') : ''];
        const { mean, ci95 } = metrics[k]![key];
        return [mean, ...ci95].map(String);
      }),
    ]),
  );
  return formatTable('csv', ['model', 'k', ...head], rows);
}

function isRanking(key: string): key is (typeof rankingMetrics)[number] {
  return (rankingMetrics as readonly string[]).includes(key);
}
