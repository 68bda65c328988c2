/** Options of a fit for use. Only zod and the protocol are imported here, so that help texts are cheap. */
import { z } from 'zod';
import { splitKinds } from '../data/dataset.ts';
import { protocolSchema } from '../experiment/protocol.ts';

const { testShare, seed } = protocolSchema.shape;

export const fitSchema = z.object({
  split: z
    .enum(['none', ...splitKinds])
    .default('none')
    .describe('none: fit on all ratings, for use; otherwise on the training part, for experiments'),
  testShare,
  seed,
});
export type FitOptions = z.output<typeof fitSchema>;
