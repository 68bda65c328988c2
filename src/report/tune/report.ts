/** What a person sees of a search in the terminal. */
import { metricOf } from '../../evaluation/metric-keys.ts';
import { divisionsText, type Trial, type Tuning } from '../../experiment/tune/record.ts';
import { wrapWords } from '../charts/text.ts';
import { formatCount, interval, metricsTable, textTable } from '../table.ts';

const TERMINAL_COLUMNS = 80;
const SHOWN_TRIALS = 10;

/** The best trials with the defaults, then the test. Ends in a newline. */
export function tuningReport(found: Tuning): string {
  const { model, dataset, protocol, search, trials, test } = found;
  const scored = trialsByScore(trials);
  const shown = scored.filter(({ number }, n) => n < SHOWN_TRIALS || number === 0);
  const names = Object.keys(search.space);
  const k = Math.max(...protocol.k);
  return `${[
    `${dataset.name}: ${model}, ${formatCount(trials.length)} trials, ${metricOf(search.objective).title}@${k} on validation ratings`,
    `carved from train with ${carvingText(search)}; best trials:`,
    '',
    textTable(
      ['trial', 'score', ...names],
      shown.map(({ number, score, settings }) => [
        number === 0 ? 'defaults' : String(number),
        score!.toFixed(4),
        ...names.map((name) => settingText(settings[name] ?? found.options[name])),
      ]),
    ),
    '',
    ...describeFailures(trials).flatMap((line) => wrapWords(line, TERMINAL_COLUMNS)),
    `On the test ratings, opened once:\n\n${metricsTable(test.models, k)}`,
    '',
    ...wrapWords(verdict(found), TERMINAL_COLUMNS),
    ...wrapWords(speed(found), TERMINAL_COLUMNS),
  ].join('\n')}\n`;
}

/** The seeds that train was divided by, and how many divisions they make where these are fewer. */
export function carvingText({ carveSeeds, divisions }: Tuning['search']): string {
  const seeds = `${carveSeeds.length === 1 ? 'seed' : 'seeds'} ${carveSeeds.join(', ')}`;
  return divisions === undefined ? seeds : `${seeds} (${divisionsText(divisions)})`;
}

/** Trials with a score, highest first. */
export function trialsByScore(trials: readonly Trial[]): Trial[] {
  return trials
    .filter(({ score }) => score !== null)
    .sort((a, b) => b.score! - a.score! || a.number - b.number);
}

export function settingText(value: unknown): string {
  if (value === undefined) return '–';
  return Array.isArray(value)
    ? value.join(',') || 'none'
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}

/** Whether the winner beats the defaults on test. */
export function verdict({ winner, test: { pair } }: Tuning): string {
  if (winner.number === 0) return 'No trial is better than the defaults on validation.';
  const { difference, p } = pair;
  const shownP = p < 0.001 ? '< 0.001' : p.toFixed(3);
  const numbers = `F1 ${difference < 0 ? '' : '+'}${difference.toFixed(4)} ${interval(pair, 4)}, paired test over ${formatCount(pair.users)} users, p ${shownP}`;
  if (p >= 0.05)
    return `Trial ${winner.number} against the defaults on test: no difference shown (${numbers}).`;
  return `On test, trial ${winner.number} is ${difference > 0 ? 'better' : 'worse'} than the defaults (${numbers}).`;
}

function describeFailures(trials: readonly Trial[]): string[] {
  const failed = trials.filter((trial) => trial.failed !== undefined);
  return failed.length === 0 ? [] : [`${failed.length} trials failed; the first: ${failed[0]!.failed}.`, ''];
}

function speed({ timing, trials }: Tuning): string {
  const seconds = timing['search'] ?? 0;
  return `The search took ${seconds.toFixed(0)} s, ${((60 * trials.length) / Math.max(seconds, 1e-3)).toFixed(1)} trials per minute.`;
}
