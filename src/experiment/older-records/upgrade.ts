/** Records of former schema versions, read as those of the present one. */
import { z } from 'zod';

const version1 = z.looseObject({
  schemaVersion: z.literal(1),
  protocol: z.looseObject({}),
  models: z.array(z.looseObject({ model: z.string(), hyperparameters: z.record(z.string(), z.unknown()) })),
  language: z.looseObject({ historiesCut: z.number() }).optional(),
});

/**
 * Version 1 to version 2: `language.historiesCut` is `language.truncatedHistories`, and GPT-2's hyper-parameters name
 * `gpu`, which version 1 left out and which was false in every run until then. Any other value is returned as it is.
 * What version 1 did not record stays absent: the facts and predicted ratings of the models beside a language model.
 */
export function upgradeRecord(value: unknown): unknown {
  const parsed = version1.safeParse(value);
  if (!parsed.success) return value;
  const { language, models, ...rest } = parsed.data;
  const upgraded = {
    ...rest,
    schemaVersion: 2,
    models: models.map((model) =>
      model.model === 'gpt2'
        ? { ...model, hyperparameters: { gpu: false, ...model.hyperparameters } }
        : model,
    ),
  };
  if (language === undefined) return upgraded;
  const { historiesCut, ...texts } = language;
  return { ...upgraded, language: { ...texts, truncatedHistories: historiesCut } };
}
