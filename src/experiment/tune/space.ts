/** What a search may set: the model's own space, what was given in its place, and the options that come of both. */
import { z } from 'zod';
import type { ModelSearch, OptionValue, SearchSpace } from '../../models/search-space.ts';
import { MAX_SOBOL_DIMENSIONS } from '../../numeric/sobol.ts';
import { UsageError } from '../../util/errors.ts';
import { nearestName } from '../../util/nearest.ts';
import { factsOfIssue } from '../../util/parse.ts';
import type { Searchable } from './models.ts';
import type { SearchMethod, Settings } from './trials.ts';

interface Given {
  /** Dimensions in place of the model's own, or besides them. */
  space: SearchSpace;
  /** Options that are fixed. */
  options: Record<string, unknown>;
  method: SearchMethod;
}

/** The model's space without what is fixed, with what was given. Throws UsageError. */
export function spaceOf(
  { space: given, options, method }: Given,
  { schema }: Searchable,
  search: ModelSearch,
  rounds: string | undefined,
): SearchSpace {
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = nearestName(unknown, known);
    throw new UsageError({
      place: '--space',
      found: `'${unknown}'`,
      wanted: known.join(', '),
      ...(near !== undefined && { remedy: `Did you mean '${near}'?` }),
    });
  }
  for (const [name, dimension] of Object.entries(given)) {
    if ('choices' in dimension) requireChoices(name, schema.shape[name], dimension.choices);
  }
  const left = Object.entries(search.space).filter(([name]) => !(name in options) && name !== rounds);
  const space = { ...Object.fromEntries(left), ...given };
  const dimensions = Object.keys(space).length;
  if (dimensions > 0 && (method !== 'sobol' || dimensions <= MAX_SOBOL_DIMENSIONS)) return space;
  throw new UsageError({
    place: '--space',
    found: `${dimensions} options to search`,
    wanted: dimensions === 0 ? 'at least one' : `at most ${MAX_SOBOL_DIMENSIONS} with --method sobol`,
    remedy: dimensions === 0 ? 'Set fewer of them, or name some with --space.' : 'Use --method random.',
  });
}

/** Throws UsageError for a choice that the option never takes, whether or not a trial would draw it. */
function requireChoices(name: string, field: z.core.$ZodType, choices: readonly OptionValue[]): void {
  const schema = z.object({ [name]: field });
  for (const choice of choices) {
    const { error } = schema.safeParse({ [name]: choice });
    if (error) throw refusedError(error, { [name]: choice });
  }
}

/** All options of a trial. Throws UsageError naming an option that the model does not take so. */
export function completeSettings(
  { complete }: Pick<Searchable, 'complete'>,
  fixed: Record<string, unknown>,
  chosen: Settings,
): Record<string, unknown> {
  const options = { ...fixed, ...chosen };
  try {
    return complete(options);
  } catch (error) {
    throw error instanceof z.ZodError ? refusedError(error, options) : error;
  }
}

function refusedError(error: z.ZodError, options: Record<string, unknown>): UsageError {
  const issue = error.issues[0]!;
  return new UsageError({
    place: `--space: ${issue.path.join('.')}`,
    ...factsOfIssue(issue, options),
    remedy: 'Give a range or choices that the option takes; see --help.',
  });
}
