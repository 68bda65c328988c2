/** results/fold_in.json: its schema, and the table that docs/use.md shows of it. */
import { z } from 'zod';
import { datasetSchema, environmentSchema, recordedProtocolSchema } from '../../src/experiment/record.ts';

const comparisonSchema = z.object({
  /** Mean over users, its 95% interval by the paired bootstrap, and p of the paired randomisation test. */
  difference: z.number(),
  ci95: z.tuple([z.number(), z.number()]),
  p: z.number(),
});

const resultSchema = z.object({
  name: z.string(),
  model: z.string(),
  hyperparameters: z.record(z.string(), z.unknown()),
  /** Means over the users with a relevant test rating, at the first cut-off. */
  ndcg: z.object({
    /** The model is fitted with everybody's training ratings. */
    trained: z.number(),
    /** The same model; each user is folded in as if it did not know them. */
    foldedIntoOwn: z.number(),
    /** The user is among the users of the fit, and another group is left out: as many users as `heldOut` has. */
    trainedOnAsMany: z.number(),
    /** Each user is folded into a model that was fitted without the user's group. */
    heldOut: z.number(),
  }),
  heldOutAgainstTrained: comparisonSchema,
  heldOutAgainstTrainedOnAsMany: comparisonSchema,
});
export type FoldInResult = z.output<typeof resultSchema>;

export const foldInSchema = z.object({
  schemaVersion: z.literal(1),
  dataset: datasetSchema,
  protocol: recordedProtocolSchema,
  users: z.int(),
  /** Groups of users, of which one at a time is left out of the fit. */
  groups: z.int(),
  models: z.array(resultSchema),
  environment: environmentSchema,
});
export type FoldInRecord = z.output<typeof foldInSchema>;

/** Head and rows of the table in docs. */
export function foldInRows({ models }: FoldInRecord): string[][] {
  const number = (value: number) => value.toFixed(4);
  return [
    [
      'model',
      'all users, trained',
      'all users, folded in',
      'four fifths, trained',
      'held out, folded in',
      'difference',
    ],
    ...models.map(({ name, ndcg, heldOutAgainstTrainedOnAsMany: { difference, ci95 } }) => [
      name,
      number(ndcg.trained),
      number(ndcg.foldedIntoOwn),
      number(ndcg.trainedOnAsMany),
      number(ndcg.heldOut),
      `${signed(difference)} [${ci95.map(signed).join(', ')}]`,
    ]),
  ];
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}
