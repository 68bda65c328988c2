/** The year in a written title: what counts as one, and the brackets that give it. */

/** A year of film: 1800 to 2099, not within a longer number. */
export const YEAR = /(?<!\d)(?:18|19|20)\d{2}(?!\d)/u;

const BRACKETED_TEXT = /[([{]([^()[\]{}]{0,80})[)\]}]/gu;

/** Where brackets with a year stand in a text, and the year: "(1999)", "[1999]", "(1999 film)", "(USA, 1999)", "('99)". */
export interface BracketedYear {
  year: number;
  start: number;
  end: number;
}

/** Nothing but a year or a range of years, as in "1999", "2007-" and "'99". */
const PURE_YEAR = /^['’]?\d{2,4}(?:\s*[-–—]\s*(?:\d{4}|present|\?)?)?$/iu;

/**
 * Finds the brackets that give the year: the first with one in it, or, of several in a row, the first that hold nothing
 * but a year ("Cosmos (Space: 1999) (1980)"). Expects round, square or curly brackets and ASCII digits.
 */
export function yearInBrackets(text: string): BracketedYear | undefined {
  let found: BracketedYear | undefined;
  let rowEnd = 0;
  for (const match of text.matchAll(BRACKETED_TEXT)) {
    if (found !== undefined && text.slice(rowEnd, match.index).trim() !== '') break;
    rowEnd = match.index + match[0].length;
    const inner = match[1]!.trim();
    const year = yearOf(inner);
    if (year === undefined) continue;
    const pure = PURE_YEAR.test(inner);
    if (found === undefined || pure) found = { year, start: match.index, end: rowEnd };
    if (pure) break;
  }
  return found;
}

/** The year that the text in brackets gives; a range counts by its first. */
function yearOf(inner: string): number | undefined {
  const full = YEAR.exec(inner);
  if (full) return Number(full[0]);
  const short = /^['’](\d{2})$/u.exec(inner);
  if (!short) return undefined;
  const year = Number(short[1]);
  return year > 40 ? 1900 + year : 2000 + year;
}
