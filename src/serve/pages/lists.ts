/** Lists of models as cards. */
import { listRanks, type MatchClass } from '../../language/grounding.ts';
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

/** A language model's recorded list up to its `k`-th recommendation, with the words that it gave. */
export function cardOfAnswer({ file, model, state, recommendations, hitRanks }: Answer, k: number): Card {
  const ranks = listRanks(recommendations);
  const further = ranks.indexOf(k + 1);
  const shown = further === -1 ? ranks : ranks.slice(0, further);
  const lines = shown.map((own, n): CardLine => {
    const { text, title, reason, match } = recommendations[n]!;
    return {
      text: title === null ? text : toNaturalTitle(title),
      small: [reason, own === null ? `does not count: ${whyNot.get(match) ?? match}` : ''],
      mark: hitRanks?.some((rank) => rank === own) ? 'hit' : undefined,
    };
  });
  const counted = shown.filter((rank) => rank !== null).length;
  const hits = hitRanks?.filter((rank) => rank <= k).length;
  const found = hits === undefined || lines.length === 0 ? '' : `, ${countHits(hits)} in ${counted}`;
  const note = `recorded in ${file}${state === 'answered' ? '' : `: ${state}`}${found}`;
  return { title: model, note, lines };
}

/** Why an entry of a match class is no recommendation. */
const whyNot: ReadonlyMap<string, string> = new Map<MatchClass, string>([
  ['ambiguous', 'several movies have the title'],
  ['out-of-catalogue', 'no movie of the data has the title'],
  ['no-training-rating', 'a movie without training ratings'],
  ['outside-candidates', 'not one of the candidates'],
  ['number-mismatch', 'the number is that of another candidate'],
  ['already-seen', 'rated before'],
  ['repeated', 'named above'],
]);

function countHits(hits: number): string {
  return hits === 1 ? '1 hit' : `${hits} hits`;
}
