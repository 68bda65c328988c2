/** The pictures of `recsys compare` that set accuracy against something else: time, cost, coverage, novelty. */
import type { ComparedModel, Comparison } from '../../experiment/compare/record.ts';
import type { Chart, ChartSpec } from '../charts/chart.ts';
import { percent, spreadLabels } from '../charts/parts.ts';
import { LABEL_MARGIN_PX, mainCutoff } from './common.ts';

const powersOfTen = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4, 1e5];

/** A property of the models against F1: one point each, its name beside it. */
function againstF1(
  found: Comparison,
  words: Pick<Chart, 'id' | 'title' | 'note'> & { axis: string; log?: boolean; format?: string },
  valueOf: (model: ComparedModel) => number | null,
): Chart[] {
  const k = mainCutoff(found);
  const points = found.models.flatMap((model) => {
    const value = valueOf(model);
    return value === null ? [] : [{ name: model.name, value, f1: model.metrics[k]!.f1.mean }];
  });
  if (points.length === 0) return [];
  const height = 240;
  const top = Math.max(...points.map(({ f1 }) => f1), 1e-3);
  const heights = spreadLabels(
    points.map(({ f1 }) => f1),
    (13 * top) / (height - 45),
  );
  const { id, title, note, axis, log = false, format = '.2~f' } = words;
  const largest = Math.max(...points.map(({ value }) => value));
  const spec: ChartSpec = {
    height,
    data: { values: points.map((point, n) => ({ ...point, labelAt: heights[n] })) },
    encoding: {
      x: {
        field: 'value',
        type: 'quantitative',
        scale: log
          ? { type: 'log', domainMax: 12 * largest, nice: false }
          : { domainMax: 1.5 * largest, nice: false },
        axis: { title: axis, format, ...(log ? { values: powersOfTen } : { tickCount: 4 }) },
      },
    },
    layer: [
      {
        mark: 'point',
        encoding: { y: { field: 'f1', type: 'quantitative', axis: { title: `F1@${k}`, tickCount: 5 } } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 8, limit: LABEL_MARGIN_PX },
        encoding: { y: { field: 'labelAt', type: 'quantitative' }, text: { field: 'name' } },
      },
    ],
  };
  return [
    {
      id,
      title,
      note,
      description: `Points: ${points.map(({ name, value, f1 }) => `${name} at ${value.toPrecision(3)}, F1 ${f1.toFixed(3)}`).join('; ')}.`,
      spec,
      table: {
        head: ['model', axis, `F1@${k}`],
        rows: points.map(({ name, value, f1 }) => [name, value.toPrecision(4), f1.toFixed(4)]),
      },
    },
  ];
}

/** Accuracy against time, and against cost where there is any. */
export function priceCharts(found: Comparison): Chart[] {
  return [
    ...againstF1(
      found,
      {
        id: 'time',
        title: 'Accuracy against time',
        note: 'Seconds to fit the model and to recommend for all evaluated users, as recorded on the machine of each record; logarithmic.',
        axis: 'seconds',
        log: true,
        format: '~g',
      },
      ({ name }) => {
        const { fit, recommend } = found.timing[name]!;
        return fit === null && recommend === null ? null : Math.max(1e-3, (fit ?? 0) + (recommend ?? 0));
      },
    ),
    ...againstF1(
      found,
      {
        id: 'cost',
        title: 'Accuracy against cost',
        note: 'US dollars paid for the answers, as recorded.',
        axis: 'US dollars',
        format: '~g',
      },
      ({ costUsd }) => costUsd,
    ),
  ];
}

/** What lists are like besides being right. */
export function listCharts(found: Comparison): Chart[] {
  const [widest] = [...found.models].sort((a, b) => (b.lists.coverage ?? 0) - (a.lists.coverage ?? 0));
  return [
    ...againstF1(
      found,
      {
        id: 'coverage',
        title: `${widest!.name} recommends ${percent(widest!.lists.coverage ?? 0)} of the catalogue, more than any other`,
        note: 'Share of the movies in train that are recommended to anybody, in per cent. Over all users of each record.',
        axis: 'coverage, per cent',
      },
      ({ lists: { coverage } }) => (typeof coverage === 'number' ? 100 * coverage : null),
    ),
    ...againstF1(
      found,
      {
        id: 'novelty',
        title: 'Novel lists are easy, novel and right ones are not',
        note: 'Novelty: mean self-information of the recommended movies in bits; a movie that half of the users rated has 1.',
        axis: 'novelty, bits',
      },
      ({ lists }) => lists.novelty ?? null,
    ),
  ];
}
