/** One self-contained HTML page: no network; light, dark and printed; a table behind every chart. */
import type { ResultsRecord } from '../../experiment/record.ts';
import { drawCharts, type Chart, type DataTable } from '../charts/chart.ts';
import { html, renderDocument, trusted, type Html } from '../html.ts';
import { renderTable } from './data-table.ts';
import { contentPolicy, pageScript } from './script.ts';
import { styles } from './styles.ts';

/** A table that is read as such, not the data behind a picture. */
export interface TableBlock {
  id: string;
  title: string;
  note: string;
  table: DataTable;
  /** Further tables, closed at first. */
  more?: { summary: string; tables: { title: string; table: DataTable }[] };
}

/** Lists side by side, such as what every model recommends to one user. */
export interface TextBlock {
  title: string;
  note: string;
  columns: { title: string; summary: string; lines: { text: string; reason: string; hit: boolean }[] }[];
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

/** Writes the page. Everything from data is escaped; the content policy forbids requests, and scripts but the page's own. */
export async function renderPage(page: Page): Promise<string> {
  const charts = page.sections.flatMap((section) => section.charts ?? []);
  const drawings = await drawCharts(charts);
  const drawingOf = new Map(charts.map(({ id }, n) => [id, trusted(drawings[n]!)]));
  const head = html`<meta http-equiv="Content-Security-Policy" content="${contentPolicy}" />
    <style>
      ${trusted(styles())}
    </style>
    ${trusted(`<script>${pageScript}</script>`)}`;
  const body = html`<header>
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
    <footer>${renderMade(page.made)}</footer>`;
  return renderDocument(page.title, head, body);
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

function renderTableBlock({ id, title, note, table, more }: TableBlock): Html {
  return html`<div class="block" id="${id}">
    <h3>${title}</h3>
    ${renderTable(table, title)}
    <p class="note">${note}</p>
    ${more === undefined ? '' : renderMore(more)}
  </div> `;
}

function renderMore({ summary, tables }: NonNullable<TableBlock['more']>): Html {
  return html`<details>
    <summary>${summary}</summary>
    ${tables.map(
      ({ title, table }) =>
        html`<p class="note">${title}</p>
          ${renderTable(table, title)} `,
    )}
  </details>`;
}

function renderTexts({ title, note, columns }: TextBlock): Html {
  return html`<div class="block example">
    <h3>${title}</h3>
    <p class="note">${note}</p>
    <div class="grid">
      ${columns.map(
        (column) =>
          html`<div class="text">
            <h4>${column.title}</h4>
            <p class="note">${column.summary}</p>
            ${
              column.lines.length === 0
                ? ''
                : html`<ol>
                    ${column.lines.map(renderLine)}
                  </ol>`
            }
          </div>`,
      )}
    </div>
  </div> `;
}

function renderLine({ text, reason, hit }: TextBlock['columns'][number]['lines'][number]): Html {
  return html`<li>
    ${hit ? html`<span class="hit">✓ ${text}</span>` : text}${reason === '' ? '' : html`<small>${reason}</small>`}
  </li>`;
}

function renderMade({ command, environment, dataset, notes = [] }: Made): Html {
  return html`<h2>How this page was made</h2>
    <p>
      <code>${command}</code> with recsys ${environment.recsys} on Node ${environment.node}. The page needs no
      network; its one script sorts tables, shows values and chooses users, and nothing needs it.
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
