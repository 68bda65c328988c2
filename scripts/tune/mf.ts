/** Chose the defaults of implicit ALS. `npx tsx scripts/tune/mf.ts [data set] [points] [--prior]`. */
import { createMf } from '../../src/models/mf/index.ts';
import { mfOptions, solverDefaults, type MfAlsOptions } from '../../src/models/mf/options.ts';
import type { Rng } from '../../src/util/rng.ts';
import { commandLine, logUniform, pick, search } from './search.ts';

/** Without --prior: the factorization. With it: the strength of the prior, the rest near the defaults. */
const withPrior = process.argv.includes('--prior');
if (withPrior) process.argv.splice(process.argv.indexOf('--prior'), 1);

function draw(rng: Rng): Partial<MfAlsOptions> {
  if (withPrior) {
    return {
      features: ['genres', 'decade'],
      priorStrength: logUniform(rng, 0.005, 1),
      regularization: logUniform(rng, 0.01, 0.03),
      unobservedWeight: logUniform(rng, 0.08, 0.4),
    };
  }
  // A box around the best of a wider search, in which little regularization needs a large unobserved weight.
  return {
    regularization: logUniform(rng, 0.01, 0.03),
    unobservedWeight: logUniform(rng, 0.08, 0.4),
    frequencyExponent: pick(rng, [0.25, 0.5, 0.75]),
    targetExponent: pick(rng, [1, 1.5, 2, 2.5]),
    confidenceExponent: pick(rng, [0, 0, 0.5]),
  };
}

await search<Partial<MfAlsOptions>>({
  ...commandLine(30),
  start: withPrior ? { ...solverDefaults.ials, features: ['genres', 'decade'] } : solverDefaults.ials,
  draw,
  create: (options) => createMf(mfOptions.parse(options)),
});
