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

/** "Matrix, The (1999)" to its parts: the year is the one in which the title ends, blanks after it ignored. */
export function splitYear(title: string): TitleParts {
  const match = /^(.*?)\s*\((\d{4})(\s*[-–]\s*(?:\d{4})?)?\)\s*$/su.exec(title);
  if (match === null) return { name: title.trim(), year: 0, isRange: false };
  return { name: match[1]!, year: Number(match[2]), isRange: match[3] !== undefined };
}
