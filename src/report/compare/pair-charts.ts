/** The pictures of `recsys compare` that set models against each other: paired tests, wins user by user. */
import type { ComparedPair, Comparison } from '../../experiment/compare/record.ts';
import type { Chart } from '../charts/chart.ts';
import { nameAxis, rowsHeight } from '../charts/parts.ts';
import { colour } from '../page/theme.ts';
import { interval } from '../table.ts';
import { mainCutoff, plainLegend } from './common.ts';

/** What a cell of the matrix says about its row and its column. */
const verdicts = ['row is better', 'column is better', 'no difference shown'] as const;

/** Every two models, coloured where the paired tests show a difference. */
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
