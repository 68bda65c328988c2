/** Several charts as one SVG file, for a README. */
import { drawCharts, type Chart } from '../src/report/charts/chart.ts';
import { wrapWords } from '../src/report/charts/text.ts';
import { escape } from '../src/report/html.ts';
import { chartWidth, colour, darkRules, fontStack } from '../src/report/theme.ts';

const GAP_PX = 36;
const MARGIN_PX = 16;
const TITLE_LINE_PX = 18;
/** Letters of a title that fit over a chart. */
const MAX_TITLE_LETTERS = 44;

export interface Picture {
  /** For those who cannot see it; each chart's own description follows. */
  title: string;
  charts: readonly Chart[];
  columns: number;
}

/** Draws the charts in rows of `columns`, each under its title. The ground is drawn, since a README's may be any. */
export async function drawPicture({ title, charts, columns }: Picture): Promise<string> {
  const drawings = await drawCharts(charts);
  const cells = charts.map((chart, n) => ({
    lines: wrapWords(chart.title, MAX_TITLE_LETTERS),
    drawing: drawings[n]!,
    height: heightOf(drawings[n]!),
  }));
  const body: string[] = [];
  let y = MARGIN_PX;
  for (let start = 0; start < cells.length; start += columns) {
    const row = cells.slice(start, start + columns);
    const titles = Math.max(...row.map(({ lines }) => lines.length)) * TITLE_LINE_PX + 8;
    row.forEach(({ lines, drawing }, column) => {
      const x = MARGIN_PX + column * (chartWidth + GAP_PX);
      body.push(...lines.map((line, n) => titleLine(line, x, y + (n + 0.75) * TITLE_LINE_PX)));
      body.push(drawing.replace('<svg ', `<svg x="${x}" y="${y + titles}" `));
    });
    y += titles + Math.max(...row.map(({ height }) => height)) + GAP_PX;
  }
  const width = 2 * MARGIN_PX + columns * chartWidth + (columns - 1) * GAP_PX;
  const height = y - GAP_PX + MARGIN_PX;
  const description = charts.map((chart) => `${chart.title}. ${chart.description}`).join(' ');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" ` +
    `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<title id="title">${escape(title)}</title><desc id="description">${escape(description)}</desc>` +
    `<style>${darkRules()}</style><rect width="100%" height="100%" fill="${colour.ground}"/>` +
    `${body.join('')}</svg>\n`
  );
}

function titleLine(text: string, x: number, y: number): string {
  const font = escape(fontStack);
  return `<text x="${x}" y="${y}" font-family="${font}" font-size="14" font-weight="600" fill="${colour.ink}">${escape(text)}</text>`;
}

function heightOf(drawing: string): number {
  return Number(/height="([\d.]+)"/.exec(drawing)?.[1] ?? 0);
}
