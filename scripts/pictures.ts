/**
 * Draws the README's two pictures, results/exploration.svg and results/comparison.svg, from the embedded data and from
 * the committed records (those named, or all in results/). Same records, same bytes. `--check` writes nothing and exits 1
 * when a picture is not what the records say.
 *
 *     npx tsx scripts/pictures.ts [--check] [FILES...]
 */
import { readFile } from 'node:fs/promises';
import { compare } from '../src/experiment/compare/index.ts';
import { explore } from '../src/explore/index.ts';
import { embeddedDataset, protocolSchema } from '../src/experiment/protocol.ts';
import { popularityOptions } from '../src/models/popularity/options.ts';
import { accuracyChart, curveChart } from '../src/report/compare/metric-charts.ts';
import { matrixChart, winsChart } from '../src/report/compare/pair-charts.ts';
import { activityChart, histogramChart, longTailChart } from '../src/report/explore/charts.ts';
import { yearMeanChart } from '../src/report/explore/movie-charts.ts';
import { drawPicture, type Picture } from './picture.ts';
import { writeFileAtomic } from '../src/util/files.ts';
import { silentProgress } from '../src/util/progress.ts';

const context = { progress: silentProgress, signal: new AbortController().signal };

const { seed, testShare } = protocolSchema.parse({});
const { damping } = popularityOptions.parse({});
const exploration = await explore({ dataset: embeddedDataset, seed, testShare, damping }, context);
const files = process.argv.slice(2).filter((argument) => argument !== '--check');
const comparison = await compare({ files, resultsDir: 'results' }, context);

const pictures: Record<string, Picture> = {
  'results/exploration.svg': {
    title: `What is in ${exploration.dataset.name}`,
    charts: [
      histogramChart(exploration),
      longTailChart(exploration),
      activityChart(exploration),
      ...yearMeanChart(exploration),
    ],
    columns: 2,
  },
  'results/comparison.svg': {
    title: `Which recommender is best on ${comparison.dataset.name}`,
    charts: [
      accuracyChart(comparison),
      curveChart(comparison),
      matrixChart(comparison),
      winsChart(comparison),
    ],
    columns: 2,
  },
};
for (const [path, picture] of Object.entries(pictures)) {
  const drawn = await drawPicture(picture);
  if (!process.argv.includes('--check')) await writeFileAtomic(path, drawn);
  else if (drawn !== (await readFile(path, 'utf8').catch(() => ''))) {
    console.error(`${path} is not what the records say: run \`npm run pictures\`.`);
    process.exitCode = 1;
  }
}
