/** Factorization machine: one model, three ways to fit it, each loaded when it is chosen. */
import { itemFeatures, type FeatureField } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { recommendByDotProduct } from '../../numeric/top-n.ts';
import type { FitContext, Fitted, Recommender } from '../recommender.ts';
import { optionsOf } from '../factorization/solver-options.ts';
import { collapse, type CollapsedMachine, type Machine } from './machine.ts';
import { solverDefaults, type Field, type FmOptions, type Solver } from './options.ts';

export function createFm(options: FmOptions): Recommender {
  return {
    name: 'fm',
    async fit(train, context) {
      const { machine, features } = await fitMachine(options, train, context);
      return fitted(options, train, collapse(machine, features), features, context.threads);
    },
  };
}

/**
 * Fits the machine. `features` are those of the items as its columns stand for them, at the values that it was trained
 * with. Throws as the solver does.
 */
export async function fitMachine(
  options: FmOptions,
  train: TrainingSet,
  context: FitContext,
): Promise<{ machine: Machine; features: FeatureRows }> {
  const own = optionsOf(solverDefaults, options.solver, options);
  const { matrix } = itemFeatures(train, own.fields.filter(isFeature));
  const scale = 'featureScale' in own ? own.featureScale : 1;
  const features = { ...matrix, values: matrix.values.map((value) => value * scale) };
  return { machine: await fits[options.solver](options, train, features, context), features };
}

type Fit = (
  options: FmOptions,
  train: TrainingSet,
  features: FeatureRows,
  context: FitContext,
) => Promise<Machine>;

const fits: Record<Solver, Fit> = {
  async ials(options, ...rest) {
    const { fitIals } = await import('./ials.ts');
    return fitIals(optionsOf(solverDefaults, 'ials', options), ...rest);
  },
  async bpr(options, ...rest) {
    const { fitBpr } = await import('./sgd.ts');
    return fitBpr(optionsOf(solverDefaults, 'bpr', options), ...rest);
  },
  async pointwise(options, ...rest) {
    const { fitPointwise } = await import('./sgd.ts');
    return fitPointwise(optionsOf(solverDefaults, 'pointwise', options), ...rest);
  },
};

function isFeature(field: Field): field is FeatureField {
  return field !== 'user' && field !== 'item';
}

function fitted(
  { solver }: FmOptions,
  train: TrainingSet,
  machine: CollapsedMachine,
  features: FeatureRows,
  threads: number,
): Fitted {
  const ranking = {
    factors: machine.k,
    userFactors: machine.userFactors,
    itemFactors: machine.itemFactors,
    itemBias: machine.itemBias,
    catalogue: train.catalogue,
    seen: train.byUser,
    threads,
  };
  return {
    recommend: (users, k) => recommendByDotProduct({ ...ranking, users, k }),
    ...(solver === 'pointwise' && {
      predict: (users: Int32Array, items: Int32Array) => predict(machine, train.scale, users, items),
    }),
    facts: { features: features.columns },
  };
}

/** Stars for pairs, clipped to the scale. A user without training ratings adds 0, a new movie only its features. */
function predict(
  { k, userFactors, itemFactors, userBias, itemBias }: CollapsedMachine,
  { min, max }: TrainingSet['scale'],
  users: Int32Array,
  items: Int32Array,
): Float32Array {
  return Float32Array.from(users, (user, n) => {
    const item = items[n]!;
    let stars = userBias[user]! + itemBias[item]!;
    for (let f = 0; f < k; f++) stars += userFactors[user * k + f]! * itemFactors[item * k + f]!;
    return Math.min(max, Math.max(min, stars));
  });
}
