/**
 * Chose the defaults of the factorization machine. `npx tsx scripts/tune/fm.ts [data set] [points] [--solver NAME]
 * [--tags]`. `mf-bpr` is BPR without features, from which MF by BPR has its defaults.
 */
import { parseArgs } from 'node:util';
import { createFm } from '../../src/models/fm/index.ts';
import { fmOptions, solverDefaults, type Field } from '../../src/models/fm/options.ts';
import type { Rng } from '../../src/util/rng.ts';
import { logUniform, pick, search } from './search.ts';

type Draw = (rng: Rng) => Record<string, unknown>;

const bpr: Draw = (rng) => ({
  learningRate: logUniform(rng, 0.03, 0.2),
  regularization: logUniform(rng, 0.02, 0.08),
  biasRegularization: logUniform(rng, 0.01, 0.1),
  negatives: pick(rng, [4, 8, 16]),
  acceptExponent: pick(rng, [2, 3]),
});

const plans: Record<string, { solver: keyof typeof solverDefaults; fields: Field[]; draw: Draw }> = {
  ials: {
    solver: 'ials',
    fields: ['user', 'item', 'genres', 'decade'],
    draw: (rng) => ({
      regularization: logUniform(rng, 0.008, 0.03),
      unobservedWeight: logUniform(rng, 0.06, 0.5),
      featureRegularization: logUniform(rng, 0.01, 1),
    }),
  },
  bpr: {
    solver: 'bpr',
    fields: ['user', 'item', 'genres', 'decade'],
    draw: (rng) => ({
      featureRegularization: logUniform(rng, 0.001, 0.05),
      featureScale: pick(rng, [0.1, 0.2, 0.35, 0.5, 0.7, 1]),
      learningRate: logUniform(rng, 0.08, 0.16),
      regularization: logUniform(rng, 0.03, 0.055),
    }),
  },
  'mf-bpr': { solver: 'bpr', fields: ['user', 'item'], draw: bpr },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { solver: { type: 'string', default: 'ials' }, tags: { type: 'boolean', default: false } },
});
const [dataset = 'ml-latest-small-2016', points = '30'] = positionals;
const plan = plans[values.solver];
if (plan === undefined) throw new Error(`--solver: one of ${Object.keys(plans).join(', ')}`);
const fields = values.tags ? [...plan.fields, 'tags' as const] : plan.fields;

await search<Record<string, unknown>>({
  dataset,
  points: Number(points),
  start: { ...solverDefaults[plan.solver], fields },
  draw: plan.draw,
  create: (options) => createFm(fmOptions.parse({ solver: plan.solver, fields, ...options })),
});
