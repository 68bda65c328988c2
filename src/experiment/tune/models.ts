/** The models that can be searched, and what their options and spaces are. */
import type { z } from 'zod';
import { isSearchable, registry, searchOf, type ModelName } from '../../models/registry.ts';
import { tokensFlag, type SplitSetting } from '../../models/gpt2/item-options.ts';
import type { ModelSearch } from '../../models/search-space.ts';
import { tokenKinds } from '../language/gpt2/token-kinds.ts';

export const searchableModels: readonly string[] = [
  ...(Object.keys(registry) as ModelName[]).filter(isSearchable),
  'gpt2',
];

export interface Searchable {
  /** The options that it takes. */
  schema: z.ZodObject;
  /** All options, with defaults for what is not given. Throws ZodError. */
  complete(options: Record<string, unknown>): Record<string, unknown>;
  /** What is searched with these options, complete, on this split. */
  search(options: Record<string, unknown>, setting: SplitSetting): ModelSearch;
}

/** `model` is one of `searchableModels`; `options` tell GPT-2 on texts from GPT-2 on item tokens. */
export function searchable(model: string, options: Record<string, unknown>): Searchable {
  if (model !== 'gpt2') {
    const name = model as ModelName;
    return {
      schema: registry[name].options,
      complete: (given) => registry[name].options.parse(given),
      search: (given) => searchOf(name, given),
    };
  }
  const kind = tokenKinds[tokensFlag.parse(options).tokens];
  return {
    schema: kind.schema.extend(tokensFlag.shape),
    complete: (given) => kind.schema.parse(given), // what depends on the split is filled in by the run
    search: (given, setting) => kind.search(given, setting),
  };
}
