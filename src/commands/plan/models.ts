/** The models of a plan. */
import { specOf, type ModelSpec } from '../../models/registry.ts';
import { DataError } from '../../util/errors.ts';
import type { Plan } from './schema.ts';

/** Specs in the order of the plan. Throws DataError when two have one name. */
export function specsOf(models: NonNullable<Plan['models']>, path: string): ModelSpec[] {
  const specs = models.map((entry): ModelSpec => {
    if (typeof entry === 'string') return specOf(entry);
    const { model, name, options } = entry;
    const spec = specOf(model, options);
    return { ...spec, name: name ?? spec.name };
  });
  const twice = specs.find(({ name }, n) => specs.findIndex((other) => other.name === name) !== n);
  if (twice === undefined) return specs;
  throw new DataError({
    place: path,
    found: `two models called '${twice.name}'`,
    wanted: 'a name for each',
    remedy: 'Give one of them a `name`.',
  });
}
