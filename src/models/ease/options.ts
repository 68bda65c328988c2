/** Options of EASE. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';
import type { ModelSearch } from '../search-space.ts';

/** Rows of the largest matrix that is inverted: 16,000 x 16,000 doubles are 2 GB, held twice. */
export const MAX_INVERSE_ROWS = 16_000;

export const easeOptions = z.object({
  regularization: z
    .number()
    .positive()
    .default(190)
    .describe('ridge on the movie-to-movie weights; chosen on validation, grows with the data'),
  targetExponent: z
    .number()
    .min(0)
    .default(2)
    .describe('a rated cell counts (stars/4)^this; 0 is plain binary EASE and ranks worse'),
  features: z
    .array(z.enum(['genres', 'decade', 'tags']))
    .default([])
    .describe('movie features that enter as further users: genres,decade,tags'),
  featureWeight: z
    .number()
    .positive()
    .default(1)
    .describe('value of a feature cell, against 1 for a rating of 4 stars'),
  maxItems: z
    .number()
    .int()
    .min(1)
    .max(MAX_INVERSE_ROWS)
    .optional()
    .describe(
      `fit on this many of the most rated movies (default: all; ${MAX_INVERSE_ROWS} where users and movies are both more)`,
    ),
});

/** What `recsys tune` searches. */
export const easeSearch: ModelSearch = {
  space: {
    regularization: { low: 20, high: 600, scale: 'log' },
    targetExponent: { low: 1, high: 3 },
    features: { choices: [[], ['genres', 'decade']] },
    featureWeight: { low: 0.1, high: 3, scale: 'log' },
  },
};

export type EaseOptions = z.output<typeof easeOptions>;
