/** Chose the defaults of EASE. `npx tsx scripts/tune/ease.ts [data set] [points]`. */
import { createEase } from '../../src/models/ease/index.ts';
import { easeOptions, type EaseOptions } from '../../src/models/ease/options.ts';
import { commandLine, logUniform, pick, search } from './search.ts';

await search<Partial<EaseOptions>>({
  ...commandLine(30),
  start: easeOptions.parse({}),
  draw: (rng) => ({
    regularization: logUniform(rng, 20, 600),
    targetExponent: pick(rng, [1, 1.5, 2, 2.5, 3]),
    features: pick(rng, [[], ['genres', 'decade']]),
    featureWeight: logUniform(rng, 0.1, 3),
  }),
  create: (options) => createEase(easeOptions.parse(options)),
});
