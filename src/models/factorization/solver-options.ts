/**
 * Options of a model that several solvers can fit: one flat schema whose options are all optional, and per solver the
 * options that it has with their defaults. Only zod is imported here, so that help texts are cheap.
 */
import type { z } from 'zod';

type Options = { solver: string } & Record<string, unknown>;
type Defaults = Record<string, object>;

/** The sentence with each solver's default: "sweeps of ALS (ials: 16)". */
export function describeOption(defaults: Defaults, key: string, sentence: string): string {
  const values: string[] = [];
  for (const [solver, options] of Object.entries(defaults)) {
    const value: unknown = Object.entries(options).find(([own]) => own === key)?.[1];
    const shown = Array.isArray(value) ? value.join(',') : JSON.stringify(value);
    if (value !== undefined) values.push(`${solver}: ${shown || 'none'}`);
  }
  return `${sentence} (${values.join(', ')})`;
}

/** A check of the schema: an option that the chosen solver does not have is refused, with those that it has. */
export function refuseForeignOptions(defaults: Defaults) {
  return ({ value: options, issues }: z.core.ParsePayload<Options>): void => {
    const allowed = defaults[options.solver]!;
    for (const [key, value] of Object.entries(options)) {
      if (key === 'solver' || key in allowed || value === undefined) continue;
      issues.push({
        code: 'custom',
        path: [key],
        input: value,
        message: `not an option of solver '${options.solver}', which has ${Object.keys(allowed).join(', ')}`,
      });
    }
  };
}

/** `options` completed with the defaults of its solver; parsing the result again changes nothing. */
export function complete<O extends { solver: keyof D & string }, D extends Defaults>(
  defaults: D,
  options: O,
): O {
  return { ...defaults[options.solver], ...defined(options) };
}

/** The options of one solver, complete. */
export function optionsOf<D extends Defaults, S extends keyof D>(
  defaults: D,
  solver: S,
  options: object,
): D[S] {
  return { ...defaults[solver], ...defined(options) };
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
