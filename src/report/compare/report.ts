/** The terminal report of `recsys compare`: 80 columns. */
import { listMetrics, metricOf } from '../../evaluation/metric-keys.ts';
import { published, type Comparison } from '../../experiment/compare/record.ts';
import {
  countNoun,
  describeSeeds,
  describeThreshold,
  formatCount,
  interval,
  joinNames,
  metricCell,
  metricsTable,
  textTable,
} from '../table.ts';
import { wrapWords } from '../charts/text.ts';
import { firstSeedNote, mainCutoff } from './common.ts';
import { conclusion } from './conclusion.ts';
import { formatP, verdictOf } from './pair-charts.ts';
import { noiseTexts } from './noise-tables.ts';
import { reasonsTable } from './reason-tables.ts';
import { sliceTexts } from './slice-tables.ts';

/** Columns of the terminal that prose is broken for, and letters of a verdict. */
const TERMINAL_COLUMNS = 80;
const VERDICT_LETTERS = 36;

/** What a person sees in the terminal. Ends in a newline. */
export function compareReport(found: Comparison): string {
  const { dataset, protocol, pairs, commonUsers, samples } = found;
  const seconds = (name: string) => {
    const { fitSeconds, recommendSeconds } = found.prices[name]!;
    return fitSeconds === null && recommendSeconds === null
      ? null
      : (fitSeconds ?? 0) + (recommendSeconds ?? 0);
  };
  const rows = (models: Comparison['models']) =>
    models.map((model) => ({ ...model, seconds: seconds(model.name) }));
  const checks = found.language.flatMap(({ reasons }) => reasons);
  return `${[
    `${dataset.name}: split ${protocol.split}, ${describeSeeds(protocol)};`,
    `relevant: ${describeThreshold(protocol)}; ${formatCount(commonUsers)} users that every model was evaluated on`,
    ...protocol.k.map((k) => `\n${metricsTable(rows(found.models), k)}`),
    ...samples.map(
      ({ users, models }) =>
        `\nOn the ${countNoun(users, 'user')} of a sample:\n${metricsTable(rows(models), mainCutoff(found))}`,
    ),
    ...sliceTexts(found),
    '',
    `Lists over all users of each record${found.protocol.seeds ? ', means over seeds (users: of the first)' : ''}:`,
    listsTable(found),
    ...(checks.length === 0
      ? []
      : ['', `Reasons against the histories in the prompts${firstSeedNote(found)}:`, reasonsTable(checks)]),
    ...noiseTexts(found),
    '',
    ...wrapWords(publishedText(found), TERMINAL_COLUMNS),
    ...(pairs.length === 0 ? [] : ['', pairTable(found)]),
    '',
    ...wrapWords(conclusion(found), TERMINAL_COLUMNS),
  ].join('\n')}\n`;
}

/** What lists are like, with the users of each record: another population than that of the accuracy above. */
function listsTable({ models }: Comparison): string {
  return textTable(
    ['model', 'users', ...listMetrics.map((key) => metricOf(key).title)],
    models.map(({ name, evaluated, lists }) => [
      name,
      formatCount(evaluated),
      ...listMetrics.map((key) => metricCell(key, lists[key])),
    ]),
  );
}

/** The one metric that the original work printed too. */
function publishedText(found: Comparison): string {
  const k = mainCutoff(found);
  const ours = found.models.map(({ name, metrics }) => `${name} ${metrics[k]!.f1OfMeans.mean.toFixed(4)}`);
  const theirs = published.map(({ name, metrics }) => `${name} ${metrics.f1OfMeans?.toFixed(4) ?? '–'}`);
  return [
    `F1 of means: ${joinNames(ours)}.`,
    `The original work printed, by another protocol, ${joinNames(theirs)}:`,
    'only the order of magnitude can be compared.',
  ].join(' ');
}

function pairTable({ pairs }: Comparison): string {
  return textTable(
    ['paired tests of F1', 'users', 'difference', 'p, corrected'],
    pairs.map((pair) => [
      wrapWords(verdictOf(pair), VERDICT_LETTERS).join('\n'),
      formatCount(pair.users),
      `${pair.difference.toFixed(4)}\n${interval(pair, 4)}`,
      formatP(pair.pHolm),
    ]),
  );
}
