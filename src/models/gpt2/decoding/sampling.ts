/** Choosing the next token from its logits: greedy, or at random under temperature, top-k and top-p. */
import { exp, log } from '../../../util/math.ts';
import type { Rng } from '../../../util/rng.ts';

export interface SamplingOptions {
  /** Logits are divided by it; 0 is greedy. */
  temperature: number;
  /** Only the k most probable tokens; 0 means all. */
  topK: number;
  /** Only the most probable tokens that together reach this probability (Holtzman et al. 2020); 1 means all. */
  topP: number;
}

/**
 * The next token out of `allowed` (default: all). Equal logits: the smaller token. Filters apply in the order
 * temperature, top-k, top-p, as in Hugging Face.
 */
export function chooseToken(
  logits: Float32Array,
  allowed: ArrayLike<number> | undefined,
  options: SamplingOptions,
  rng: Rng,
): number {
  if (allowed?.length === 1) return allowed[0]!;
  if (options.temperature === 0) return best(logits, allowed);
  return sample(candidates(logits, allowed, options), rng);
}

function best(logits: Float32Array, allowed: ArrayLike<number> | undefined): number {
  let token = allowed?.[0] ?? 0;
  const count = allowed?.length ?? logits.length;
  for (let i = 0; i < count; i++) {
    const other = allowed?.[i] ?? i;
    const difference = logits[other]! - logits[token]!;
    if (difference > 0 || (difference === 0 && other < token)) token = other;
  }
  return token;
}

interface Candidate {
  token: number;
  /** Relative to the most probable token. */
  weight: number;
}

function candidates(
  logits: Float32Array,
  allowed: ArrayLike<number> | undefined,
  { temperature, topK, topP }: SamplingOptions,
): Candidate[] {
  const most = logits[best(logits, allowed)]!;
  let list: Candidate[] = [];
  for (const token of allowed === undefined ? logits.keys() : Array.from(allowed)) {
    const weight = exp((logits[token]! - most) / temperature);
    if (weight > 0) list.push({ token, weight });
  }
  if (topK > 0 && topK < list.length) {
    const least = Float64Array.from(list, ({ weight }) => weight).sort()[list.length - topK]!;
    list = ranked(list.filter(({ weight }) => weight >= least)).slice(0, topK);
  }
  return topP < 1 ? nucleus(list, topP) : list;
}

/** The shortest list of most probable tokens that reaches the share `topP`. */
function nucleus(list: Candidate[], topP: number): Candidate[] {
  const mass = total(list);
  // Tokens below (1 - p) / n of the mass stay below 1 - p together: the nucleus lies above, and is quick to sort.
  const floor = ((1 - topP) * mass) / list.length;
  const upper = ranked(list.filter(({ weight }) => weight >= floor));
  let reached = 0;
  const end = upper.findIndex(({ weight }) => (reached += weight) >= topP * mass);
  return end === -1 ? upper : upper.slice(0, end + 1);
}

function ranked(list: Candidate[]): Candidate[] {
  return list.sort((a, b) => b.weight - a.weight || a.token - b.token);
}

function total(list: Candidate[]): number {
  return list.reduce((sum, { weight }) => sum + weight, 0);
}

function sample(list: Candidate[], rng: Rng): number {
  let point = rng.uniform() * total(list);
  for (const { token, weight } of list) {
    point -= weight;
    if (point < 0) return token;
  }
  return list.at(-1)!.token;
}

/** log of the sum of e^logit: a token's log-probability is its logit minus this. */
export function logSumExp(logits: Float32Array): number {
  let most = -Infinity;
  for (const logit of logits) if (logit > most) most = logit;
  let sum = 0;
  for (const logit of logits) {
    // What lies 35 below adds less than 1e-15 of the sum each, and most of 50,257 tokens do.
    if (logit > most - 35) sum += exp(logit - most);
  }
  return most + log(sum);
}
