/** The name that a mistyped one was meant to be. */
import { closest, distance } from 'fastest-levenshtein';

/** Edits that a typo may be away from the name. */
const MAX_EDITS = 2;

/** A name that begins with what was typed, or one at most two edits away; upper case and hyphens do not count. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const plain = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, '');
  const longer = names.find((name) => typed !== '' && plain(name).startsWith(plain(typed)));
  if (longer !== undefined) return longer;
  const plainNames = names.map(plain);
  const nearest = closest(plain(typed), plainNames);
  return distance(plain(typed), nearest) <= MAX_EDITS ? names[plainNames.indexOf(nearest)] : undefined;
}
