/** The pictures of `recsys compare`: metrics, cut-offs, paired tests, wins, time and cost, what lists are like. */
import type { ComparedModel, ComparedPair, Comparison } from '../../experiment/compare/record.ts';
import { intervalBars, nameAxis, percent, rowsHeight, spreadLabels } from '../charts/parts.ts';
import type { Chart, ChartSpec } from '../charts/chart.ts';
import { interval } from '../table.ts';
import { colour, seriesColours } from '../page/theme.ts';

/** Room in pixels for a model's name beside its point. */
const LABEL_ROOM = 110;

/** The cut-off that models are ranked and tested at: the largest. */
export function mainCutoff({ protocol }: Pick<Comparison, 'protocol'>): number {
  return Math.max(...protocol.k);
}

const metricTitles = {
  f1: ['F1', 'Each user’s harmonic mean of precision and recall, then the mean over users.'],
  precision: ['Precision', 'Share of the recommended movies that are relevant.'],
  recall: ['Recall', 'Share of the relevant movies that are recommended.'],
  ndcg: ['NDCG', 'Like recall, but hits at the top of the list count more.'],
  map: ['MAP', 'Mean over the hits of the precision down to each of them.'],
  hitRate: ['Hit rate', 'Share of the users with at least one relevant recommendation.'],
} as const;

