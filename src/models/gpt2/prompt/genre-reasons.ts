/** Why a movie, in words: what its genres share with those that the user likes. */

/** Most genres that a reason names. */
const MAX_GENRES = 2;

/** Of a movie's genres those that the user likes, most liked first, at most two. `liked` is in that order. */
export function sharedGenres(liked: readonly string[], genres: readonly string[]): string[] {
  return liked.filter((genre) => genres.includes(genre)).slice(0, MAX_GENRES);
}

/**
 * What a movie of these genres shares with the user's liking; where it shares nothing, which of its genres are new, those
 * that are not `known`; else `otherwise`.
 */
export function reasonFor(
  genres: readonly string[],
  liked: readonly string[],
  known: ReadonlySet<string> = new Set(),
  otherwise = 'It fits what you like.',
): string {
  const shared = sharedGenres(liked, genres);
  if (shared.length > 0) return `You rate ${shared.join(' and ')} highly.`;
  const unknown = genres.filter((genre) => !known.has(genre)).slice(0, MAX_GENRES);
  return unknown.length > 0 ? `Something new for you: ${unknown.join(' and ')}.` : otherwise;
}
