/** Matrix factorization: one model, three ways to fit it, each loaded when it is chosen. */
import type { TrainingSet } from '../../data/training-set.ts';
import type { FitContext, Fitted, Recommender } from '../recommender.ts';
import { solverOptions, type MfOptions, type Solver } from './options.ts';

type Fit = (options: MfOptions, train: TrainingSet, context: FitContext) => Promise<Fitted>;

const fits: Record<Solver, () => Promise<Fit>> = {
  async ials() {
    const { fitIals } = await import('./ials.ts');
    return (options, ...rest) => fitIals(solverOptions('ials', options), ...rest);
  },
  async sgd() {
    const { fitSgd } = await import('./sgd.ts');
    return (options, ...rest) => fitSgd(solverOptions('sgd', options), ...rest);
  },
  async bpr() {
    const { fitBpr } = await import('./bpr.ts');
    return (options, ...rest) => fitBpr(solverOptions('bpr', options), ...rest);
  },
};

export function createMf(options: MfOptions): Recommender {
  return {
    name: 'mf',
    async fit(train, context) {
      const fit = await fits[options.solver]();
      return fit(options, train, context);
    },
  };
}
