/** The page of `recsys compare`. */
import type { Comparison } from '../../experiment/compare/record.ts';
import { renderPage, type Section } from '../page/page.ts';
import { describeSeeds, describeThreshold, formatCount } from '../table.ts';
import { firstSeedNote, mainCutoff } from './common.ts';
import { conclusion } from './conclusion.ts';
import { exampleTexts, matchChart, trainingChart } from './language-charts.ts';
import { accuracyChart, curveChart, listsChart, pricesChart } from './metric-charts.ts';
import { matrixChart, winsChart } from './pair-charts.ts';
import { noiseTables } from './noise-tables.ts';
import { reasonTables } from './reason-tables.ts';
import { sliceTables } from './slice-tables.ts';
import { mainTable, sampleTables } from './tables.ts';

/** Below this many users, differences between models are mostly chance. */
const FEW_USERS = 100;

/** The whole page as HTML; `command` is what the person typed. */
export async function comparePage(found: Comparison, command: string): Promise<string> {
  const { dataset, protocol, commonUsers, models, samples, environment, files } = found;
  const names = new Set([models, ...samples.map((own) => own.models)].flat().map(({ name }) => name));
  return await renderPage({
    title:
      names.size === 1
        ? `${models[0]!.name} on ${dataset.name}`
        : `Which recommender is best on ${dataset.name}`,
    lead: conclusion(found),
    figures: [
      { label: names.size === 1 ? 'model' : 'models', value: String(names.size) },
      { label: 'users compared', value: formatCount(commonUsers) },
      { label: 'list length', value: `k = ${mainCutoff(found)}` },
      { label: 'relevant', value: describeThreshold(protocol) },
      { label: 'split', value: protocol.split },
      { label: 'seed', value: describeSeeds(protocol).replace(/^seeds? /, '') },
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

function sectionsOf(found: Comparison): Section[] {
  const fewUsers =
    found.commonUsers < FEW_USERS
      ? ` Only ${found.commonUsers} users: expect wide intervals, and few differences shown.`
      : '';
  const texts = exampleTexts(found);
  const languageCharts = [...matchChart(found), ...trainingChart(found)];
  return [
    {
      title: 'Accuracy',
      intro: `Means over the ${formatCount(found.commonUsers)} users that every model${found.samples.length > 0 ? ' but those of small samples' : ''} was evaluated on.${fewUsers}`,
      tables: [mainTable(found), ...sampleTables(found), ...sliceTables(found)],
      charts: [
        accuracyChart(found),
        curveChart(found),
        ...(found.pairs.length > 0 ? [matrixChart(found)] : []),
      ],
    },
    {
      title: found.pairs.length > 0 ? 'User by user, lists, time and cost' : 'Lists, time and cost',
      charts: [
        ...(found.pairs.length > 0 ? [winsChart(found)] : []),
        listsChart(found),
        ...pricesChart(found),
      ],
    },
    ...(languageCharts.length > 0
      ? [
          {
            title: `Language models${firstSeedNote(found)}`,
            tables: [...noiseTables(found), ...reasonTables(found)],
            charts: languageCharts,
          },
        ]
      : []),
    ...(texts.length > 0
      ? [
          {
            title: `The same users, side by side${firstSeedNote(found)}`,
            intro:
              'Chosen to differ. Relevant movies are marked ✓; reasons stand below where a model gives them.',
            texts,
          },
        ]
      : []),
  ];
}
