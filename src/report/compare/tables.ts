/** The tables on the page of `recsys compare`: the verdict first, all metrics behind it, samples apart. */
import { metricKeys, metricOf, rankingMetrics, type MetricKey } from '../../evaluation/metric-keys.ts';
import { published, type ComparedModel, type Comparison } from '../../experiment/compare/record.ts';
import type { DataTable } from '../charts/chart.ts';
import type { TableBlock } from '../page/page.ts';
import { countNoun, formatCount, metricCell, type MetricValues } from '../table.ts';
import { mainCutoff } from './common.ts';

/** Columns of the main table after F1: those of the narrow tables. */
const mainColumns = rankingMetrics.filter((key) => key !== 'f1' && metricOf(key).column === 'main');

/** F1 and the verdict first, so that they are seen on a phone too; every other metric and cut-off under "All metrics". */
export function mainTable(found: Comparison): TableBlock {
  const k = mainCutoff(found);
  return {
    id: 'models',
    title: `Models at k = ${k}, highest F1 first`,
    note: `In brackets the 95% interval${found.protocol.seeds ? '; ±: the standard deviation over the seeds' : ''}. Against the best: by the paired tests of F1 on the same users.`,
    table: {
      head: ['model', 'F1', 'against the best', ...mainColumns.map((key) => metricOf(key).title)],
      rows: found.models.map((model) => rowOf(model, k, verdictAgainst(found, found.models[0]!, model))),
    },
    more: {
      summary: 'All metrics',
      tables: found.protocol.k.toReversed().map((own) => allMetrics(found, own)),
    },
  };
}

function rowOf(model: ComparedModel, k: number, verdict: string): string[] {
  const own = model.metrics[k]!;
  return [
    model.name,
    metricCell('f1', own.f1),
    verdict,
    ...mainColumns.map((key) => metricCell(key, own[key])),
  ];
}

/** "best", "worse", "no difference shown" or "too few users". */
function verdictAgainst({ pairs }: Comparison, best: ComparedModel, model: ComparedModel): string {
  if (model.name === best.name) return 'best';
  const pair = pairs.find(
    ({ a, b }) => (a === best.name && b === model.name) || (b === best.name && a === model.name),
  );
  if (pair === undefined || pair.pHolm === null) return 'too few users';
  if (pair.better === null) return 'no difference\nshown';
  return pair.better === best.name ? 'worse' : 'better by the tests';
}

/** Models that were evaluated on a sample, beside all others on the same users. */
export function sampleTables(found: Comparison): TableBlock[] {
  const k = mainCutoff(found);
  const names = new Set(found.models.map(({ name }) => name));
  return found.samples.map(({ users, models }, n) => ({
    id: `sample-${n + 1}`,
    title: `On the ${countNoun(users, 'user')} of ${models
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => name)
      .join(', ')}`,
    note:
      'All models on these users alone. ' +
      (users < 6
        ? 'No result on so few users can show a difference: with five, even a model that wins on all of them has p = 0.0625.'
        : 'Few users: expect wide intervals.'),
    table: {
      head: ['model', 'F1', 'against the first', ...mainColumns.map((key) => metricOf(key).title)],
      rows: models.map((model) => rowOf(model, k, verdictOnSample(found, models[0]!, model, names))),
    },
  }));
}

/** Two models of the main population are not tested on a sample. */
function verdictOnSample(
  found: Comparison,
  first: ComparedModel,
  model: ComparedModel,
  main: Set<string>,
): string {
  if (model.name === first.name) return 'highest';
  if (main.has(first.name) && main.has(model.name)) return '';
  const verdict = verdictAgainst(found, first, model);
  return verdict === 'best' ? '' : verdict;
}

/** Every metric at cut-off `k`, with what the original work published. */
function allMetrics(found: Comparison, k: number): { title: string; table: DataTable } {
  return {
    title: `k = ${k}. Coverage, novelty, Gini and diversity are those of each model’s own record, at k = ${mainCutoff(found)}.`,
    table: {
      head: ['model', ...metricKeys.map((key) => metricOf(key).title), 'users of its record'],
      rows: [
        ...found.models.map((model) => {
          const values: MetricValues = { ...model.metrics[k], ...model.lists };
          return [
            model.name,
            ...metricKeys.map((key) => metricCell(key, values[key])),
            formatCount(model.evaluated),
          ];
        }),
        ...published.map(({ name, metrics }) => [
          `${name} (original work, another protocol)`,
          ...metricKeys.map((key) => publishedCell(metrics, key)),
          '',
        ]),
      ],
    },
  };
}

function publishedCell(metrics: Partial<Record<MetricKey, number>>, key: MetricKey): string {
  return metrics[key] === undefined ? '' : metricCell(key, metrics[key]);
}
