/** The cost of requests: prices of the model's family, or the user's own, and a budget that is never exceeded. */
import { RecsysError } from '../../util/errors.ts';
import { DISCOUNT_SHARE, familyOf, type Price } from './families.ts';

/** List price of a model; undefined where unknown. */
export function priceOf(model: string): Price | undefined {
  return familyOf(model)?.price;
}

/** The price of direct requests: the user's own or the list price, half of it with `flex`; undefined where unknown. */
export function pricePaid(
  { model, flex }: { model: string; flex: boolean },
  own: Price | undefined,
): Price | undefined {
  const list = own ?? priceOf(model);
  if (list === undefined || !flex) return list;
  const { input, output, cached = input } = list;
  return {
    input: input * DISCOUNT_SHARE,
    output: output * DISCOUNT_SHARE,
    cached: cached * DISCOUNT_SHARE,
  };
}

export interface TokenCount {
  input: number;
  output: number;
  /** Those of `input` that cost the cached price. */
  cached?: number | undefined;
}

/** USD. */
export function costOf({ input, output, cached = 0 }: TokenCount, price: Price): number {
  const discounted = Math.min(cached, input);
  const inputCost = (input - discounted) * price.input + discounted * (price.cached ?? price.input);
  return (inputCost + output * price.output) / 1e6;
}

/** The next request could exceed the budget. */
export class BudgetError extends RecsysError {
  override name = 'BudgetError';
}

/** One request's reserve; `settle` is called once, with what it cost. */
export interface Reservation {
  /** Tokens that were used; 'free' for an answer that is not billed; 'unknown' counts the reserve as spent. */
  settle(used: TokenCount | 'free' | 'unknown'): void;
}

/** What runs under one limit have spent together, in USD; requests under way are left out. */
export interface Spending {
  total: number;
}

/**
 * Money that a run may spend, with what `spending` says was spent before. Every request that is sent, retries included,
 * reserves the most that it can cost; the reserve becomes its cost once that is known. The price is USD per million tokens,
 * `maxCost` USD.
 */
export class Budget {
  readonly #price: Price;
  readonly #maxCost: number;
  readonly #spending: Spending;
  #reserved = 0;
  #waiting: (() => void)[] = [];

  constructor(price: Price, maxCost: number, spending: Spending = { total: 0 }) {
    this.#price = price;
    this.#maxCost = maxCost;
    this.#spending = spending;
  }

  /** USD spent so far, requests under way left out. */
  get spent(): number {
    return this.#spending.total;
  }

  /**
   * Reserves the most that a request can cost; waits while requests under way hold what it needs. Throws BudgetError
   * when it could exceed the budget even so, and the signal's reason when it fires. `share` is that of the price that
   * the request costs.
   */
  async reserve(most: TokenCount, signal: AbortSignal, share = 1): Promise<Reservation> {
    const cost = share * costOf({ input: most.input, output: most.output }, this.#price);
    while (this.spent + this.#reserved + cost > this.#maxCost) {
      if (this.#reserved === 0) throw this.#error();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      signal.throwIfAborted();
    }
    this.#reserved += cost;
    return { settle: (used) => this.#settle(cost, used, share) };
  }

  #settle(reserved: number, used: TokenCount | 'free' | 'unknown', share: number): void {
    this.#reserved -= reserved;
    // Rounding must not leave a trace that looks like a request under way.
    if (this.#reserved < 1e-12) this.#reserved = 0;
    if (used === 'unknown') this.#spending.total += reserved;
    else if (used !== 'free') this.#spending.total += share * costOf(used, this.#price);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #error(): BudgetError {
    return new BudgetError({
      place: '--max-cost',
      found: `the next request could exceed ${this.#maxCost} USD (${this.spent.toFixed(4)} spent)`,
      remedy: 'The answers so far are kept: raise the limit and run again, or ask fewer users.',
    });
  }
}

/** A budget cannot hold where an answer may have any length. */
export function unlimitedError(model: string): RecsysError {
  return new RecsysError({
    place: '--max-cost',
    found: `model '${model}' takes no limit of an answer's length, so the cost of a request has none`,
    remedy: 'Leave out --max-cost, or ask another model.',
  });
}