/** One chart per metric: a bar per model with its 95% interval, in the order of F1. */
export function metricCharts(found: Comparison): Chart[] {
  const k = mainCutoff(found);
  return Object.entries(metricTitles).map(([metric, [name, meaning]]) => {
    const rows = found.models.map((model) => {
      const { mean, ci95 } = model.metrics[k]![metric as keyof typeof metricTitles];
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
          mark: { type: 'text', align: 'left', dx: 7, fontWeight: 600, limit: LABEL_ROOM },
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

/** What a cell of the matrix says about its row and its column. */
const verdicts = ['row is better', 'column is better', 'no difference shown'] as const;

export function matrixChart(found: Comparison): Chart {
  const names = found.models.map(({ name }) => name);
  const cells = found.pairs.flatMap((pair) => [cellOf(pair, pair.a, pair.b), cellOf(pair, pair.b, pair.a)]);
  const open = found.pairs.filter(({ better }) => better === null).length;
  const showNumbers = names.length <= 6;
  return {
    id: 'pairs',
    title: `${found.pairs.length - open} of ${found.pairs.length} pairs differ; ${open === 0 ? 'none is open' : `for ${open}, no difference shown`}`,
    note: `Difference in F1@${mainCutoff(found)}, row minus column, on the same users. Coloured where a paired randomisation test (Holm’s correction, 5%) and the paired bootstrap agree that there is one.`,
    description: `A square of ${names.length} by ${names.length} models. ${found.pairs.map(verdictOf).join(' ')}`,
    spec: {
      height: 120 + Math.max(28, Math.min(48, 300 / names.length)) * names.length,
      data: { values: cells },
      encoding: {
        y: { ...nameAxis('row'), scale: { domain: names } },
        x: {
          ...nameAxis('column'),
          scale: { domain: names },
          axis: { title: null, labelColor: colour.ink, labelAngle: -90, labelLimit: 110 },
        },
      },
      layer: [
        {
          mark: { type: 'rect', stroke: colour.rule },
          encoding: {
            color: {
              field: 'verdict',
              type: 'nominal',
              scale: { domain: verdicts, range: [colour.shade2, colour.warm, colour.shade0] },
              legend: { ...plainLegend, columns: 2 },
            },
          },
        },
        ...(showNumbers
          ? [{ mark: { type: 'text', fontSize: 10 }, encoding: { text: { field: 'label' } } }]
          : []),
      ],
    },
    table: pairTable(found),
  };
}

function cellOf(pair: ComparedPair, row: string, column: string) {
  const difference = row === pair.a ? pair.difference : -pair.difference;
  return {
    row,
    column,
    label: `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(3).slice(1)}`,
    verdict: verdicts[pair.better === null ? 2 : pair.better === row ? 0 : 1],
  };
}

/** "fm is better than mf." or "No difference shown between fm and mf." */
export function verdictOf({ a, b, better }: ComparedPair): string {
  if (better === null) return `No difference shown between ${a} and ${b}.`;
  return `${better} is better than ${better === a ? b : a}.`;
}

/** Every pair in words and numbers. */
export function pairTable({ pairs }: Comparison): Chart['table'] {
  return {
    head: [
      'pair',
      'verdict',
      'difference in F1',
      '95% interval',
      'p',
      'p, corrected',
      'wins',
      'ties',
      'losses',
    ],
    rows: pairs.map((pair) => [
      `${pair.a} and ${pair.b}`,
      verdictOf(pair),
      pair.difference.toFixed(4),
      interval(pair, 4),
      pValue(pair.p),
      pValue(pair.pHolm),
      pair.wins,
      pair.ties,
      pair.losses,
    ]),
  };
}

function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** The best model against each of the others, user by user. */
export function winsChart(found: Comparison): Chart {
  const best = found.models[0]!.name;
  const pairs = found.pairs.filter(({ a }) => a === best);
  const kinds = [`${best} is better`, 'equal', 'the other is better'];
  const values = pairs.flatMap(({ b, wins, ties, losses }) =>
    [wins, ties, losses].map((users, n) => ({
      name: b,
      kind: kinds[n],
      order: n,
      share: (100 * users) / found.commonUsers,
    })),
  );
  return {
    id: 'wins',
    title: `${best} against each of the others, user by user`,
    note: `Per cent of the ${found.commonUsers} users on whom ${best} has the higher F1, an equal one, or the lower.`,
    description: `Bars in three parts: ${pairs.map(({ b, wins, ties, losses }) => `against ${b} ${wins} wins, ${ties} ties, ${losses} losses`).join('; ')}.`,
    spec: {
      height: rowsHeight(pairs.length) + 60,
      data: { values },
      encoding: {
        y: nameAxis('name'),
        x: {
          field: 'share',
          type: 'quantitative',
          stack: 'zero',
          scale: { domain: [0, 100] },
          axis: { title: 'per cent of users', tickCount: 5 },
        },
        order: { field: 'order' },
      },
      layer: [
        {
          mark: 'bar',
          encoding: {
            color: {
              field: 'kind',
              type: 'nominal',
              scale: { domain: kinds, range: [colour.shade3, colour.rule, colour.warm] },
              legend: { ...plainLegend, columns: 3 },
            },
          },
        },
      ],
    },
    table: {
      head: ['against', 'wins', 'ties', 'losses'],
      rows: pairs.map(({ b, wins, ties, losses }) => [b, wins, ties, losses]),
    },
  };
}

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
        mark: { type: 'text', align: 'left', dx: 8, limit: LABEL_ROOM },
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
  const [widest] = [...found.models].sort((a, b) => b.coverage - a.coverage);
  return [
    ...againstF1(
      found,
      {
        id: 'coverage',
        title: `${widest!.name} recommends ${percent(widest!.coverage)} of the catalogue, more than any other`,
        note: 'Share of the movies in train that are recommended to anybody, in per cent. Over all users of each record.',
        axis: 'coverage, per cent',
      },
      ({ coverage }) => 100 * coverage,
    ),
    ...againstF1(
      found,
      {
        id: 'novelty',
        title: 'Novel lists are easy, novel and right ones are not',
        note: 'Novelty: mean self-information of the recommended movies in bits; a movie that half of the users rated has 1.',
        axis: 'novelty, bits',
      },
      ({ novelty }) => novelty,
    ),
  ];
}

const powersOfTen = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4, 1e5];

const plainLegend = {
  orient: 'top',
  title: null,
  labelColor: colour.muted,
  symbolType: 'square',
  symbolSize: 110,
  symbolStrokeWidth: 0,
  labelLimit: 200,
};

/** The best five have a colour of their own. */
function modelColour(models: readonly ComparedModel[]): Record<string, unknown> {
  const names = models.map(({ name }) => name);
  return {
    field: 'name',
    type: 'nominal',
    scale: { domain: names, range: names.map((_, n) => seriesColours[n] ?? colour.quiet) },
    legend: null,
  };
}
