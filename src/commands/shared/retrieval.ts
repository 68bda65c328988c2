/** Flags of language models beside other models: what they choose from, and blends of rankings. */
import { z } from 'zod';
import type { Hybrid } from '../../experiment/language/hybrid.ts';
import { modelNames, specOf } from '../../models/registry.ts';

export const retrievalSchema = z.object({
  candidates: z
    .string()
    .default('none')
    .meta({ placeholder: 'source:n' })
    .describe('let the model choose from n candidates of a fitted model (mf:100) or a text index (bm25:100)'),
  hybrid: z
    .string()
    .optional()
    .meta({ placeholder: 'model' })
    .describe(`also blend the ranking with that of a model, of ${modelNames.join(', ')}`),
  hybridWeight: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'weight of the language model in the blend (default: chosen on validation users, as many as are tested; they are asked too)',
    ),
});

/** The blend that was asked for. Throws UsageError for a model that there is not. */
export function readHybrid({ hybrid, hybridWeight }: z.output<typeof retrievalSchema>): Hybrid | undefined {
  if (hybrid === undefined) return undefined;
  const model = specOf(hybrid, {}, '--hybrid');
  return { model, ...(hybridWeight !== undefined && { weight: hybridWeight }) };
}
