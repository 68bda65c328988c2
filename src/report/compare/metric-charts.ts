/** The pictures of `recsys compare` that show what models reach: accuracy, lists, time and cost, precision and recall. */
import {
  formatMetric,
  listMetrics,
  metricOf,
  rankingMetrics,
  type RankingMetric,
} from '../../evaluation/metric-keys.ts';
import type { ComparedModel, Comparison } from '../../experiment/compare/record.ts';
import type { Chart } from '../charts/chart.ts';
import { facetSpec, type Facet, type FacetRow } from '../charts/facets.ts';
import { spreadLabels } from '../charts/parts.ts';
import { wrapWords } from '../charts/text.ts';
import { formatCount, interval, joinNames } from '../table.ts';
import { allNames, mainCutoff, modelColour } from './common.ts';

/** Letters of a model's name on one line beside the end of its curve. */
const LABEL_LETTERS = 18;

/** The metric that models are ranked by stands first. */
const accuracyMetrics: RankingMetric[] = ['f1', ...rankingMetrics.filter((key) => key !== 'f1')];

/** Every ranking metric of every model: a dot with its 95% interval. */
export function accuracyChart(found: Comparison): Chart {
  const k = mainCutoff(found);
  const { models } = found;
  const names = models.map(({ name }) => name);
  const facets = accuracyMetrics.map((key): Facet => {
    const rows = models.map(({ metrics }) => {
      const { mean, ci95 } = metrics[k]![key];
      return { value: mean, low: ci95[0], high: ci95[1], label: mean.toFixed(3) };
    });
    return { title: metricOf(key).title, rows };
  });
  return {
    id: 'accuracy',
    title: titleOfLeads(models, k),
    note: `Means over ${formatCount(found.commonUsers)} users at k = ${k}, with 95% intervals; the highest in colour. Each panel begins at 0 and has its own scale.`,
    description: `${facets.length} panels with a dot and an interval for each of ${joinNames(names)}, highest F1 first.`,
    spec: facetSpec(names, facets),
    table: {
      head: ['model', ...accuracyMetrics.map((key) => metricOf(key).title)],
      rows: models.map(({ name, metrics }) => [
        name,
        ...accuracyMetrics.map((key) => {
          const own = metrics[k]![key];
          return `${formatMetric(key, own.mean)} ${interval(own)}`;
        }),
      ]),
    },
  };
}

/** Who leads by how many of the metrics: computed, since the leader by F1 need not lead by others. */
function titleOfLeads(models: readonly ComparedModel[], k: number): string {
  const [first] = models;
  const best = (key: RankingMetric) => Math.max(...models.map(({ metrics }) => metrics[k]![key].mean));
  const led = accuracyMetrics.filter((key) => first!.metrics[k]![key].mean === best(key));
  if (best('f1') === 0) return 'No model has a hit';
  if (led.length === accuracyMetrics.length) return `${first!.name} is highest by all ${led.length} metrics`;
  const others = accuracyMetrics.filter((key) => !led.includes(key)).map((key) => metricOf(key).title);
  return others.length <= 3
    ? `${first!.name} is highest by all metrics but ${joinNames(others)}`
    : `${first!.name} is highest by ${led.length} of ${accuracyMetrics.length} metrics`;
}

/** What the lists are like, hits or not: over all users of each model's own record. */
export function listsChart(found: Comparison): Chart {
  const names = found.models.map(({ name }) => name);
  const facets = listMetrics.map((key): Facet => ({
    title: metricOf(key).title,
    marksHighest: metricOf(key).best === 'highest',
    rows: found.models.map(({ lists }) => {
      const value = lists[key] ?? null;
      return { value, label: value === null ? 'not defined' : formatMetric(key, value) };
    }),
  }));
  return {
    id: 'lists',
    title: titleOfCoverage(found.models),
    note: `${listMetrics.map((key) => `${capitalise(metricOf(key).title)}: ${decapitalise(metricOf(key).meaning)}`).join(' ')} Over all users of each record, at k = ${mainCutoff(found)}.`,
    description: `${facets.length} panels with a dot for each of ${joinNames(names)}.`,
    spec: facetSpec(names, facets),
    table: {
      head: ['model', 'users', ...listMetrics.map((key) => metricOf(key).title)],
      rows: found.models.map(({ name, evaluated, lists }) => [
        name,
        evaluated,
        ...listMetrics.map((key) => formatMetric(key, lists[key])),
      ]),
    },
  };
}

function titleOfCoverage(models: readonly ComparedModel[]): string {
  const covered = models.flatMap(({ name, lists: { coverage } }) =>
    typeof coverage === 'number' ? [{ name, coverage }] : [],
  );
  if (covered.length === 0) return 'What the lists are like';
  const most = covered.reduce((a, b) => (b.coverage > a.coverage ? b : a));
  const share = formatMetric('coverage', most.coverage);
  const others = covered.filter(({ coverage }) => coverage === most.coverage).length > 1;
  return others || covered.length === 1
    ? `${most.name} recommends ${share} of the catalogue`
    : `${most.name} recommends ${share} of the catalogue, more than any other`;
}

