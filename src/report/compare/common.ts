/** What the pictures of `recsys compare` share: the cut-off, the models' colours, legends. */
import type { ComparedModel, Comparison } from '../../experiment/compare/record.ts';
import { colour, seriesColours } from '../theme.ts';

/** The cut-off that models are ranked and tested at: the largest. */
export function mainCutoff({ protocol }: Pick<Comparison, 'protocol'>): number {
  return Math.max(...protocol.k);
}

/** What follows the name of numbers that records over seeds have of their first seed alone. */
export function firstSeedNote({ protocol }: Pick<Comparison, 'protocol'>): string {
  return protocol.seeds === undefined ? '' : ', with the first seed';
}

/** Models in the order of their F1, those of samples last. */
export function allNames({ models, samples }: Comparison): string[] {
  return [...new Set([models, ...samples.map((sample) => sample.models)].flat().map(({ name }) => name))];
}

/** The best five have a colour of their own. */
export function modelColour(models: readonly ComparedModel[]): Record<string, unknown> {
  const names = models.map(({ name }) => name);
  return {
    field: 'name',
    type: 'nominal',
    scale: { domain: names, range: names.map((_, n) => seriesColours[n] ?? colour.muted) },
    legend: null,
  };
}
