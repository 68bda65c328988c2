/** What requests cost: prices of the model's family, or the user's own. */
import { familyOf, type Price } from './families.ts';

/** Price of a model; undefined where unknown. */
export function priceOf(model: string): Price | undefined {
  return familyOf(model)?.price;
}

export interface TokenCount {
  input: number;
  output: number;
}

/** USD. */
export function costOf({ input, output }: TokenCount, price: Price): number {
  return (input * price.input + output * price.output) / 1e6;
}