/** What all models take, those of samples too: seconds, US dollars and tokens; panels where nothing was measured are left out. */
export function pricesChart(found: Comparison): Chart[] {
  const models = allNames(found).map((name) => ({ name, price: found.prices[name]! }));
  const row = (value: number | null, unit: string, digits: number): FacetRow => ({
    value,
    label: value === null ? 'not measured' : `${significant(value, digits)}${unit}`,
  });
  const panels = [
    ['training, once', ({ fitSeconds }: Price) => row(fitSeconds, ' s', 3)],
    [
      'list for one user',
      ({ recommendSeconds, users }: Price) =>
        row(recommendSeconds === null ? null : (1000 * recommendSeconds) / users, ' ms', 3),
    ],
    [
      'for 1,000 users',
      ({ costUsd, users }: Price) => row(costUsd === null ? null : (1000 * costUsd) / users, ' USD', 3),
    ],
    [
      'tokens for one user',
      ({ inputTokens, outputTokens, users }: Price) =>
        row(inputTokens === null ? null : (inputTokens + (outputTokens ?? 0)) / users, '', 4),
    ],
  ] as const;
  const facets = panels
    .map(([title, of]): Facet => ({
      title,
      logarithmic: true,
      marksHighest: false,
      rows: models.map(({ price }) => of(price)),
    }))
    .filter(({ rows }) => rows.some(({ value }) => value !== null));
  if (facets.length === 0) return [];
  return [
    {
      id: 'prices',
      title: titleOfTime(models),
      note: 'As each record has it, on the machine of that record; logarithmic. Answers that were replayed from a file were not measured. A fit that went on from an earlier one counts its last part alone.',
      description: `${facets.length} panels with a dot for each of ${joinNames(models.map(({ name }) => name))}.`,
      spec: facetSpec(
        models.map(({ name }) => name),
        facets,
      ),
      table: {
        head: ['model', 'users', ...facets.map(({ title }) => title)],
        rows: models.map(({ name, price }, n) => [
          name,
          price.users,
          ...facets.map(({ rows }) => rows[n]!.label),
        ]),
      },
    },
  ];
}

type Price = Comparison['prices'][string];

function titleOfTime(models: readonly { name: string; price: Price }[]): string {
  const timed = models.flatMap(({ name, price: { recommendSeconds, users } }) =>
    recommendSeconds === null ? [] : [{ name, ms: (1000 * recommendSeconds) / users }],
  );
  if (timed.length < 2) return 'What the models take';
  const [fast, slow] = [
    timed.reduce((a, b) => (b.ms < a.ms ? b : a)),
    timed.reduce((a, b) => (b.ms > a.ms ? b : a)),
  ];
  return `A list takes ${significant(fast.ms, 2)} ms with ${fast.name} and ${significant(slow.ms, 2)} ms with ${slow.name}`;
}

function significant(value: number, digits: number): string {
  return Number(value.toPrecision(digits)).toLocaleString('en-US', { maximumSignificantDigits: digits });
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function decapitalise(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Precision against recall: one line per model, from a list of one movie to one of `k`. */
export function curveChart(found: Comparison): Chart {
  const k = mainCutoff(found);
  const values = found.models.flatMap(({ name, curve }) => curve.map((point) => ({ name, ...point })));
  const ends = found.models.map(({ name, curve }) => ({
    name,
    label: wrapWords(name, LABEL_LETTERS, 2),
    ...curve.at(-1)!,
  }));
  const linePx = 13 * Math.max(...ends.map(({ label }) => label.length));
  const height = Math.max(260, linePx * ends.length + 60);
  const top = Math.max(...values.map(({ precision }) => precision), 1e-3);
  const heights = spreadLabels(
    ends.map(({ precision }) => precision),
    (linePx * top) / (height - 45),
  );
  return {
    id: 'cutoffs',
    title: titleOfCurves(found.models, k),
    note: `Mean precision against mean recall for lists of 1 to ${k} movies; each line begins at the left with one movie and ends at its name with ${k}.`,
    description: `A curve for each of ${found.models.length} models; the higher and the further to the right, the better.`,
    spec: {
      height,
      encoding: {
        x: {
          field: 'recall',
          type: 'quantitative',
          scale: { domainMax: 1.6 * Math.max(...values.map(({ recall }) => recall), 1e-3), nice: false },
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
          mark: { type: 'text', align: 'left', baseline: 'middle', dx: 7, fontWeight: 600, lineHeight: 12 },
          encoding: { text: { field: 'label' } },
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

/** What is true of these curves: how many models lose precision between one movie and `k`. */
function titleOfCurves(models: readonly ComparedModel[], k: number): string {
  if (k === 1) return 'Precision and recall of lists of one movie';
  const falls = models.filter(({ curve }) => curve.at(-1)!.precision < curve[0]!.precision);
  const others = models.filter((model) => !falls.includes(model)).map(({ name }) => name);
  const words = `from 1 to ${k} movies`;
  if (others.length === 0) return `Every model loses precision ${words}`;
  if (falls.length === 0) return `No model loses precision ${words}`;
  return others.length <= 2
    ? `All models but ${joinNames(others)} lose precision ${words}`
    : `${falls.length} of ${models.length} models lose precision ${words}`;
}
