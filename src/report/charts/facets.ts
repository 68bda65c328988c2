/** Small panels side by side, one per metric, with the same rows in the same order: names stand beside each row of panels once. */
import { chartWidth, colour } from '../theme.ts';
import type { ChartSpec } from './chart.ts';
import { wrapWords } from './text.ts';

export interface FacetRow {
  /** Null where there is no value: `label` says why. */
  value: number | null;
  /** Ends of an interval, if there is one. */
  low?: number;
  high?: number;
  /** Written beside the mark. */
  label: string;
}

export interface Facet {
  title: string;
  /** One per name, in their order. */
  rows: FacetRow[];
  /** Positions by the logarithm, for values that differ by orders of magnitude. */
  logarithmic?: boolean;
  /** Whether the highest value is in the accent colour; default: yes. */
  marksHighest?: boolean;
  /** Value at the right end; default: the largest of the panel. */
  max?: number;
}

/** Panels in a row. */
const COLUMNS = 2;
/** Most of a panel's width for marks; the rest, more where labels are longer, is for labels and the gap to the next panel. */
const MAX_MARK_SHARE = 0.62;
/** Pixels of a letter of a label, and between a mark, its label and the next panel. */
const LABEL_LETTER_PX = 6;
const LABEL_GAP_PX = 14;
const ROW_PX = 17;
const LINE_PX = 12;
/** Pixels for the names. */
const NAMES_PX = 122;
/** Letters of a name on one line, and lines of a name; a longer one is cut and stands in full in the table. */
const NAME_LETTERS = 19;
const NAME_LINES = 4;
/** Letters of a panel's title on one line. */
const TITLE_LETTERS = 17;

/** The panels as one drawing. The highest value of a panel is in the accent colour, unless the panel says otherwise. */
export function facetSpec(names: readonly string[], facets: readonly Facet[]): ChartSpec {
  const lines = names.map((name) => wrapWords(name, NAME_LETTERS, NAME_LINES));
  const heights = lines.map((own) => Math.max(ROW_PX, LINE_PX * own.length + 5));
  const columns = Math.min(COLUMNS, facets.length);
  /** Left end of the names, in panels. */
  const left = (-columns * NAMES_PX) / (chartWidth - NAMES_PX);
  const share = markShare(facets, (chartWidth - NAMES_PX) / columns);
  const texts: Text[] = [];
  const marks: object[] = [];
  let y = 0;
  for (let first = 0; first < facets.length; first += COLUMNS) {
    const row = facets.slice(first, first + COLUMNS);
    const titles = row.map(({ title }) => wrapWords(title, TITLE_LETTERS, NAME_LINES));
    titles.forEach((text, column) => texts.push({ x: column, y: y + 8, text, weight: 600 }));
    y += 8 + LINE_PX * Math.max(...titles.map((text) => text.length));
    heights.forEach((height, n) => {
      const middle = y + height / 2;
      const text = lines[n]!;
      texts.push({ x: left, y: middle - ((text.length - 1) * LINE_PX) / 2, text, weight: 400 });
      row.forEach((facet, column) => marks.push(markOf(names[n]!, facet, n, { column, y: middle, share })));
      y += height;
    });
    y += 10;
  }
  return { height: y, ...layersOf(texts, marks, [left, columns]) };
}

/** Row with the highest value, or -1 where no two differ or none is to be marked. */
function highestRow({ rows, marksHighest = true }: Facet): number {
  const values = rows.map(({ value }) => value ?? -Infinity);
  const top = Math.max(...values);
  return !marksHighest || values.every((value) => value === top) ? -1 : values.indexOf(top);
}

function markOf(
  name: string,
  facet: Facet,
  n: number,
  { column, y, share }: { column: number; y: number; share: number },
): object {
  const { value, low, high, label } = facet.rows[n]!;
  const at = positions(facet, share);
  const end = high ?? value;
  return {
    y,
    zero: column,
    ...(value !== null && { x: column + at(value) }),
    ...(low !== undefined && high !== undefined && { low: column + at(low), high: column + at(high) }),
    labelAt: column + (end === null ? 0 : at(end)),
    label,
    tip: `${name}, ${facet.title}: ${label}${low === undefined || high === undefined ? '' : `, interval ${low.toFixed(4)} to ${high.toFixed(4)}`}`,
    mark: n === highestRow(facet) ? 'best' : 'other',
  };
}

/** Share of a panel that leaves room for the longest label beside a mark at its right end. */
function markShare(facets: readonly Facet[], panelPx: number): number {
  const labels = facets.flatMap(({ rows }) =>
    rows.flatMap(({ value, label }) => (value === null ? [] : [label])),
  );
  const longest = Math.max(0, ...labels.map((label) => label.length));
  return Math.max(0.25, Math.min(MAX_MARK_SHARE, 1 - (LABEL_LETTER_PX * longest + LABEL_GAP_PX) / panelPx));
}

/** Value to position in the panel, 0 to `share`. */
function positions({ rows, logarithmic = false, max }: Facet, share: number): (value: number) => number {
  const values = rows.flatMap(({ value, low, high }) =>
    [value, low, high].filter((own) => typeof own === 'number'),
  );
  const largest = max ?? Math.max(0, ...values);
  if (!logarithmic) return (value) => (largest === 0 ? 0 : (share * Math.max(0, value)) / largest);
  const positive = values.filter((value) => value > 0);
  const [from, to] = [Math.log10(Math.min(...positive)) - 0.3, Math.log10(Math.max(...positive))];
  return (value) =>
    value <= 0 || to <= from ? 0 : (share * Math.max(0, Math.log10(value) - from)) / (to - from);
}

interface Text {
  x: number;
  /** Pixels from the top to the middle of the first line. */
  y: number;
  text: string[];
  weight: 400 | 600;
}

function layersOf(texts: Text[], marks: object[], domain: [number, number]): Record<string, unknown> {
  const scale = { reverse: true, zero: true, nice: false };
  const y = { field: 'y', type: 'quantitative', scale, axis: null };
  const x = (field: string) => ({ field, type: 'quantitative', scale: { domain, nice: false }, axis: null });
  const shade = (best: string, other: string) => ({
    field: 'mark',
    type: 'nominal',
    scale: { domain: ['best', 'other'], range: [best, other] },
    legend: null,
  });
  const textLayer = (weight: Text['weight']) => ({
    data: { values: texts.filter((text) => text.weight === weight) },
    mark: { type: 'text', align: 'left', baseline: 'middle', lineHeight: LINE_PX, fontWeight: weight },
    encoding: { y, x: x('x'), text: { field: 'text' } },
  });
  const layer = [
    {
      mark: { type: 'tick', thickness: 1, size: ROW_PX, color: colour.rule },
      encoding: { y, x: x('zero') },
    },
    {
      mark: { type: 'rule', strokeWidth: 5 },
      encoding: { y, x: x('low'), x2: { field: 'high' }, color: shade(colour.shade3, colour.quiet) },
    },
    {
      mark: { type: 'point', size: 24, aria: true },
      encoding: { y, x: x('x'), color: shade(colour.accent, colour.muted), description: { field: 'tip' } },
    },
    {
      mark: { type: 'text', align: 'left', baseline: 'middle', dx: 6, fontSize: 10 },
      encoding: { y, x: x('labelAt'), text: { field: 'label' } },
    },
  ];
  return {
    resolve: { scale: { color: 'independent' } },
    layer: [textLayer(400), textLayer(600), ...layer.map((own) => ({ data: { values: marks }, ...own }))],
  };
}
