/** Matrix factorization: one model, three ways to fit it, each loaded when it is chosen. */
import type { Recommender } from '../recommender.ts';
import { solverOptions, type MfOptions } from './options.ts';

export function createMf(options: MfOptions): Recommender {
  return {
    name: 'mf',
    async fit(train, context) {
      switch (options.solver) {
        case 'ials': {
          const { fitIals } = await import('./ials.ts');
          return fitIals(solverOptions('ials', options), train, context);
        }
        default:
          throw new Error('not there yet');
      }
    },
  };
}
