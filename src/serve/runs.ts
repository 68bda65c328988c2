/** Runs as the page and the API show them: chosen by words and conditions, ordered by a value. */
import { z } from 'zod';
import type { Run, RunValue } from '../experiment/runs/list.ts';
import { differingKeys, filterRuns, sortRuns } from '../experiment/runs/select.ts';

/** "baseline_metrics.json#mf": unique among the runs of a folder. */
export function idOf({ file, result }: Pick<Run, 'file' | 'result'>): string {
  return `${file}#${result.name}`;
}

/** The query of a page or an address of runs. */
export const runQuerySchema = z.strictObject({
  /** A value's name; numbers and dates with the highest first, text from A to Z. Default: the order of the files. */
  sort: z.string().optional(),
  /** The other way round. */
  reverse: z.enum(['true', 'false']).optional(),
  /** Conditions as `recsys runs --where` takes them, and words that occur in a run's values: "mf factors>=64". */
  filter: z.string().optional(),
  /** Ids of two runs, to see what differs between them. */
  differ: z.array(z.string()).default([]),
});
export type RunQuery = z.output<typeof runQuerySchema>;

/** Runs that meet everything in `filter`, in order. Throws UsageError for a name that no run has. */
export function selectRuns(
  runs: readonly Run[],
  { sort, reverse, filter = '' }: Omit<RunQuery, 'differ'>,
): Run[] {
  const parts = filter.split(/\s+/).filter(Boolean);
  const conditions = parts.filter((part) => /[=<>]/.test(part));
  const words = parts.filter((part) => !/[=<>]/.test(part)).map((word) => word.toLowerCase());
  const shown = filterRuns(runs, conditions).filter((run) => {
    const text = [idOf(run), ...Object.values(run.values)].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return sort === undefined ? shown : sortRuns(shown, sort, reverse === 'true');
}

/** A run for programs; a value that it does not have is left out. */
export function describeRun(run: Run) {
  return { id: idOf(run), values: run.values };
}

/** Settings and metrics that differ; null where a run does not have one. */
export function differencesOf(a: Run, b: Run) {
  const orNull = (value: RunValue) => value ?? null;
  return differingKeys([a, b]).map((setting) => ({
    setting,
    a: orNull(a.values[setting]),
    b: orNull(b.values[setting]),
  }));
}
