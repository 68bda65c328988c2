/** Options of the popularity baseline. Only zod is imported here, so that help texts are cheap. */
import { z } from 'zod';

export const popularityOptions = z.object({
  by: z
    .enum(['mean', 'count', 'damped'])
    .default('mean')
    .describe(
      'mean: plain mean rating, as the original work defines popularity; count: number of ratings; damped',
    ),
  damping: z
    .number()
    .min(0)
    .default(5)
    .describe('ratings at the overall mean added to each movie by "damped"; 5 as in LensKit'),
});

export type PopularityOptions = z.output<typeof popularityOptions>;
