/** Pieces of Vega-Lite that several charts share: axes, scales, bars with their value beside them. */
import type { ChartSpec } from './chart.ts';
import { wrapWords } from './text.ts';
import { chartWidth, colour, seriesColours, shades } from '../theme.ts';

/** Letters of a name on one line beside a chart. */
const NAME_LETTERS = 22;
const NAME_LINE_PX = 12;

/** Per cent with at most one decimal: 0.2875 as "28.7%"; a dash where there is no value. */
export function percent(share: number | null, digits = 1): string {
  return share === null ? '–' : `${(100 * share).toFixed(digits)}%`;
}

/** The entries with the highest value, in the order of the input; several where they tie. */
export function highest<T>(entries: readonly T[], valueOf: (entry: T) => number): T[] {
  const most = Math.max(...entries.map(valueOf));
  return entries.filter((entry) => valueOf(entry) === most);
}

/** Rows of horizontal bars at an even pitch, whatever their number; as high as the name with the most lines needs. */
export function rowsHeight(names: readonly string[]): number {
  return Math.max(21, namesPitch(names)) * names.length + 26;
}

/** Pixels from row to row at which the lines of names, as `wrapName` divides them, do not overlap. */
export function namesPitch(names: readonly string[]): number {
  return NAME_LINE_PX * Math.max(1, ...names.map((name) => name.split('\n').length)) + 6;
}

/** A name in lines that fit beside a chart, for `nameAxis`. Names that are cut may become alike. */
export function wrapName(name: string, maxLines = Infinity): string {
  return wrapWords(name, NAME_LETTERS, maxLines).join('\n');
}

/** Names down the side, in the order of the data; lines divided as `wrapName` divides them. */
export function nameAxis(field: string, grid = false): Record<string, unknown> {
  const lines = "split(datum.label, '\\n')";
  return {
    field,
    type: 'nominal',
    sort: null,
    axis: {
      title: null,
      labelColor: colour.ink,
      labelLimit: 150,
      labelExpr: lines,
      labelLineHeight: NAME_LINE_PX,
      // Vega puts the first of several lines at the middle of the row: all of them are to stand around it.
      labelOffset: { expr: `-${NAME_LINE_PX / 2} * (length(${lines}) - 1)` },
      grid,
    },
  };
}

/** A legend above the picture, of squares. */
export const plainLegend = {
  orient: 'top',
  title: null,
  labelColor: colour.muted,
  symbolType: 'square',
  symbolSize: 110,
  symbolStrokeColor: colour.quiet,
  symbolStrokeWidth: 0.5,
  labelLimit: 200,
};

/** A colour for each name, explained below the picture: a label within it would cross another curve in some data. */
export function seriesColour(names: string[]): Record<string, unknown> {
  return {
    field: 'name',
    type: 'nominal',
    scale: { domain: names, range: seriesColours.slice(0, names.length) },
    legend: { ...plainLegend, orient: 'bottom', symbolType: 'stroke', symbolStrokeWidth: 3 },
  };
}

/**
 * Shades in seven bands divided by six `steps`, explained above the picture. The field holds names by `bandName`: as an
 * ordinal scale each band gets its own symbol in the legend, whatever its width.
 */
export function shadeScale(field: string, steps: readonly number[], title: string): Record<string, unknown> {
  return {
    field,
    type: 'ordinal',
    scale: { domain: bandNames(steps), range: [...shades] },
    legend: {
      symbolType: 'square',
      symbolSize: 110,
      symbolStrokeWidth: 0,
      orient: 'top',
      columns: 4,
      title,
      titleColor: colour.muted,
      titleFontWeight: 'normal',
      labelColor: colour.muted,
      offset: 8,
    },
  };
}

/** The band that `value` falls into: "below 2", "2 to 5", ..., "50 and more". */
export function bandName(value: number, steps: readonly number[]): string {
  return bandNames(steps)[steps.filter((step) => value >= step).length]!;
}

function bandNames(steps: readonly number[]): string[] {
  const between = steps.slice(1).map((step, n) => `${steps[n]}–${step}`);
  return [`< ${steps[0]}`, ...between, `≥ ${steps.at(-1)}`];
}

export function logAxis(title: string): Record<string, unknown> {
  return {
    type: 'quantitative',
    scale: { type: 'log' },
    axis: { title, values: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000], format: ',' },
  };
}

