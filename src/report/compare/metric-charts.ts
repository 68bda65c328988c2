/** The pictures of `recsys compare` that show accuracy: metrics with intervals, precision and recall over cut-offs. */
import { metricOf, type RankingMetric } from '../../evaluation/metric-keys.ts';
import type { Comparison } from '../../experiment/compare/record.ts';
import type { Chart } from '../charts/chart.ts';
import { intervalBars, spreadLabels } from '../charts/parts.ts';
import { LABEL_MARGIN_PX, mainCutoff, modelColour } from './common.ts';

/** Metrics that have a picture, the one that models are ranked by first. */
const drawnMetrics: readonly RankingMetric[] = ['f1', 'precision', 'recall', 'ndcg', 'map', 'hitRate'];

/** One chart per metric: a bar per model with its 95% interval, in the order of F1. */
export function metricCharts(found: Comparison): Chart[] {
  const k = mainCutoff(found);
  return drawnMetrics.map((metric) => {
    const { title, meaning } = metricOf(metric);
    const name = capitalised(title);
    const rows = found.models.map((model) => {
      const { mean, ci95 } = model.metrics[k]![metric];
      return { name: model.name, mean, low: ci95[0], high: ci95[1] };
    });
    const best = rows.reduce((a, b) => (b.mean > a.mean ? b : a));
    return {
      id: `metric-${metric}`,
      title: `${name}@${k}: ${best.name} has the highest, ${best.mean.toFixed(3)}`,
      note: `${meaning} Line: 95% bootstrap interval.`,
      description: `Bars with intervals: ${rows.map((row) => `${row.name} ${row.mean.toFixed(3)}`).join(', ')}.`,
      spec: intervalBars(rows, 3),
      table: {
        head: ['model', name, 'from', 'to'],
        rows: rows.map((row) => [
          row.name,
          ...[row.mean, row.low, row.high].map((value) => value.toFixed(4)),
        ]),
      },
    };
  });
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Precision against recall: one line per model, from a list of one movie to one of `k`. */
export function curveChart(found: Comparison): Chart {
  const k = mainCutoff(found);
  const values = found.models.flatMap(({ name, curve }) => curve.map((point) => ({ name, ...point })));
  const height = 260;
  const top = Math.max(...values.map(({ precision }) => precision));
  const ends = found.models.map(({ name, curve }) => ({ name, ...curve.at(-1)! }));
  const heights = spreadLabels(
    ends.map(({ precision }) => precision),
    (13 * top) / (height - 45),
  );
  return {
    id: 'cutoffs',
    title: 'Longer lists find more and are right less often',
    note: `Mean precision against mean recall for lists of 1 to ${k} movies; each line begins at the left with one movie and ends at its name with ${k}.`,
    description: `A falling curve for each of ${found.models.length} models; the higher and the further to the right, the better.`,
    spec: {
      height,
      encoding: {
        x: {
          field: 'recall',
          type: 'quantitative',
          scale: { domainMax: 1.35 * Math.max(...values.map(({ recall }) => recall)), nice: false },
          axis: { title: 'recall', tickCount: 5 },
        },
        y: { field: 'precision', type: 'quantitative', axis: { title: 'precision', tickCount: 5 } },
        color: modelColour(found.models),
      },
      layer: [
        {
          data: { values },
          mark: { type: 'line', point: { size: 14 } },
          encoding: { order: { field: 'k' } },
        },
        {
          data: { values: ends.map((end, n) => ({ ...end, precision: heights[n] })) },
          mark: { type: 'text', align: 'left', dx: 7, fontWeight: 600, limit: LABEL_MARGIN_PX },
          encoding: { text: { field: 'name' } },
        },
      ],
    },
    table: {
      head: ['model', 'k', 'precision', 'recall'],
      rows: values.map(({ name, k, precision, recall }) => [
        name,
        k,
        precision.toFixed(4),
        recall.toFixed(4),
      ]),
    },
  };
}
