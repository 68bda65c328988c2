/** Families of chat models: what is known of each without asking a server. To support another, add a row. */

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
}

export interface ModelFamily {
  /** Model names that belong to the family. */
  names: RegExp;
  price: Price;
}

/** The date on which the list prices below were read. */
export const PRICES_AS_OF = '2025-06-01';

/** A dated snapshot ("gpt-4o-2024-08-06") belongs to the family of its name. */
function named(name: string): RegExp {
  return new RegExp(String.raw`^${name.replaceAll('.', String.raw`\.`)}(?:-\d{4}-\d{2}-\d{2})?$`, 'u');
}

/** List prices on `PRICES_AS_OF`; `--price-input` and `--price-output` override them. */
const families: readonly ModelFamily[] = [
  { names: named('gpt-4o'), price: { input: 2.5, output: 10 } },
  { names: named('gpt-4o-mini'), price: { input: 0.15, output: 0.6 } },
  { names: named('gpt-4.1'), price: { input: 2, output: 8 } },
  { names: named('gpt-4.1-mini'), price: { input: 0.4, output: 1.6 } },
  { names: named('gpt-4.1-nano'), price: { input: 0.1, output: 0.4 } },
];

/** The family of a model; undefined where the name is not known. */
export function familyOf(model: string): ModelFamily | undefined {
  return families.find(({ names }) => names.test(model));
}
