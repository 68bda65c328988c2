/** The page and the terminal report of `recsys compare`. */
import { metricKeys, metricOf } from '../../evaluation/metric-keys.ts';
import { published, type Comparison } from '../../experiment/compare/record.ts';
import { mainCutoff } from './common.ts';
import { exampleTexts, matchCharts, trainingChart } from './language-charts.ts';
import { curveChart, metricCharts } from './metric-charts.ts';
import { matrixChart, pairTable, verdictOf, winsChart } from './pair-charts.ts';
import { listCharts, priceCharts } from './tradeoff-charts.ts';
import { renderPage, type Section, type TableBlock } from '../page/page.ts';
import {
  formatCount,
  interval,
  joinNames,
  metricCell,
  metricsTable,
  textTable,
  type MetricValues,
} from '../table.ts';

const anotherProtocol = 'original work, another protocol';

/** The whole page as HTML; `command` is what the person typed. */
export async function comparePage(found: Comparison, command: string): Promise<string> {
  const { dataset, protocol, commonUsers, models, environment, files } = found;
  return await renderPage({
    title: `Which recommender is best on ${dataset.name}`,
    lead: conclusion(found),
    figures: [
      { label: 'models', value: String(models.length) },
      { label: 'users compared', value: formatCount(commonUsers) },
      { label: 'list length', value: `k = ${mainCutoff(found)}` },
      { label: 'relevant from', value: `${protocol.threshold} stars` },
      { label: 'split', value: protocol.split },
      { label: 'seed', value: String(protocol.seed) },
    ],
    sections: sectionsOf(found),
    made: {
      command,
      environment,
      dataset,
      notes: [`Records: ${files.join(', ')}. Split: ${protocol.splitDigest}.`],
    },
  });
}

/** The result in a few sentences: who leads, from whom the leader cannot be told apart, whom it beats. */
export function conclusion(found: Comparison): string {
  const { models, pairs } = found;
  const k = mainCutoff(found);
  const best = models[0]!;
  const lead = `${best.name} has the highest F1@${k}, ${best.metrics[k]!.f1.mean.toFixed(4)}.`;
  const own = pairs.filter(({ a }) => a === best.name);
  const open = own.filter(({ better }) => better === null).map(({ b }) => b);
  const beaten = own.filter(({ better }) => better === best.name).map(({ b }) => b);
  const apart = models
    .filter(({ name }) => beaten.includes(name))
    .every((model) => model.metrics[k]!.f1.ci95[1] < best.metrics[k]!.f1.ci95[0]);
  return [
    lead,
    open.length === 0 ? '' : `No difference shown between it and ${joinNames(open)}.`,
    beaten.length === 0
      ? ''
      : `It is better than ${joinNames(beaten)}${apart ? ', with intervals that do not overlap' : ''}.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function sectionsOf(found: Comparison): Section[] {
  const severalModels = found.models.length > 1;
  const fewUsers =
    found.commonUsers < 100
      ? ` Only ${found.commonUsers} users are common to all records: expect wide intervals, and few differences shown.`
      : '';
  const texts = [...matchCharts(found), ...trainingChart(found)];
  return [
    {
      title: 'Accuracy',
      intro: `Means over the ${formatCount(found.commonUsers)} users that every model was evaluated on, with 95% bootstrap intervals.${fewUsers}`,
      tables: found.protocol.k.toReversed().map((k) => accuracyTable(found, k)),
      charts: metricCharts(found),
    },
    {
      title: 'Differences',
      charts: [...(severalModels ? [matrixChart(found), winsChart(found)] : []), curveChart(found)],
      ...(severalModels && {
        tables: [
          {
            id: 'pair-table',
            title: 'Every pair in words',
            note: 'Difference: first minus second. Interval: paired bootstrap, not corrected. p: paired randomisation test with 10,000 sign flips. Wins: users on whom the first has the higher F1.',
            table: pairTable(found),
          },
        ],
      }),
    },
    { title: 'At what price, and what kind of lists', charts: [...priceCharts(found), ...listCharts(found)] },
    ...(texts.length > 0 || found.language.length > 0
      ? [{ title: 'Language models', charts: texts, texts: exampleTexts(found) }]
      : []),
  ];
}

function accuracyTable(found: Comparison, k: number): TableBlock {
  return {
    id: `accuracy-${k}`,
    title: `k = ${k}, highest F1 first`,
    note:
      'F1 of means is the harmonic mean of mean precision and mean recall; the original work prints that one, on another split and other users, so only its order of magnitude can be compared. ' +
      'Users: those of each model’s own record, over which coverage and novelty are taken.',
    table: {
      head: ['model', ...metricKeys.map((key) => metricOf(key).title), 'users'],
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
          `${name} (${anotherProtocol})`,
          ...metricKeys.map((key) => (key in metrics ? metricCell(key, metrics[key]) : '')),
          '',
        ]),
      ],
    },
  };
}

/** What a person sees in the terminal. Ends in a newline. */
export function compareReport(found: Comparison): string {
  const { dataset, protocol, pairs, commonUsers } = found;
  const models = found.models.map(({ name, metrics, lists }) => ({
    name,
    metrics: Object.fromEntries(Object.entries(metrics).map(([k, own]) => [k, { ...own, ...lists }])),
  }));
  const references = (k: number) =>
    published.map(({ name, metrics }) => ({ name: `${name} *`, metrics: { [k]: metrics } }));
  return `${[
    `${dataset.name}: split ${protocol.split}, seed ${protocol.seed}; relevant: ${protocol.threshold} stars or more; ${formatCount(commonUsers)} users that every model was evaluated on`,
    ...protocol.k.map((k) => `\n${metricsTable([...models, ...references(k)], k)}`),
    `* published by the ${anotherProtocol}: compare F1 of means, and only its order of magnitude`,
    ...(pairs.length === 0
      ? []
      : [
          '',
          textTable(
            ['paired tests of F1', 'difference', '95% interval', 'p, corrected', 'wins/ties/losses'],
            pairs.map((pair) => [
              verdictOf(pair),
              pair.difference.toFixed(4),
              interval(pair, 4),
              pair.pHolm < 0.001 ? '< 0.001' : pair.pHolm.toFixed(3),
              `${pair.wins}/${pair.ties}/${pair.losses}`,
            ]),
          ),
        ]),
    '',
    conclusion(found),
  ].join('\n')}\n`;
}
