/** Colours and type of every picture, in light and in dark, and the Vega configuration that follows from them. */
import type { Config } from 'vega-lite';

/**
 * A drawing uses the light colour of each pair; a style sheet turns it into the dark one where the reader prefers
 * that (`darkRules`), so one SVG serves both, and programs that know no style sheets show the light one.
 */
const pairs = {
  ground: ['#ffffff', '#14181c'],
  ink: ['#1f2328', '#e6e8ea'],
  muted: ['#5d646d', '#a3abb4'],
  rule: ['#e2e5e8', '#333a42'],
  accent: ['#2a6496', '#74aede'],
  contrast: ['#bf5226', '#ee9468'],
  third: ['#2f8462', '#66c29c'],
  fourth: ['#7b5aa3', '#b79ade'],
  fifth: ['#94700c', '#d8b44c'],
  quiet: ['#b3bac2', '#59626c'],
  warm: ['#f2cdb9', '#70402a'],
  shade0: ['#f0f3f6', '#1d242b'],
  shade1: ['#d4e0eb', '#21384c'],
  shade2: ['#afc8dd', '#284c6d'],
  shade3: ['#85accc', '#33648f'],
  shade4: ['#598cb7', '#4f84b1'],
  shade5: ['#346f9e', '#7eaacf'],
  shade6: ['#1b4e77', '#bcd5eb'],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

type ColourName = keyof typeof pairs;

/** The light colours, by name; charts use these and no others. */
export const colour = Object.fromEntries(
  Object.entries(pairs).map(([name, [light]]) => [name, light]),
) as Record<ColourName, string>;

/** For up to five series distinguished by colour (and by a label beside them). */
export const seriesColours = [
  colour.accent,
  colour.contrast,
  colour.third,
  colour.fourth,
  colour.fifth,
] as const;

/** From nothing to much, in seven steps. */
export const shades = [
  colour.shade0,
  colour.shade1,
  colour.shade2,
  colour.shade3,
  colour.shade4,
  colour.shade5,
  colour.shade6,
] as const;

export const fontStack = 'system-ui, sans-serif';

/** Width of a chart in CSS pixels: a phone's, so that nothing shrinks there; wide screens show several in a row. */
export const chartWidth = 352;

/** Style rules that turn a drawing dark; `root` selects the drawing. Paper stays light. */
export function darkRules(root = 'svg'): string {
  const rules = Object.values(pairs).map(
    ([light, dark]) => `${root} [fill="${light}"]{fill:${dark}}${root} [stroke="${light}"]{stroke:${dark}}`,
  );
  return `@media screen and (prefers-color-scheme:dark){${rules.join('')}}`;
}

/** The page's own colours as CSS variables, light and dark. */
export function pageColours(): string {
  const variables = (side: 0 | 1) =>
    `:root{${(['ground', 'ink', 'muted', 'rule', 'accent'] as const)
      .map((name) => `--${name}:${pairs[name][side]}`)
      .join(';')}}`;
  return `${variables(0)}@media screen and (prefers-color-scheme:dark){${variables(1)}}`;
}

export const vegaConfig: Config = {
  background: 'transparent',
  font: fontStack,
  aria: false, // the drawing as a whole has a name and a description; a name per mark is noise
  padding: 2,
  view: { stroke: null },
  axis: {
    labelColor: colour.muted,
    labelFontSize: 11,
    titleColor: colour.muted,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    gridColor: colour.rule,
    domain: false,
    ticks: false,
    labelPadding: 5,
    titlePadding: 7,
  },
  axisY: {
    titleAngle: 0,
    titleAlign: 'left',
    titleAnchor: 'end',
    titleBaseline: 'bottom',
    titleX: 0,
    titleY: -7,
  },
  text: { color: colour.ink, fontSize: 11 },
  bar: { color: colour.accent },
  point: { color: colour.accent, filled: true, size: 45, opacity: 1 },
  line: { color: colour.accent, strokeWidth: 1.75 },
  rule: { color: colour.muted },
  area: { color: colour.accent },
  tick: { color: colour.muted },
  title: { color: colour.ink, fontSize: 13, fontWeight: 600, anchor: 'start', offset: 10 },
  header: { labelColor: colour.ink, titleColor: colour.muted, labelFontSize: 11 },
};
