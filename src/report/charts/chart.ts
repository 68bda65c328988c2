/** A chart: what it shows in words, how it is drawn (Vega-Lite), and the numbers behind it; drawn to SVG without a browser. */
import type { TopLevelSpec } from 'vega-lite';
import { escape } from '../html.ts';
import { chartWidth, vegaConfig } from '../theme.ts';

/** Cells are text as a reader should see it (a line break is one), or numbers, which are aligned right. */
export interface DataTable {
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}

export interface Chart {
  /** Unique on its page; letters, digits and hyphens. */
  id: string;
  /** What the picture shows, as a sentence. */
  title: string;
  /** How to read it: units, definitions, what is left out. */
  note: string;
  /** For those who cannot see it: what is drawn and what stands out. */
  description: string;
  spec: ChartSpec;
  table: DataTable;
}

/** Vega-Lite without what every chart shares: schema, configuration and width are added when it is drawn. */
export type ChartSpec = Record<string, unknown> & { height?: number };

/** Draws charts. Loads Vega when first called; the same charts give the same bytes on every machine. */
export async function drawCharts(
  charts: readonly Pick<Chart, 'id' | 'title' | 'description' | 'spec'>[],
): Promise<string[]> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  // Without this, widths depend on whether a canvas package is installed. Vega exports it, its types do not.
  (vega as unknown as { textMetrics: { width: typeof textWidth } }).textMetrics.width = textWidth;
  vega.resetSVGDefIds();
  const drawings: string[] = [];
  for (const { id, title, description, spec } of charts) {
    const complete = {
      width: chartWidth,
      autosize: { type: 'fit', contains: 'padding' },
      ...spec,
      config: vegaConfig,
    };
    const safe = withoutPrototype(complete) as TopLevelSpec;
    const view = new vega.View(vega.parse(vegaLite.compile(safe).spec), { renderer: 'none' });
    try {
      drawings.push(withAccessibleName(await view.toSVG(), id, title, description));
    } finally {
      view.finalize();
    }
  }
  return drawings;
}

/** Vega keeps marks by value in plain objects, where a genre or model named `__proto__` is lost: it is drawn with a word joiner. */
function withoutPrototype(spec: unknown): unknown {
  const text = JSON.stringify(spec);
  return text.includes('"__proto__"')
    ? JSON.parse(text.replaceAll('"__proto__"', '"__proto__\u2060"'))
    : spec;
}

/** Puts the drawing's name and description where assistive technology looks for them; the page gives it its size. */
function withAccessibleName(svg: string, id: string, title: string, description: string): string {
  const viewBox = /viewBox="([^"]+)"/.exec(svg)?.[1] ?? '';
  const [, , width, height] = viewBox.split(' ');
  const body = withoutRoles(roundCoordinates(svg.slice(svg.indexOf('>') + 1)));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-title ${id}-description" ` +
    `viewBox="${viewBox}" width="${width}" height="${height}">` +
    `<title id="${id}-title">${escape(title)}</title><desc id="${id}-description">${escape(description)}</desc>${body}`
  );
}

/** The drawing is one image: its marks have no roles of their own; their labels become `data-tip`, which the page shows. */
function withoutRoles(svg: string): string {
  return svg.replace(/<[a-z][^>]*>/g, (tag) =>
    tag
      .replace(/ (?:role|aria-roledescription)="[^"]*"/g, '')
      .replace(/ aria-label="([^"]*)"/g, ' data-tip="$1"'),
  );
}

/** Hundredths of a pixel are enough, and are the same whatever logarithm the engine has. */
function roundCoordinates(svg: string): string {
  return svg.replace(/ (?:d|transform|x2|y2)="[^"]*"/g, (attribute) =>
    attribute.replace(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
}

/**
 * Width of a text in pixels, from the usual widths of sans-serif letters in thousandths of an em. Within a few percent,
 * which is enough to leave room for it. No wider than the item's limit, at which Vega cuts a text off.
 */
function textWidth(item: { fontSize?: number; limit?: number }, text: string | number | null): number {
  let thousandths = 0;
  for (const letter of String(text ?? '')) {
    if (/[ijl.,:;'|!() ]/.test(letter)) thousandths += 290;
    else if (/[mwMW@%—]/.test(letter)) thousandths += 860;
    else if (/[A-Z]/.test(letter)) thousandths += 700;
    else thousandths += 600;
  }
  const width = ((item.fontSize ?? 11) * thousandths) / 1000;
  return item.limit !== undefined && item.limit > 0 ? Math.min(width, item.limit) : width;
}
