/** What a released title says besides the name. */

/** The year in which a title ends, as in "Matrix, The (1999)", blanks after it ignored; 0 where it ends in none. */
export function yearOf(title: string): number {
  const match = /\((\d{4})\)\s*$/.exec(title);
  return match === null ? 0 : Number(match[1]);
}
