/** The models that can be searched, and what their options and spaces are. */
import type { z } from 'zod';
import { isSearchable, registry, searchOf, type ModelName } from '../../models/registry.ts';
import { gpt2ItemOptions, gpt2ItemSearch, tokensFlag } from '../../models/gpt2/item-options.ts';
import { gpt2Options, gpt2Search } from '../../models/gpt2/options.ts';
import type { ModelSearch } from '../../models/search-space.ts';

export const searchableModels: readonly string[] = [
  ...(Object.keys(registry) as ModelName[]).filter(isSearchable),
  'gpt2',
];

export interface Searchable {
  /** The options that it takes. */
  schema: z.ZodObject;
  /** All options, with defaults for what is not given. Throws ZodError. */
  complete(options: Record<string, unknown>): Record<string, unknown>;
  /** What is searched with these options, complete. */
  search(options: Record<string, unknown>): ModelSearch;
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
  if (tokensFlag.parse(options).tokens === 'items') {
    return {
      schema: gpt2ItemOptions,
      complete: (given) => gpt2ItemOptions.parse(given), // what depends on the split is filled in by the run
      search: (given) => gpt2ItemSearch(gpt2ItemOptions.parse(given)),
    };
  }
  return {
    schema: gpt2Options.extend(tokensFlag.shape),
    complete: (given) => gpt2Options.parse(given),
    search: () => gpt2Search,
  };
}
