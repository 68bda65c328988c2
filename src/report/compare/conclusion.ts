/** What a comparison comes to, in a few sentences. */
import type { Comparison } from '../../experiment/compare/record.ts';
import { countNoun, joinNames } from '../table.ts';
import { mainCutoff } from './common.ts';

/** Who leads, from whom the leader cannot be told apart, whom it beats, and who has too few users to say. */
export function conclusion(found: Comparison): string {
  const { models, pairs } = found;
  const k = mainCutoff(found);
  const best = models[0]!;
  const f1 = best.metrics[k]!.f1;
  if (models.length === 1 && pairs.length === 0) {
    return `${best.name} has F1@${k} ${f1.mean.toFixed(4)}; there is no other model to compare it with.`;
  }
  if (f1.mean === 0)
    return `No model has a hit on the ${countNoun(found.commonUsers, 'user')}: F1@${k} is 0.`;
  const own = pairs.filter(({ a }) => a === best.name);
  const few = own.filter(({ pHolm }) => pHolm === null);
  const open = own.filter(({ pHolm, better }) => pHolm !== null && better === null).map(({ b }) => b);
  const beaten = own.filter(({ better }) => better === best.name).map(({ b }) => b);
  const ahead = own.filter(({ b, better }) => better === b).map(({ b }) => b);
  const apart = models
    .filter(({ name }) => beaten.includes(name))
    .every((model) => model.metrics[k]!.f1.ci95[1] < f1.ci95[0]);
  return [
    `${best.name} has the highest F1@${k}, ${f1.mean.toFixed(4)}.`,
    open.length > 0 && `No difference shown between it and ${joinNames(open)}.`,
    beaten.length > 0 &&
      `It is better than ${joinNames(beaten)}${apart ? ', with intervals that do not overlap' : ''}.`,
    ahead.length > 0 &&
      `On the users that they share, ${joinNames(ahead)} ${ahead.length === 1 ? 'is' : 'are'} better.`,
    few.length > 0 &&
      `${joinNames(few.map(({ b, users }) => `${b} (${countNoun(users, 'user')})`))} ${few.length === 1 ? 'has' : 'have'} too few users to show any difference.`,
  ]
    .filter((sentence) => sentence !== false)
    .join(' ');
}
