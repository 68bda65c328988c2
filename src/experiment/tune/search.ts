/** The trials of a search, rung by rung. */
import type { RankingMetric } from '../../evaluation/metric-keys.ts';
import { mean } from '../../util/arrays.ts';
import { RecsysError } from '../../util/errors.ts';
import type { Job, Outcome, TrialJob } from '../jobs/job.ts';
import { runJobs, type JobRunner, type JobsContext } from '../jobs/run.ts';
import type { OutcomeStore } from '../jobs/store.ts';
import type { Trial } from './record.ts';
import { rungsOf, type Settings } from './trials.ts';

export interface SearchPlan {
  /** Settings by trial number; the first are the defaults. */
  settings: readonly Settings[];
  /** The complete options of a trial. */
  optionsOf: (settings: Settings) => Record<string, unknown>;
  shared: Pick<Job, 'recsys' | 'data' | 'dataDigest' | 'protocol'>;
  model: string;
  carveSeeds: readonly number[];
  objective: RankingMetric;
  /** One trial of so many goes on; absent without successive halving. */
  halving?: { keep: number; option: string; rounds: number };
  /** Trials that are not run have no score. */
  isRun: (trial: number) => boolean;
  mayStart: () => boolean;
}

export interface SearchResult {
  trials: Trial[];
  /** Seconds of each trial, over all its rungs. */
  seconds: number[];
  /** Jobs whose outcome was kept from before. */
  stored: number;
}

/** Runs the trials. Throws what jobs throw, and RecsysError when not one trial has a score. */
export async function searchTrials(
  plan: SearchPlan,
  means: { runner: JobRunner; store: OutcomeStore },
  context: JobsContext,
): Promise<SearchResult> {
  const { settings, halving } = plan;
  const trials = settings.map((own, number): Trial => ({ number, settings: own, rungs: [], score: null }));
  const seconds = settings.map(() => 0);
  const rungs: (number | null)[] = halving ? rungsOf(halving.rounds, trials.length, halving.keep) : [null];
  const task = context.progress.start(
    `tuning ${plan.model}`,
    jobsOf(trials.filter(({ number }) => plan.isRun(number)).length, rungs, halving?.keep),
    'trials',
  );
  let left = trials.filter(({ number }) => plan.isRun(number));
  let stored = 0;
  let best = -Infinity;
  const detail = (line = '') =>
    [...(Number.isFinite(best) ? [`best ${best.toFixed(4)}`] : []), ...(line ? [line] : [])].join('; ');
  try {
    for (const rounds of rungs) {
      const add = ({ value, failed, seconds: own }: Outcome, n: number) => {
        const trial = left[n]!;
        seconds[trial.number]! += own;
        if (failed === undefined) {
          const scores = value as number[];
          trial.rungs.push({ rounds, scores, score: mean(scores) });
          best = Math.max(best, mean(scores));
        } else trial.failed = failed;
        task.advance(1, detail());
      };
      const jobs = left.map((trial) => jobOf(plan, trial.settings, rounds));
      const onLine = (n: number, line: string) =>
        task.advance(0, detail(`trial ${left[n]!.number}: ${line}`));
      stored += (await runJobs(jobs, means, add, plan.mayStart, { ...context, onLine })).stored;
      const scored = left.filter(({ rungs }) => rungs.at(-1)?.rounds === rounds).sort(better);
      if (rounds === rungs.at(-1)) for (const trial of scored) trial.score = trial.rungs.at(-1)!.score;
      const goOn = scored.slice(0, Math.ceil(scored.length / (halving?.keep ?? 1)));
      // The defaults are scored to the end, to be compared with.
      left = scored
        .filter((trial) => trial.number === 0 || goOn.includes(trial))
        .sort((a, b) => a.number - b.number);
    }
  } finally {
    task.finish();
  }
  return { trials, seconds, stored };
}

/** Highest score first, of equal ones the earlier trial. */
function better(a: Trial, b: Trial): number {
  return b.rungs.at(-1)!.score - a.rungs.at(-1)!.score || a.number - b.number;
}

/** The trial with the highest score. Throws RecsysError when none has one. */
export function winnerOf(trials: readonly Trial[]): Trial & { score: number } {
  const scored = trials.filter((trial): trial is Trial & { score: number } => trial.score !== null);
  const [winner] = scored.sort((a, b) => b.score - a.score || a.number - b.number);
  if (winner !== undefined) return winner;
  const failed = trials.find((trial) => trial.failed !== undefined)?.failed;
  throw new RecsysError({
    place: 'recsys tune',
    found:
      failed === undefined
        ? 'no trial was finished in time'
        : `no trial has a score; the first failed: ${failed}`,
    remedy: failed === undefined ? 'Give a larger --time-budget.' : 'Give another --space.',
  });
}

function jobOf(
  { shared, optionsOf, model, carveSeeds, objective, halving }: SearchPlan,
  settings: Settings,
  rounds: number | null,
): TrialJob {
  const hyperparameters = optionsOf({
    ...settings,
    ...(halving && rounds !== null && { [halving.option]: rounds }),
  });
  return {
    kind: 'trial',
    ...shared,
    model: { name: model, model, hyperparameters },
    carveSeeds: [...carveSeeds],
    objective,
  };
}

/** Jobs of all rungs, about: the defaults may add one to each. */
function jobsOf(trials: number, rungs: readonly unknown[], keep = 1): number {
  return rungs.reduce((sum: number, _, n) => sum + Math.ceil(trials / keep ** n), 0);
}
