/** The page of a person who is not in the data: search titles, rate a few, and see every model's list change. */
import { z } from 'zod';
import { html, type Html } from '../../report/html.ts';
import { REFERENCE_STARS } from '../../data/rating-levels.ts';
import { areAllEqual } from '../../data/training-set.ts';
import { personScale, type History } from '../../use/history.ts';
import { describeMovie } from '../../use/recommend.ts';
import { UsageError } from '../../util/errors.ts';
import type { Asker, ListedMovie } from '../ask.ts';
import type { Contents, ServedModel } from '../contents.ts';
import { renderCards, renderFilters, renderNotes, titleWithYear, type Card } from './layout.ts';
import { cardOfModel } from './lists.ts';
import { filterShape, genresOf } from './users.ts';

export const youSchema = z.strictObject({
  q: z.string().optional(),
  /** "318:5", in the order in which they were given. */
  r: z.array(z.string()).default([]),
  add: z.string().optional(),
  drop: z.string().optional(),
  ...filterShape,
});
export type YouQuery = z.output<typeof youSchema>;

/** Movies that are offered for rating. */
const OFFERED_MOVIES = 8;
/** Addresses stay short enough for every browser; more ratings go by `POST /recommend`. */
const MAX_RATINGS = 300;

/** Where a rating that is added or dropped leads; undefined where nothing changes. */
export function addressAfter(query: YouQuery): string | undefined {
  const { add, drop, r } = query;
  if (add === undefined && drop === undefined) return undefined;
  const movieOf = (rating: string) => rating.slice(0, rating.lastIndexOf(':'));
  const changed = add === undefined ? drop : movieOf(add);
  const kept = r.filter((rating) => movieOf(rating) !== changed);
  const ratings = [...kept, ...(add === undefined ? [] : [add])].slice(-MAX_RATINGS);
  const address = new URLSearchParams(ratings.map((rating): [string, string] => ['r', rating]));
  for (const name of ['k', 'genre', 'years', 'minRatings'] as const) {
    const value = query[name];
    if (value !== undefined && value !== '' && value !== 0) address.set(name, String(value));
  }
  return `/you?${address.toString()}`;
}

/** Throws UsageError for ratings that are none, and for filters that leave no movie. */
export async function youPage(contents: Contents, asker: Asker, query: YouQuery): Promise<Html> {
  const { r, q = '', k, genre, years, minRatings } = query;
  const history = asker.historyOf(r);
  const filters = { ...(genre && { genres: [genre] }), years, minRatings };
  const before = new Map([...history].slice(0, -1));
  const cards =
    history.size === 0
      ? []
      : await Promise.all(
          contents.models.map((model) => cardOfPerson(asker, model, { history, before }, { k, filters })),
        );
  return html`<h1>You</h1>
    <p class="lead">Rate a few movies. Nothing is trained, and nothing leaves this machine.</p>
    ${renderNotes(contents.notes)}
    <form action="/you" data-live>
      ${r.map((rating) => html`<input type="hidden" name="r" value="${rating}" />`)}
      <p class="bar">
        <label
          >Title
          <input id="q" name="q" type="search" value="${q}" placeholder="heat" autocomplete="off" data-typed
        /></label>
        <button>Search</button>
      </p>
      ${renderOffers(contents, history, q)} ${renderRatings(contents, history)}
      <h2>What the models recommend to you</h2>
      <p class="bar">
        ${renderFilters({ k, genre, years, minRatings }, genresOf(contents))}
        <button>Show</button>
      </p>
    </form>
    ${
      cards.length === 0
        ? html`<p>The lists come with your first rating.</p>`
        : html`${renderCards(cards)} ${renderLikedOnly(contents)}
            <p class="note">“new”: not in the list before your last rating.</p>`
    }`;
}

/** What stars mean to the models that cannot be told of a dislike. */
function renderLikedOnly({ models }: Contents): Html {
  const own = models.filter(({ saved }) => areAllEqual(saved.train.ratings.values)).map(({ id }) => id);
  if (own.length === 0) return html``;
  return html`<p class="note">
    ${own.join(', ')}: fitted on ratings that are all equal. ${REFERENCE_STARS} stars or more mean “liked”; a
    movie with fewer is left out of the list and counts for nothing.
  </p>`;
}

async function cardOfPerson(
  asker: Asker,
  model: ServedModel,
  { history, before }: { history: History; before: History },
  options: Parameters<Asker['forPerson']>[2],
): Promise<Card> {
  const known = new Set<ListedMovie['movieId']>();
  const list = async () => {
    const movies = await asker.forPerson(model, history, options);
    const former = before.size === 0 ? [] : await listOrNone(asker, model, before, options);
    for (const { movieId } of former) known.add(movieId);
    return movies;
  };
  return await cardOfModel(model, list, ({ movieId }) => known.size > 0 && !known.has(movieId));
}

/** The list of a person; none where the ratings say nothing to the model, as one movie that it does not know. */
async function listOrNone(
  asker: Asker,
  ...[model, history, options]: Parameters<Asker['forPerson']>
): Promise<ListedMovie[]> {
  try {
    return await asker.forPerson(model, history, options);
  } catch (error) {
    if (error instanceof UsageError) return [];
    throw error;
  }
}

/** Found movies, or the most rated ones, each with a button per star. */
function renderOffers({ search, ratings }: Contents, history: History, q: string): Html {
  const { catalogue, ratingCounts } = ratings;
  const scale = personScale(ratings);
  const popular = () =>
    [...catalogue].sort((a, b) => ratingCounts[b]! - ratingCounts[a]!).filter((item) => !history.has(item));
  const offered = q.trim() === '' ? popular().slice(0, OFFERED_MOVIES) : search.search(q, OFFERED_MOVIES);
  const first = Math.max(1, Math.ceil(scale.min));
  const stars = Array.from({ length: Math.max(1, Math.floor(scale.max) - first + 1) }, (_, n) => first + n);
  const rows = offered.map((item) => {
    const movie = describeMovie(ratings, item);
    const title = titleWithYear(movie);
    const buttons = stars.map(
      (value) =>
        html`<button
          name="add"
          value="${movie.movieId}:${value}"
          aria-label="${title}: ${value} of ${scale.max} stars"
          ${history.get(item) === value ? html`aria-pressed="true"` : ''}
        >
          ${value}
        </button>`,
    );
    return html`<li>
      <span>${title} <small>${movie.genres.join(', ')}</small></span
      ><span class="stars">${buttons}</span>
    </li>`;
  });
  return html`<h2>${q.trim() === '' ? 'Movies that many have rated' : `Movies with “${q}”`}</h2>
    ${
      rows.length === 0
        ? html`<p>No title is like that.</p>`
        : html`<ul class="offers">
            ${rows}
          </ul>`
    }`;
}

function renderRatings({ ratings }: Contents, history: History): Html {
  if (history.size === 0) return html``;
  const rows = [...history].toReversed().map(([item, stars]) => {
    const title = titleWithYear(describeMovie(ratings, item));
    return html`<li>
      <span>${stars} ★ ${title}</span>
      <button name="drop" value="${ratings.itemIds[item]!}" aria-label="Remove ${title}">remove</button>
    </li>`;
  });
  return html`<h2>Your ratings</h2>
    <ul class="offers">
      ${rows}
    </ul>
    <p><a href="/you">Start again</a></p>`;
}
