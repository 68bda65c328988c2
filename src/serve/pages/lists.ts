/** Lists of models as cards. */
import { toNaturalTitle } from '../../language/titles.ts';
import { describeReasons } from '../../use/lists.ts';
import { RecsysError } from '../../util/errors.ts';
import type { ListedMovie } from '../ask.ts';
import type { Answer, ServedModel } from '../contents.ts';
import { titleWithYear, type Card, type CardLine } from './layout.ts';

/** A model's list; what it cannot do stands where the list would. */
export async function cardOfModel(
  { id, saved: { manifest } }: ServedModel,
  list: () => Promise<ListedMovie[]>,
  isNew: (movie: ListedMovie) => boolean = () => false,
): Promise<Card> {
  const { split } = manifest.fittedOn;
  const part = split === 'none' ? 'fitted on all ratings' : `fitted on the training part (${split})`;
  try {
    const movies = await list();
    const lines = movies.map((movie): CardLine => {
      const mark = movie.hit ? 'hit' : isNew(movie) ? 'new' : undefined;
      return {
        text: titleWithYear(movie),
        small: [movie.genres.join(', '), describeReasons(movie.why)],
        mark,
      };
    });
    const hits = movies.filter(({ hit }) => hit).length;
    const found = movies.some(({ hit }) => hit !== null) ? `, ${countHits(hits)} in ${movies.length}` : '';
    return { title: id, note: part + found, lines };
  } catch (error) {
    if (!(error instanceof RecsysError)) throw error;
    return { title: id, note: error.message, lines: [] };
  }
}

/** A language model's recorded list, with the words that it gave. */
export function cardOfAnswer({ file, model, state, recommendations, hitRanks }: Answer, k: number): Card {
  const lines = recommendations.slice(0, k).map(({ rank, text, title, reason, movieId }): CardLine => {
    const unknown = movieId === null ? 'not in the catalogue' : '';
    return {
      text: title === null ? text : toNaturalTitle(title),
      small: [reason, unknown],
      mark: hitRanks.includes(rank) ? 'hit' : undefined,
    };
  });
  const hits = hitRanks.filter((rank) => rank <= k).length;
  const note =
    state === 'answered'
      ? `recorded in ${file}, ${countHits(hits)} in ${lines.length}`
      : `recorded in ${file}: ${state}`;
  return { title: model, note, lines };
}

function countHits(hits: number): string {
  return hits === 1 ? '1 hit' : `${hits} hits`;
}
