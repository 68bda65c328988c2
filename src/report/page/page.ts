/** One self-contained HTML page: no script, no network; light, dark and printed; a table behind every chart. */
import type { ResultsRecord } from '../../experiment/record.ts';
import { drawCharts, type Chart, type DataTable } from '../charts/chart.ts';
import { html, trusted, type Html } from './html.ts';
import { darkRules, fontStack, pageColours } from './theme.ts';

/** A table that is read as such, not the data behind a picture. */
export interface TableBlock {
  id: string;
  title: string;
  note: string;
  table: DataTable;
}

/** Texts side by side, such as what two language models told the same user. */
export interface TextBlock {
  title: string;
  note: string;
  columns: { title: string; lines: string[] }[];
}

export interface Section {
  title: string;
  intro?: string;
  /** In this order: tables over the full width, charts in a grid, texts. */
  tables?: TableBlock[];
  charts?: Chart[];
  texts?: TextBlock[];
}

export interface Page {
  title: string;
  /** One or two sentences: the most important of what follows. */
  lead: string;
  /** The numbers to know first. */
  figures: { label: string; value: string }[];
  sections: Section[];
  made: Made;
}

/** How the page was made. */
export interface Made {
  command: string;
  environment: Pick<ResultsRecord['environment'], 'recsys' | 'node'>;
  dataset: Pick<ResultsRecord['dataset'], 'name' | 'files'>;
  /** Further lines, such as the records that were read. */
  notes?: string[];
}

