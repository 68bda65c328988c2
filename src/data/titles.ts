/** What a released title says besides the name. */

/** A title's parts. */
export interface TitleParts {
  /** Without the year and the blanks around it. */
  name: string;
  /** Year of release, of a series the first; 0 without one. */
  year: number;
  /** Whether the title gives years from-to, as those of series do: "(1975-1979)", "(2007-)". */
  isRange: boolean;
}

/** A year or years in brackets, and nothing else. */
const BRACKETED_YEAR = /^\((\d{4})(\s*[-–]\s*(?:\d{4})?)?\)$/u;

/** "Matrix, The (1999)" to its parts: the year is the one in which the title ends, blanks after it ignored. */
export function splitYear(title: string): TitleParts {
  const bracket = title.lastIndexOf('(');
  const match = bracket === -1 ? null : BRACKETED_YEAR.exec(title.slice(bracket).trimEnd());
  if (match === null) return { name: title.trim(), year: 0, isRange: false };
  return {
    name: title.slice(0, bracket).trimEnd(),
    year: Number(match[1]),
    isRange: match[2] !== undefined,
  };
}
