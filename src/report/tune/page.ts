/** The page of `recsys tune`: the score by every setting, the best so far, the test, all trials. */
import { metricOf } from '../../evaluation/metric-keys.ts';
import type { Tuning } from '../../experiment/tune/record.ts';
import type { Chart } from '../charts/chart.ts';
import { renderPage } from '../page/page.ts';
import { colour } from '../theme.ts';
import { formatCount, metricCell } from '../table.ts';
import { carvingText, settingText, trialsByScore, verdict } from './report.ts';

/** The whole page as HTML; `command` is what the person typed. */
export async function tuningPage(found: Tuning, command: string): Promise<string> {
  const { model, dataset, environment, search, trials, winner } = found;
  const names = Object.keys(search.space);
  return await renderPage({
    title: `Tuning of ${model} on ${dataset.name}`,
    lead: verdict(found),
    figures: [
      { label: 'trials', value: formatCount(trials.length) },
      { label: 'best on validation', value: winner.score.toFixed(4) },
      { label: 'defaults on validation', value: trials[0]!.score?.toFixed(4) ?? '–' },
    ],
    sections: [
      {
        title: 'Validation',
        intro: `${objectiveOf(found)} on ratings carved from train with ${carvingText(search)}; each trial is the mean over them. The search saw no test rating.`,
        charts: [bestSoFarChart(found), ...names.map((name) => settingChart(found, name))],
        tables: [trialsTable(found, names)],
      },
      { title: 'Test', intro: `Opened ${found.test.opened}.`, tables: [testTable(found)] },
    ],
    made: { command, environment, dataset },
  });
}

function objectiveOf({ search: { objective, k } }: Tuning): string {
  return `${metricOf(objective).title}@${k}`;
}

/** The highest score after each trial. */
function bestSoFarChart(found: Tuning): Chart {
  let best = -Infinity;
  const rows = found.trials.flatMap(({ number, score }) => {
    if (score === null) return [];
    best = Math.max(best, score);
    return [{ trial: number, score, best }];
  });
  const last = rows.find((row) => row.best === best);
  const trial = {
    field: 'trial',
    type: 'quantitative',
    axis: { title: 'trial; 0 is the defaults', tickMinStep: 1 },
  };
  return {
    id: 'best-so-far',
    title: last === undefined ? 'No trial has a score' : `The best was found by trial ${last.trial}`,
    note: `The line is the highest ${objectiveOf(found)} so far, a dot the score of each trial.`,
    description: `A line that climbs to ${best.toFixed(4)} over ${rows.length} trials, with a dot for each.`,
    spec: {
      height: 240,
      data: { values: rows },
      encoding: { x: trial },
      layer: [
        {
          mark: { type: 'point', filled: true, color: colour.muted },
          encoding: { y: scoreAxis('score', found) },
        },
        { mark: { type: 'line', interpolate: 'step-after' }, encoding: { y: scoreAxis('best', found) } },
      ],
    },
    table: {
      head: ['trial', 'score', 'best so far'],
      rows: rows.map((row) => [row.trial, row.score.toFixed(4), row.best.toFixed(4)]),
    },
  };
}

function scoreAxis(field: string, found: Tuning): Record<string, unknown> {
  return {
    field,
    type: 'quantitative',
    scale: { zero: false },
    axis: { title: objectiveOf(found), tickCount: 5 },
  };
}

/** The score of each trial by one setting. */
function settingChart(found: Tuning, name: string): Chart {
  const dimension = found.search.space[name]!;
  const isRange = 'low' in dimension;
  const rows = found.trials.flatMap(({ number, score, settings }) => {
    const value = settings[name] ?? found.options[name];
    if (score === null || value === undefined) return [];
    const shown = isRange ? Number(value) : settingText(value);
    return [{ value: shown, score, kind: kindOf(number, found) }];
  });
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const scale = isRange && dimension.scale === 'log' ? { type: 'log' } : { zero: false };
  const x = isRange
    ? { field: 'value', type: 'quantitative', scale, axis: { title: words, tickCount: 5 } }
    : { field: 'value', type: 'nominal', sort: null, axis: { title: words, labelAngle: 0 } };
  const kinds = ['trial', 'defaults', 'winner'];
  return {
    id: `setting-${name.replaceAll(/[^A-Za-z0-9]/g, '-')}`,
    title: `Score by ${words}`,
    note: `A dot for each trial; the other settings differ as well${isRange && dimension.scale === 'log' ? '. Logarithmic axis' : ''}.`,
    description: `${rows.length} dots of ${objectiveOf(found)} by ${words}.`,
    spec: {
      height: 220,
      data: { values: rows },
      mark: { type: 'point', filled: true, size: 50, opacity: 0.8 },
      encoding: {
        x,
        y: scoreAxis('score', found),
        color: {
          field: 'kind',
          type: 'nominal',
          scale: { domain: kinds, range: [colour.muted, colour.ink, colour.accent] },
          legend: { orient: 'bottom', title: null },
        },
        shape: {
          field: 'kind',
          type: 'nominal',
          scale: { domain: kinds, range: ['circle', 'square', 'diamond'] },
        },
      },
    },
    table: {
      head: [words, 'score', ''],
      rows: rows.map((row) => [row.value, row.score.toFixed(4), row.kind]),
    },
  };
}

function kindOf(number: number, { winner }: Tuning): string {
  if (number === winner.number) return 'winner';
  return number === 0 ? 'defaults' : 'trial';
}

function trialsTable(found: Tuning, names: readonly string[]) {
  const { trials, timing, options } = found;
  const order = [...trialsByScore(trials), ...trials.filter(({ score }) => score === null)];
  return {
    id: 'trials',
    title: 'All trials, highest score first',
    note: 'A trial without a score was dropped by successive halving, failed, or was not run in time.',
    table: {
      head: ['trial', 'score', 'for each carve seed', ...names, 'seconds'],
      rows: order.map(({ number, score, rungs, settings }) => [
        number === 0 ? '0, defaults' : String(number),
        score === null ? '–' : score.toFixed(4),
        rungs
          .at(-1)
          ?.scores.map((own) => own.toFixed(4))
          .join(' ') ?? '–',
        ...names.map((name) => settingText(settings[name] ?? options[name])),
        (timing[`trial.${number}`] ?? 0).toFixed(1),
      ]),
    },
  };
}

function testTable({ test, protocol }: Tuning) {
  const keys = ['precision', 'recall', 'f1', 'f1OfMeans', 'ndcg'] as const;
  const k = Math.max(...protocol.k);
  return {
    id: 'test',
    title: `Defaults and winner on the test ratings at k = ${k}`,
    note: 'In brackets the 95% interval over users.',
    table: {
      head: ['options', ...keys.map((key) => metricOf(key).title)],
      rows: test.models.map(({ name, metrics }) => [
        name,
        ...keys.map((key) => metricCell(key, metrics[k]![key])),
      ]),
    },
  };
}