/** Writes the page. Everything from data is escaped; the content policy forbids scripts and requests besides. */
export async function renderPage(page: Page): Promise<string> {
  const charts = page.sections.flatMap((section) => section.charts ?? []);
  const drawings = await drawCharts(charts);
  const drawingOf = new Map(charts.map(({ id }, n) => [id, trusted(drawings[n]!)]));
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <title>${page.title}</title>
        <style>
          ${trusted(styles())}
        </style>
      </head>
      <body>
        <header>
          <h1>${page.title}</h1>
          <p class="lead">${page.lead}</p>
          <dl class="figures">
            ${page.figures.map(
              ({ label, value }) =>
                html`<div>
                  <dt>${label}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
          </dl>
        </header>
        <main>${page.sections.map((section) => renderSection(section, drawingOf))}</main>
        <footer>${renderMade(page.made)}</footer>
      </body>
    </html> `;
  return body.text;
}

function renderSection(section: Section, drawingOf: ReadonlyMap<string, Html>): Html {
  const { title, intro, tables = [], charts = [], texts = [] } = section;
  return html`<section>
    <h2>${title}</h2>
    ${intro === undefined ? '' : html`<p class="intro">${intro}</p>`} ${tables.map(renderTableBlock)}
    ${charts.length === 0 ? '' : html`<div class="grid">${charts.map((chart) => renderChart(chart, drawingOf.get(chart.id)!))}</div>`}
    ${texts.map(renderTexts)}
  </section> `;
}

function renderChart({ id, title, note, table }: Chart, drawing: Html): Html {
  return html`<figure id="${id}">
    <figcaption>
      <h3>${title}</h3>
      <p>${note}</p>
    </figcaption>
    ${drawing}
    <details>
      <summary>The numbers</summary>
      ${renderTable(table, `Numbers of: ${title}`)}
    </details>
  </figure> `;
}

function renderTableBlock({ id, title, note, table }: TableBlock): Html {
  return html`<div class="block" id="${id}">
    <h3>${title}</h3>
    ${renderTable(table, title)}
    <p class="note">${note}</p>
  </div> `;
}

function renderTexts({ title, note, columns }: TextBlock): Html {
  return html`<div class="block">
    <h3>${title}</h3>
    <p class="note">${note}</p>
    <div class="grid">
      ${columns.map(
        (column) =>
          html`<div class="text">
            <h4>${column.title}</h4>
            <ol>
              ${column.lines.map((line) => html`<li>${line}</li>`)}
            </ol>
          </div>`,
      )}
    </div>
  </div> `;
}

/** A table that scrolls within itself where it is too wide or too long, by keyboard too. */
function renderTable({ head, rows }: DataTable, label: string): Html {
  const cell = (value: string | number) =>
    typeof value === 'number' ? html`<td class="n">${formatNumber(value)}</td>` : html`<td>${value}</td>`;
  const isNumber = head.map((_, column) => typeof rows[0]?.[column] === 'number');
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${head.map((name, column) =>
            isNumber[column]
              ? html`<th scope="col" class="n">${name}</th>`
              : html`<th scope="col">${name}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Whole numbers with separators, others with four significant digits or four decimals. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value))
    return Math.abs(value) < 10_000 ? String(value) : value.toLocaleString('en-US');
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(4);
}

function renderMade({ command, environment, dataset, notes = [] }: Made): Html {
  return html`<h2>How this page was made</h2>
    <p>
      <code>${command}</code> with recsys ${environment.recsys} on Node ${environment.node}. The page needs no
      network and runs no script.
    </p>
    <p>Data: ${dataset.name}, by the sha256 of its files:</p>
    <ul>
      ${dataset.files.map(({ name, sha256 }) => html`<li>${name} <code>${sha256}</code></li>`)}
    </ul>
    ${notes.map((note) => html`<p>${note}</p>`)}
    <p>
      MovieLens data: F. M. Harper and J. A. Konstan 2015, “The MovieLens Datasets: History and Context”,
      doi:10.1145/2827872.
    </p> `;
}

function styles(): string {
  return `${pageColours()}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 3rem;max-width:74rem;background:var(--ground);color:var(--ink);
font:16px/1.5 ${fontStack};-webkit-text-size-adjust:100%;overflow-wrap:break-word}
h1{font-size:1.9rem;line-height:1.15;margin:0 0 .5rem;letter-spacing:-.01em}
h2{font-size:1.25rem;line-height:1.25;margin:0 0 .25rem}
h3{font-size:1rem;line-height:1.3;margin:0;font-weight:600}
h4{font-size:.85rem;margin:0 0 .25rem;font-weight:600}
p{margin:0 0 .5rem}
.lead{font-size:1.1rem;max-width:46rem}
.intro{max-width:46rem;color:var(--muted)}
.note,figcaption p,footer,details{font-size:.82rem;line-height:1.45;color:var(--muted)}
.figures{display:flex;flex-wrap:wrap;gap:.75rem 2.25rem;margin:1.25rem 0 0}
.figures dt{font-size:.82rem;color:var(--muted)}
.figures dd{margin:0;font-size:1.45rem;line-height:1.2;font-variant-numeric:tabular-nums}
section,footer{border-top:1px solid var(--rule);margin-top:2.25rem;padding-top:1.1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20.5rem),1fr));gap:2rem 2.25rem;margin-top:1.1rem}
figure{margin:0;min-width:0;display:grid;grid-template-rows:subgrid;grid-row:span 3;row-gap:0;align-content:start}
figcaption p{margin:.2rem 0 .6rem}
figure>svg{display:block;width:100%;height:auto;max-width:30rem}
details{margin-top:.5rem}
summary{cursor:pointer;width:max-content}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll{overflow:auto;max-height:20rem}
.block{margin-top:1.1rem}
.block>.scroll{max-height:none;margin:.5rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;color:var(--ink)}
details table{font-size:.78rem}
th,td{text-align:left;padding:.25rem 1.1rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top;white-space:pre}
td:first-child{white-space:pre-line;overflow-wrap:anywhere;min-width:12.5rem}
th{font-weight:600;color:var(--muted);position:sticky;top:0;background:var(--ground)}
.n{text-align:right}
.text ol{margin:0;padding-left:1.4rem;font-size:.85rem}
.text li{margin-bottom:.35rem}
code{font-size:.92em;overflow-wrap:anywhere}
footer ul{margin:0 0 .5rem;padding-left:1.1rem}
footer li,footer p{overflow-wrap:anywhere}
footer h2{font-size:1rem;color:var(--ink)}
${darkRules('figure svg')}
@media print{body{max-width:none;padding:0;font-size:11pt}figure,tr,.text{break-inside:avoid}details:not([open]){display:none}
.scroll{max-height:none;overflow:visible}.grid{grid-template-columns:repeat(2,1fr)}}`;
}
