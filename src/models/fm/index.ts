/** Factorization machine: one model, three ways to fit it, each loaded when it is chosen. */
import { itemFeatures, type FeatureField } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import type { FitContext, Recommender } from '../recommender.ts';
import { dotProductFitted, starsByDotProduct } from '../factorization/dot-product.ts';
import { optionsOf } from '../factorization/options.ts';
import { collapse, type Machine } from './machine.ts';
import { solverDefaults, type Field, type FmOptions, type Solver } from './options.ts';

export function createFm(options: FmOptions): Recommender {
  return {
    name: 'fm',
    async fit(train, context) {
      const { machine, features } = await fitMachine(options, train, context);
      const model = collapse(machine, features);
      return {
        ...dotProductFitted(model, train, context, { features: features.columns }),
        ...(options.solver === 'pointwise' && { predict: starsByDotProduct(model, train.scale) }),
      };
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
    const { fitMachineByAls } = await import('./als.ts');
    return fitMachineByAls(optionsOf(solverDefaults, 'ials', options), ...rest);
  },
  async bpr(options, ...rest) {
    const { fitMachineByBpr } = await import('./sgd.ts');
    return fitMachineByBpr(optionsOf(solverDefaults, 'bpr', options), ...rest);
  },
  async pointwise(options, ...rest) {
    const { fitMachineBySquaredError } = await import('./sgd.ts');
    return fitMachineBySquaredError(optionsOf(solverDefaults, 'pointwise', options), ...rest);
  },
};

function isFeature(field: Field): field is FeatureField {
  return field !== 'user' && field !== 'item';
}
