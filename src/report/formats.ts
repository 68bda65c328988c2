/** Tables for papers, pages and other tools: Markdown, LaTeX, CSV. */
import { csvCell } from '../util/process/terminal.ts';
import { textTable } from './table.ts';

export const tableFormats = ['text', 'markdown', 'latex', 'csv'] as const;
export type TableFormat = (typeof tableFormats)[number];

/** One table, the first `left` columns of which hold names, the others numbers. Ends in a newline. */
export function formatTable(
  format: TableFormat,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  left = 1,
): string {
  const table = { text: textTable, markdown, latex, csv }[format](head, rows, left);
  return `${table}\n`;
}

type Write = (head: readonly string[], rows: readonly (readonly string[])[], left: number) => string;

const markdown: Write = (head, rows, left) => {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`;
  const rule = head.map((_, column) => (column < left ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
};

/** Characters that LaTeX gives a meaning to, and how they are written. */
const LATEX_ESCAPES: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  _: '\\_',
  '%': '\\%',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  '–': '--',
  '’': "'",
};

/** A `tabular` with the rules of the package booktabs. */
const latex: Write = (head, rows, left) => {
  const escape = (text: string) =>
    text
      .replaceAll(/\s*\n\s*/g, ' ')
      .replaceAll(/[\\{}$&#_%~^±–’]/g, (character) => LATEX_ESCAPES[character]!);
  const line = (cells: readonly string[]) => `  ${cells.map(escape).join(' & ')} \\\\`;
  const columns = head.map((_, column) => (column < left ? 'l' : 'r')).join('');
  return [
    `\\begin{tabular}{${columns}}`,
    '  \\toprule',
    line(head),
    '  \\midrule',
    ...rows.map(line),
    '  \\bottomrule',
    '\\end{tabular}',
  ].join('\n');
};

const csv: Write = (head, rows) =>
  [head, ...rows].map((row) => row.map((cell) => csvCell(cell.replaceAll('\n', ' '))).join(',')).join('\n');
