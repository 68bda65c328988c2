/** The noise budget of language models in `recsys compare`. */
import type { Comparison, LanguageComparison } from '../../experiment/compare/record.ts';
import { noiseHalfWidth } from '../../experiment/audit/variance.ts';
import type { TableBlock } from '../page/page.ts';
import { formatCount, interval, textTable } from '../table.ts';
import { firstSeedNote } from './common.ts';

type Noise = NonNullable<LanguageComparison['noise']>;

const sources = ['users', 'wording', 'order', 'repeats'] as const;
const head = ['noise of', 'runs', ...sources, 'gap that counts', 'merging gains'];

function rows({ language }: Pick<Comparison, 'language'>): string[][] {
  return language.flatMap(({ name, noise }) => (noise === null ? [] : [rowOf(name, noise)]));
}

function rowOf(name: string, noise: Noise): string[] {
  const { variance, runs, standardDeviation, gain } = noise;
  const total = sources.reduce((sum, source) => sum + (variance[source] ?? 0), 0);
  return [
    name,
    formatCount(runs.length),
    ...sources.map((source) => shareOf(variance[source], total)),
    noiseHalfWidth(standardDeviation, runs.length).toFixed(4),
    `${gain.difference.toFixed(4)}\n${interval(gain, 4)}`,
  ];
}

function shareOf(value: number | null, total: number): string {
  if (value === null || total === 0) return '–';
  return `${((100 * value) / total).toFixed(0)}%`;
}

/** Lines of the terminal's report; none where nothing was varied. */
export function noiseTexts(found: Comparison): string[] {
  const own = rows(found);
  return own.length === 0
    ? []
    : ['', `Where the variance of F1 comes from${firstSeedNote(found)}:`, textTable(head, own)];
}

/** The page's table; none where nothing was varied. */
export function noiseTables(found: Comparison): TableBlock[] {
  const own = rows(found);
  if (own.length === 0) return [];
  return [
    {
      id: 'noise',
      title: 'How much of it is noise?',
      note:
        'Shares of the variance of F1 of one list, by what was varied; a dash: not varied, so that it counts to the column before it. A smaller ' +
        'difference than the gap that counts is no difference. Merging: central ranking of the lists of all runs, against their mean.',
      table: { head, rows: own },
    },
  ];
}
