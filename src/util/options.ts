/** Options of models as zod schemas: which of them affect a result. */
import type { z } from 'zod';

/**
 * The given options without those whose field is marked `.meta({ affectsResult: false })`: file names, memory against
 * time, and what else two runs with equal numbers may differ in. Options that are not set are left out.
 */
export function optionsAffectingResult<S extends z.ZodObject>(
  schema: S,
  options: Readonly<z.output<S>>,
): Record<string, unknown> {
  const names = Object.entries(schema.shape)
    .filter(([, field]) => (field as z.ZodType).meta()?.['affectsResult'] !== false)
    .map(([name]) => name);
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
