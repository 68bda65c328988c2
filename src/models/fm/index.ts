/** Factorization machine: one model, three ways to fit it, each loaded when it is chosen. */
import { itemFeatures, type FeatureField, type ItemFeatures } from '../../data/item-features.ts';
import type { TrainingSet } from '../../data/training-set.ts';
import { paddedFactors } from '../../numeric/als/solver.ts';
import type { FeatureRows } from '../../numeric/feature-prior.ts';
import { entriesOf } from '../../util/sparse-rows.ts';
import {
  dotProductFitted,
  loadDotProduct,
  type DotProductExtras,
  type DotProductModel,
} from '../factorization/dot-product.ts';
import { foldInWithAls, foldInWithRidge } from '../factorization/fold-in.ts';
import { optionsOf } from '../factorization/options.ts';
import type { FitContext, Recommender, SavedState } from '../recommender.ts';
import { savedArray, type UsableModel } from '../saved.ts';
import { collapse, type Machine } from './machine.ts';
import { solverDefaults, type Field, type FmOptions, type Solver } from './options.ts';

export function createFm(options: FmOptions): Recommender {
  return {
    name: 'fm',
    async fit(train, context) {
      const { machine, features } = await fitMachine(options, train, context);
      const { users, items, k, factors } = machine;
      const featureFactors = factors.slice((users + items) * k);
      return fitted(options, { ...collapse(machine, features), featureFactors }, train, context);
    },
  };
}

/** The fitted model from its saved state. Throws DataError when the state does not fit. */
export async function loadFm(
  options: FmOptions,
  state: SavedState,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
): Promise<UsableModel> {
  const k = paddedFactors(optionsOf(solverDefaults, options.solver, options).factors);
  const { names } = featuresOf(options, train);
  const featureFactors = savedArray(state, 'featureFactors', Float32Array, names.length * k);
  return fitted(options, { ...loadDotProduct(state, train, k), featureFactors }, train, context);
}

/** A collapsed machine; its movies' vectors are those of the movies themselves and of their features, added up. */
type CollapsedMachine = DotProductModel & {
  /** (features, k), row-major. */
  featureFactors: Float32Array;
};

function fitted(
  options: FmOptions,
  model: CollapsedMachine,
  train: TrainingSet,
  context: Pick<FitContext, 'threads'>,
): UsableModel {
  const { names, matrix } = featuresOf(options, train);
  const extras: DotProductExtras = {
    facts: { features: names.length },
    predictsStars: options.solver === 'pointwise',
    reasons: (user, item) =>
      [...entriesOf(matrix, item)].map(([feature, value]) => ({
        because: names[feature]!,
        weight: value * dot(user, model.featureFactors, feature),
      })),
  };
  if (options.solver === 'ials') {
    const settings = {
      ...optionsOf(solverDefaults, 'ials', options),
      confidenceExponent: 0,
      priorStrength: 0,
    };
    extras.foldIn = foldInWithAls(settings, train, model, context.threads);
  } else if (options.solver === 'pointwise') {
    extras.foldIn = foldInWithRidge(optionsOf(solverDefaults, 'pointwise', options), train, model);
  }
  const usable = dotProductFitted(model, train, context, extras);
  return { ...usable, save: () => ({ ...usable.save?.(), featureFactors: model.featureFactors }) };
}

function dot(vector: Float32Array, matrix: Float32Array, row: number): number {
  const k = vector.length;
  let sum = 0;
  for (let f = 0; f < k; f++) sum += vector[f]! * matrix[row * k + f]!;
  return sum;
}

/** The features of the items, at the values that the machine is trained with. */
function featuresOf(options: FmOptions, train: TrainingSet): ItemFeatures {
  const own = optionsOf(solverDefaults, options.solver, options);
  const { names, matrix } = itemFeatures(train, own.fields.filter(isFeature));
  const scale = 'featureScale' in own ? own.featureScale : 1;
  return { names, matrix: { ...matrix, values: matrix.values.map((value) => value * scale) } };
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
  const features = featuresOf(options, train).matrix;
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
