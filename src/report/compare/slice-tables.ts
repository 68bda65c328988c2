/** Accuracy on a part of the movies, such as those that hardly anybody has rated: for the terminal and for the page. */
import { metricOf } from '../../evaluation/metric-keys.ts';
import { sliceMetrics, type ComparedSlice, type Comparison } from '../../experiment/compare/record.ts';
import type { TableBlock } from '../page/page.ts';
import { countNoun, formatCount, metricCell, textTable } from '../table.ts';
import { mainCutoff } from './common.ts';

const head = ['model', 'hits', ...sliceMetrics.map((key) => metricOf(key).title)];

/** All slices, those of samples after the others. */
function allSlices({ slices, samples }: Comparison): ComparedSlice[] {
  return [...slices, ...samples.flatMap((sample) => sample.slices)];
}

/** Lines of the terminal's report. */
export function sliceTexts(found: Comparison): string[] {
  return allSlices(found).flatMap((slice) => [
    '',
    `${titleOf(slice, found)}:`,
    textTable(head, rowsOf(slice)),
  ]);
}

/** One table of the page for each slice. */
export function sliceTables(found: Comparison): TableBlock[] {
  return allSlices(found).map((slice, n) => ({
    id: `slice-${n + 1}`,
    title: titleOf(slice, found),
    note:
      `${formatCount(slice.relevant)} such movies are relevant to these users. Ranks are those in the whole lists; ` +
      'in brackets the 95% interval. A dash: the record is older than this table.',
    table: { head, rows: rowsOf(slice) },
  }));
}

function titleOf({ movies, users }: ComparedSlice, found: Comparison): string {
  return `On ${movies}, k = ${mainCutoff(found)}, ${countNoun(users, 'user')} with a relevant one`;
}

function rowsOf({ models }: ComparedSlice): string[][] {
  return models.map(({ name, hits, metrics }) => [
    name,
    hits === null ? '–' : formatCount(hits),
    ...sliceMetrics.map((key) => metricCell(key, metrics?.[key])),
  ]);
}
