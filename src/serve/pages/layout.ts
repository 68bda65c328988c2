/** What the pages share: the frame, the fields of filters, and a list as a card. */
import { html, renderDocument, type Html } from '../../report/html.ts';

const pages = [
  ['/', 'Users'],
  ['/you', 'You'],
  ['/experiments', 'Runs'],
] as const;

export type PagePath = (typeof pages)[number][0];

/** A whole page. `active` is the page's own address. */
export function renderLayout(title: string, active: PagePath | undefined, main: Html): string {
  const head = html`<link rel="stylesheet" href="/style.css" />
    <script src="/script.js" defer></script>`;
  const body = html`<a class="skip" href="#main">Skip to the content</a>
    <nav aria-label="Pages">
      <span class="brand">recsys</span>
      ${pages.map(([path, name]) =>
        path === active
          ? html`<a href="${path}" aria-current="page">${name}</a>`
          : html`<a href="${path}">${name}</a>`,
      )}
    </nav>
    <p class="status" role="status"></p>
    <main id="main" tabindex="-1">${main}</main>`;
  return renderDocument(`${title} · recsys`, head, body);
}

/** Values of the filters as they were typed. */
export interface FilterValues {
  k: number;
  genre?: string | undefined;
  years?: string | undefined;
  minRatings: number;
}

/** Fields of a form: which movies may be in the lists, and how long they are. */
export function renderFilters(
  { k, genre = '', years = '', minRatings }: FilterValues,
  genres: readonly string[],
): Html {
  return html`<label
      >Genre
      <select id="genre" name="genre">
        <option value="">all</option>
        ${genres.map((name) => renderOption(name, name === genre))}
      </select></label
    >
    <label>Years <input id="years" name="years" value="${years}" placeholder="1990-1999" size="9" /></label>
    <label
      >Ratings, at least <input id="minRatings" name="minRatings" type="number" min="0" value="${minRatings}"
    /></label>
    <label>Length <input id="k" name="k" type="number" min="1" max="100" value="${k}" /></label>`;
}

function renderOption(name: string, isSelected: boolean): Html {
  return isSelected ? html`<option selected>${name}</option>` : html`<option>${name}</option>`;
}

export interface CardLine {
  text: string;
  /** Below the title, in small type. */
  small: readonly string[];
  mark?: 'hit' | 'new' | undefined;
}

export interface Card {
  title: string;
  note: string;
  lines: readonly CardLine[];
}

/** Lists side by side. */
export function renderCards(cards: readonly Card[]): Html {
  return html`<div class="cards">
    ${cards.map(
      ({ title, note, lines }, n) =>
        html`<section class="card" aria-labelledby="card-${n}">
          <h3 id="card-${n}">${title}</h3>
          <p class="note">${note}</p>
          ${
            lines.length === 0
              ? ''
              : html`<ol>
                  ${lines.map(renderLine)}
                </ol>`
          }
        </section>`,
    )}
  </div>`;
}

function renderLine({ text, small, mark }: CardLine): Html {
  const title =
    mark === 'hit'
      ? html`<span class="hit"><span aria-label="hit">✓</span> ${text}</span>`
      : mark === 'new'
        ? html`<span class="new">${text} <span class="tag">new</span></span>`
        : html`${text}`;
  return html`<li>${title}${small.filter(Boolean).map((line) => html`<small>${line}</small>`)}</li>`;
}

/** What stands above the lists: notes, and models that are not served. */
export function renderNotes(notes: readonly string[]): Html {
  return html`${notes.map((note) => html`<p class="note">${note}</p>`)}`;
}

/** "The Matrix (1999)". */
export function titleWithYear({ title, year }: { title: string; year: number | null }): string {
  return year === null ? title : `${title} (${year})`;
}
