/** Flags that name models of the registry. */
import { z } from 'zod';
import { modelNames, specOf, type ModelSpec } from '../../models/registry.ts';

/** `--compare-with`: models beside a language model. */
export function comparisonSchema(defaults: string[]) {
  return z.object({
    compareWith: z
      .array(z.string())
      .default(defaults)
      .describe(`models to evaluate on the same users, of ${modelNames.join(', ')}`),
  });
}

/** The models that a flag names, each once. Throws UsageError blaming `flag` for an unknown name. */
export function readModels(names: readonly string[], flag: string): ModelSpec[] {
  return [...new Set(names)].map((name) => specOf(name, {}, flag));
}
