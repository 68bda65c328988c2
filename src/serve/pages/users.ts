/** The page of a user of the data: the history, and what every model recommends. */
import { z } from 'zod';
import { html, type Html } from '../../report/html.ts';
import { describeMovie, userIndex } from '../../use/recommend.ts';
import type { Asker } from '../ask.ts';
import { answersTo, heldOutItems, isOfSameData, ratingsOf, type Contents } from '../contents.ts';
import type { StoredRecord } from '../records.ts';
import { renderCards, renderFilters, renderNotes, titleWithYear } from './layout.ts';
import { cardOfAnswer, cardOfModel } from './lists.ts';

export const filterShape = {
  k: z.coerce.number().int().min(1).max(100).default(10),
  genre: z.string().optional(),
  years: z.string().optional(),
  minRatings: z.coerce.number().int().min(0).default(0),
};
export const usersSchema = z.strictObject({ user: z.string().optional(), ...filterShape });

/** Rated movies that are shown at once; the rest opens. */
const SHOWN_RATINGS = 10;

/** Throws UsageError for an unknown user and for filters that leave no movie. */
export async function usersPage(
  contents: Contents,
  asker: Asker,
  records: readonly StoredRecord[],
  { user: typed, k, genre, years, minRatings }: z.output<typeof usersSchema>,
): Promise<Html> {
  const { models, ratings, notes } = contents;
  const [first] = models;
  const user = typed === undefined ? firstUser(contents, records) : userIndex(first!.saved, typed);
  const id = ratings.userIds[user]!;
  const filters = { ...(genre && { genres: [genre] }), years, minRatings };
  const lists = await Promise.all(
    models.map((model) => cardOfModel(model, () => asker.forUser(model, user, { k, filters }))),
  );
  const answers = answersTo(contents, records, id).map((answer) => cardOfAnswer(answer, k));
  return html`<h1>User ${id} of ${contents.dataset}</h1>
    ${renderNotes(notes)}
    <form class="bar" action="/" data-live>
      <label>User <input id="user" name="user" value="${id}" size="8" required /></label>
      ${renderFilters({ k, genre, years, minRatings }, genresOf(contents))}
      <button>Show</button>
      ${renderNeighbours(contents, user)}
    </form>
    ${renderHistory(contents, user)}
    <h2>What the models recommend</h2>
    ${renderCards([...lists, ...answers])}
    <p class="note">
      ✓ is a hit: the user rated it 4 stars or more, and the model was fitted without that
      rating.${
        answers.length === 0
          ? ''
          : ' Recorded answers stay as they are; genre, years and ratings choose among the lists of saved models.'
      }
    </p>`;
}

/** One whom a language model answered, if there is one. */
function firstUser({ models: [first] }: Contents, records: readonly StoredRecord[]): number {
  const { saved } = first!;
  const own = records.filter(({ record }) => isOfSameData(record.dataset, saved.manifest.dataset));
  const answered = own.flatMap(({ record: { language } }) => language?.users[0]?.userId ?? []);
  return answered[0] === undefined ? 0 : userIndex(saved, answered[0]);
}

export function genresOf({ ratings: { movies } }: Pick<Contents, 'ratings'>): string[] {
  return [...new Set(movies.genres.flat())].sort();
}

function renderNeighbours({ ratings: { userIds } }: Contents, user: number): Html {
  const link = (index: number, name: string) =>
    userIds[index] === undefined ? html`` : html`<a href="/?user=${userIds[index]}">${name}</a>`;
  return html`<span class="links">${link(user - 1, '← one before')} ${link(user + 1, 'next one →')}</span>`;
}

function renderHistory(contents: Contents, user: number): Html {
  const rated = ratingsOf(contents, user);
  const heldOut = heldOutItems(contents, user);
  const rows = rated.map(({ item, stars }) => {
    const movie = describeMovie(contents.ratings, item);
    return html`<tr>
      <td class="n">${stars}</td>
      <td>${titleWithYear(movie)}</td>
      <td>${movie.genres.join(', ')}</td>
      <td>${heldOut.has(item) ? 'held out' : ''}</td>
    </tr> `;
  });
  const rest = rows.slice(SHOWN_RATINGS);
  return html`<h2>What the user rated</h2>
    ${renderRatings(rows.slice(0, SHOWN_RATINGS), 'Best rated movies')}
    ${
      rest.length === 0
        ? ''
        : html`<details>
            <summary>${rest.length} more</summary>
            ${renderRatings(rest, 'More ratings')}
          </details>`
    }`;
}

function renderRatings(rows: readonly Html[], label: string): Html {
  return html`<div class="scroll ratings" role="region" tabindex="0" aria-label="${label}">
    <table>
      <thead>
        <tr>
          <th scope="col" class="n">Stars</th>
          <th scope="col">Movie</th>
          <th scope="col">Genres</th>
          <th scope="col">In the split</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
