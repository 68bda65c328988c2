/** What a search found: one zod schema. Everything outside `environment` and `timing` is reproducible. */
import { z } from 'zod';
import { rankingMetrics, type RankingMetric } from '../../evaluation/metric-keys.ts';
import { dimensionSchema, optionValueSchema } from '../../models/search-space.ts';
import { modelResultSchema, recordSchema } from '../record.ts';
import { searchMethods } from './trials.ts';

const rungSchema = z.object({
  rounds: z
    .int()
    .nullable()
    .describe('sweeps or epochs; null where the model has none or all are the default'),
  scores: z.array(z.number()).describe('the objective for each carve seed'),
  score: z.number().describe('their mean'),
});

export const trialSchema = z.object({
  number: z.int().describe('0 is the defaults'),
  settings: z.record(z.string(), optionValueSchema).describe('what the search set'),
  rungs: z.array(rungSchema).describe('more than one with successive halving'),
  score: z
    .number()
    .nullable()
    .describe('with all rounds; null for a trial that was dropped, failed or not run'),
  failed: z.string().optional().describe('why the fit failed'),
});

const pairSchema = z.object({
  users: z.int(),
  difference: z.number().describe('mean over the users of F1 of the winner minus F1 of the defaults'),
  ci95: z.tuple([z.number(), z.number()]).describe('paired bootstrap'),
  p: z.number().describe('paired randomisation test, two-sided'),
  wins: z.int(),
  ties: z.int(),
  losses: z.int(),
});

export const tuningSchema = recordSchema.omit({ models: true, experiment: true }).extend({
  experiment: z.literal('tuning'),
  model: z.string(),
  options: z.record(z.string(), z.unknown()).describe('fixed in every trial: defaults, and what was given'),
  given: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('of the options, those that were given; absent in older records'),
  search: z.object({
    method: z.enum(searchMethods),
    trials: z.int().describe('asked for, with the defaults'),
    space: z.record(z.string(), dimensionSchema),
    halving: z.int().nullable().describe('one trial of so many goes on after a rung; null without'),
    carveSeeds: z
      .array(z.int())
      .describe('each divides train anew into a part to fit on and one to score on'),
    divisions: z
      .int()
      .optional()
      .describe(
        'that differ, where a split by time makes fewer than there are carve seeds; absent in older records',
      ),
    objective: z.enum(rankingMetrics as [RankingMetric]),
    k: z.int(),
    stoppedBy: z.enum(['trials', 'time-budget']),
  }),
  trials: z.array(trialSchema),
  winner: z.object({ number: z.int(), settings: z.record(z.string(), optionValueSchema), score: z.number() }),
  test: z
    .object({
      opened: z.literal('once, after the search, for the winner and the defaults'),
      models: z.array(modelResultSchema).describe('defaults, winner'),
      pair: pairSchema.describe('F1 of the winner against F1 of the defaults, at the largest cut-off'),
    })
    .describe('the search saw no test rating'),
});

/** Was a trial neither run nor failed, as its time budget ended the search before? */
export function isUnfinished({ rungs, failed }: Trial): boolean {
  return rungs.length === 0 && failed === undefined;
}

/** What is said of carve seeds of which some divide train alike. */
export function divisionsText(divisions: number): string {
  return divisions === 1
    ? 'one division: the split leaves no choice'
    : `${divisions} divisions: the split leaves little choice`;
}

export type Tuning = z.output<typeof tuningSchema>;
export type Trial = z.output<typeof trialSchema>;