export function percentAxis(field: string, title: string): Record<string, unknown> {
  return { field, type: 'quantitative', scale: { domain: [0, 100] }, axis: { title, tickCount: 5 } };
}

/** Years as bars side by side, about six of them named. */
export function yearAxis(field: string, years: number): Record<string, unknown> {
  const every = years > 60 ? 20 : years > 30 ? 10 : 5;
  return {
    field,
    type: 'ordinal',
    axis: {
      title: null,
      labelAngle: 0,
      labelExpr: `datum.value % ${every} == 0 ? datum.label : ''`,
      labelOverlap: false,
    },
  };
}

/** Room in pixels to the right of the longest bar, for its value. */
const VALUE_MARGIN_PX = 42;

/** A quantitative x without an axis that leaves room for values beside the marks. */
export function valueScale(field: string, scale: Record<string, unknown> = {}): Record<string, unknown> {
  const range = [0, { expr: `width - ${VALUE_MARGIN_PX}` }];
  return { field, type: 'quantitative', scale: { ...scale, range, nice: false }, axis: null };
}

/** Horizontal bars, each with its value beside it, in the order of the data. */
export function labelledBars<Row extends object>(
  values: readonly Row[],
  name: string & keyof Row,
  value: string & keyof Row,
  format = ',',
): ChartSpec {
  const allZero = values.every((row) => row[value] === 0); // a scale from 0 to 0 would put them in the middle
  const names = values.map((row) => wrapName(String(row[name]), 3));
  return {
    height: rowsHeight(names),
    data: { values: values.map((row, n) => ({ ...row, [name]: names[n] })) },
    encoding: { y: nameAxis(name), x: valueScale(value, allZero ? { domain: [0, 1] } : {}) },
    layer: [
      { mark: 'bar' },
      { mark: { type: 'text', align: 'left', dx: 4 }, encoding: { text: { field: value, format } } },
    ],
  };
}

/** A mean with the ends of its interval. */
export interface IntervalRow {
  name: string;
  mean: number;
  low: number;
  high: number;
}

/** Horizontal bars with 95% intervals, the mean beside each. */
export function intervalBars(rows: readonly IntervalRow[], digits: number): ChartSpec {
  const mean = valueScale('mean', { zero: true, domainMax: Math.max(...rows.map(({ high }) => high)) });
  return {
    height: rowsHeight(rows.map(({ name }) => name)) + 6 * rows.length,
    data: { values: rows },
    encoding: { y: nameAxis('name') },
    layer: [
      { mark: { type: 'bar', color: colour.shade3 }, encoding: { x: mean } },
      {
        mark: { type: 'rule', color: colour.ink, strokeWidth: 1.5 },
        encoding: { x: { ...mean, field: 'low' }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 5 },
        encoding: { x: { ...mean, field: 'high' }, text: { field: 'mean', format: `.${digits}f` } },
      },
    ],
  };
}

/**
 * Heights at which labels of points at `heights` stand at least `gap` apart, as near to their points as a pass upwards
 * allows. Same order as the input.
 */
export function spreadLabels(heights: readonly number[], gap: number): number[] {
  const order = heights.map((_, n) => n).sort((a, b) => heights[a]! - heights[b]!);
  const spread = [...heights];
  order.slice(1).forEach((n, before) => {
    spread[n] = Math.max(spread[n]!, spread[order[before]!]! + gap);
  });
  return spread;
}

/** How far below the middle of its row a mark of `titledRows` stands. */
export const BELOW_TITLE_PX = 8;

/**
 * Rows for long names: each stands on a line of its own with its marks below it, so that nothing is cut off on a phone.
 * The marks of `layer` read `values` (which need a `title`) and set `yOffset: BELOW_TITLE_PX`.
 */
export function titledRows(values: readonly { title: string }[], layer: object[]): ChartSpec {
  return {
    height: 33 * values.length + 24,
    data: { values: values.map((row, n) => ({ ...row, row: n })) },
    encoding: { y: { field: 'row', type: 'ordinal', axis: null } },
    layer: [
      {
        mark: { type: 'text', align: 'left', dy: -6, limit: chartWidth - 8 },
        encoding: { text: { field: 'title' }, x: { value: 0 } },
      },
      ...layer,
    ],
  };
}
