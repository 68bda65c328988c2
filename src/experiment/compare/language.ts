/** What records of language models add to a comparison: what became of the titles that they wrote. */
import { countStates } from '../../models/language-model.ts';
import type { RecordedModel } from './recorded-models.ts';
import type { NoiseRecord } from '../record.ts';
import type { LanguageComparison } from './record.ts';

/** One entry per model that wrote texts: the first one of its record. */
export function languageModels(recorded: readonly RecordedModel[]): LanguageComparison[] {
  return recorded.flatMap(({ name, result, record: { language, models } }) => {
    if (language === undefined || models[0] !== result) return [];
    const { template, shares, truncatedHistories, users } = language;
    // A model that shares its name with another's record is called by what tells it apart.
    const reasons = (language.reasons ?? []).map((own) =>
      own.model === result.name ? { ...own, model: name } : own,
    );
    return [
      {
        name,
        template,
        shares,
        truncatedHistories,
        states: countStates(users),
        reasons,
        noise: language.noise ? withoutAnswers(language.noise) : null,
      },
    ];
  });
}

/** What was said to each user stays in the record. */
function withoutAnswers(noise: NoiseRecord): LanguageComparison['noise'] {
  const runs = noise.runs.map((run) => {
    const { users: _, ...rest } = run;
    return rest;
  });
  return { ...noise, runs };
}
