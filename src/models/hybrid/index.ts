/** Two models' rankings blended: the first has run already, the second is fitted here. */
import type { Rng } from '../../util/rng.ts';
import type { Recommender, TopK } from '../recommender.ts';
import { fuse } from './rank-fusion.ts';

/** Entries of the second model's ranking that take part in the blend. */
export const BLENDED_LENGTH = 100;

export interface HybridParts {
  name: string;
  /** The first model's lists of the users that will be asked for, row by row. */
  first: TopK;
  second: Recommender;
  /** The second model's own generator, so that it is the model that it is alone. */
  secondRng: Rng;
  /** Weight of the first model, 0 to 1. */
  weight: number;
}

/** The untrained hybrid. `recommend` takes the users of `first`, in their order. */
export function createHybrid({ name, first, second, secondRng, weight }: HybridParts): Recommender {
  return {
    name,
    async fit(train, context) {
      const fitted = await second.fit(train, { ...context, rng: secondRng });
      return {
        recommend: async (users, k) => fuse(first, await fitted.recommend(users, BLENDED_LENGTH), weight, k),
        dispose: async () => fitted.dispose?.(),
      };
    },
  };
}
