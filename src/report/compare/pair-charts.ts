/** The pictures of `recsys compare` that set models against each other: paired tests, wins user by user. */
import type { ComparedPair, Comparison } from '../../experiment/compare/record.ts';
import type { Chart } from '../charts/chart.ts';
import { nameAxis, namesPitch, plainLegend, rowsHeight, wrapName } from '../charts/parts.ts';
import { colour } from '../theme.ts';
import { countNoun, formatCount, interval, joinNames } from '../table.ts';
import { allNames, mainCutoff } from './common.ts';

/** What a cell of the matrix says about its row and its column. */
const verdicts = ['row is better', 'column is better', 'no difference shown', 'too few users'] as const;
/** Above this many models the cells are too small for numbers; the table has them. */
const MAX_NUMBERED_MODELS = 6;

/** Above this many models their numbers over the columns are small, so that none overlaps. */
const MAX_LARGE_NUMBERS = 13;

/** Every two models, coloured where the paired tests show a difference; columns by number, so that no name is cut. */
export function matrixChart(found: Comparison): Chart {
  const names = allNames(found);
  const numbered = names.map((name, n) => wrapName(`${n + 1} ${name}`));
  const cells = found.pairs.flatMap((pair) => [cellOf(pair, pair.a, pair.b), cellOf(pair, pair.b, pair.a)]);
  const values = cells.map((cell) => ({
    ...cell,
    row: numbered[names.indexOf(cell.row)],
    column: String(names.indexOf(cell.column) + 1),
  }));
  const used = verdicts.filter((verdict) => cells.some((cell) => cell.verdict === verdict));
  return {
    id: 'pairs',
    title: titleOfPairs(found.pairs),
    note: `Difference in F1@${mainCutoff(found)}, row minus column, on the users that both were evaluated on. Coloured where a paired test (Holm’s correction, 5%) and the paired interval agree that there is one.`,
    description: `A square of ${names.length} by ${names.length} models. ${found.pairs.map(verdictOf).join(' ')}`,
    spec: {
      height: 70 + Math.max(26, namesPitch(numbered), Math.min(44, 300 / names.length)) * names.length,
      data: { values },
      encoding: {
        y: { ...nameAxis('row'), scale: { domain: numbered } },
        x: {
          field: 'column',
          type: 'nominal',
          scale: { domain: names.map((_, n) => String(n + 1)) },
          axis: {
            title: null,
            labelColor: colour.ink,
            labelAngle: 0,
            labelFontSize: names.length > MAX_LARGE_NUMBERS ? 8 : 11,
            orient: 'top',
          },
        },
      },
      layer: [
        {
          mark: { type: 'rect', stroke: colour.rule },
          encoding: {
            color: {
              field: 'verdict',
              type: 'nominal',
              scale: { domain: used, range: used.map((verdict) => verdictColours[verdict]) },
              legend: { ...plainLegend, columns: 1, orient: 'bottom' },
            },
          },
        },
        ...(names.length <= MAX_NUMBERED_MODELS
          ? [{ mark: { type: 'text', fontSize: 10 }, encoding: { text: { field: 'label' } } }]
          : []),
      ],
    },
    table: pairTable(found),
  };
}

const verdictColours: Record<(typeof verdicts)[number], string> = {
  'row is better': colour.shade2,
  'column is better': colour.warm,
  'no difference shown': colour.shade0,
  'too few users': colour.ground,
};

function titleOfPairs(pairs: readonly ComparedPair[]): string {
  const tested = pairs.filter(({ pHolm }) => pHolm !== null);
  const differ = tested.filter(({ better }) => better !== null).length;
  const few = pairs.length - tested.length;
  const rest = few === 0 ? '' : `; ${few} ${few === 1 ? 'has' : 'have'} too few users to tell`;
  if (tested.length === 0) return `No pair has enough users to show a difference`;
  if (differ === tested.length && few === 0) {
    return tested.length === 1 ? 'The two models differ' : `All ${tested.length} pairs differ`;
  }
  return `${differ} of ${tested.length} pairs differ${rest}`;
}

function cellOf(pair: ComparedPair, row: string, column: string) {
  const difference = row === pair.a ? pair.difference : -pair.difference;
  return {
    row,
    column,
    label: `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(3).slice(1)}`,
    verdict: verdicts[pair.pHolm === null ? 3 : pair.better === null ? 2 : pair.better === row ? 0 : 1],
  };
}

/** "fm is better than mf.", "No difference shown between fm and mf.", or that there are too few users. */
export function verdictOf({ a, b, users, pHolm, better, noise, difference }: ComparedPair): string {
  if (pHolm === null)
    return `${countNoun(users, 'user')} ${users === 1 ? 'is' : 'are'} too few to compare ${a} and ${b}.`;
  if (noise !== null && Math.abs(difference) <= noise)
    return `No difference between ${a} and ${b}: the gap is within the noise of ${noise.toFixed(4)}.`;
  if (better === null) return `No difference shown between ${a} and ${b}.`;
  return `${better} is better than ${better === a ? b : a}.`;
}

/** Every pair in words and numbers. */
function pairTable({ pairs }: Comparison): Chart['table'] {
  return {
    head: [
      'pair',
      'verdict',
      'users',
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
      pair.users,
      pair.difference.toFixed(4),
      interval(pair, 4),
      formatP(pair.p),
      formatP(pair.pHolm),
      pair.wins,
      pair.ties,
      pair.losses,
    ]),
  };
}

/** "0.013", "< 0.001", a dash where there was no test. */
export function formatP(p: number | null): string {
  if (p === null) return '–';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** The best model against each of the others, user by user. */
export function winsChart(found: Comparison): Chart {
  const best = found.models[0]!.name;
  const pairs = found.pairs.filter(({ a }) => a === best);
  const kinds = [`${best} is better`, 'equal', 'the other is better'];
  const names = pairs.map(({ b, users }) =>
    wrapName(users === found.commonUsers ? b : `${b} (${countNoun(users, 'user')})`),
  );
  const values = pairs.flatMap(({ users, wins, ties, losses }, row) =>
    [wins, ties, losses].map((own, n) => ({
      name: names[row],
      kind: kinds[n],
      order: n,
      share: (100 * own) / users,
    })),
  );
  const others = pairs.filter(({ wins, losses }) => losses >= wins).map(({ b }) => b);
  return {
    id: 'wins',
    title:
      others.length === 0
        ? `${best} wins on more users than it loses on, against each other model`
        : `${best} loses on at least as many users as it wins on against ${joinNames(others)}`,
    note: `Per cent of the ${formatCount(found.commonUsers)} users on whom ${best} has the higher F1, an equal one, or the lower.`,
    description: `Bars in three parts: ${pairs.map(({ b, wins, ties, losses }) => `against ${b} ${wins} wins, ${ties} ties, ${losses} losses`).join('; ')}.`,
    spec: {
      height: rowsHeight(names) + 100,
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
          mark: { type: 'bar', stroke: colour.ground, strokeWidth: 1 },
          encoding: {
            color: {
              field: 'kind',
              type: 'nominal',
              scale: { domain: kinds, range: [colour.shade3, colour.rule, colour.warm] },
              legend: { ...plainLegend, columns: 1, orient: 'bottom' },
            },
          },
        },
      ],
    },
    table: {
      head: ['against', 'users', 'wins', 'ties', 'losses'],
      rows: pairs.map(({ b, users, wins, ties, losses }) => [b, users, wins, ties, losses]),
    },
  };
}
