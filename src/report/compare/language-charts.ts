/** The pictures and texts of language models in `recsys compare`: match classes, GPT-2's training curve, examples. */
import type { Comparison, LanguageComparison } from '../../experiment/compare/record.ts';
import { labelledBars, percent } from '../charts/parts.ts';
import type { Chart } from '../charts/chart.ts';
import type { TextBlock } from '../page/page.ts';
import { colour } from '../page/theme.ts';

/** Recommendations shown of each example. */
const EXAMPLE_TITLES = 5;

/** For each language model, what became of the titles that it wrote. */
export function matchCharts({ language }: Comparison): Chart[] {
  return language.map(({ name, shares }, n) => {
    const values = Object.entries(shares).map(([match, share]) => ({ match, share: 100 * share }));
    return {
      id: `matches-${n}`,
      title: `${name}: ${percent(shares['exact'] ?? 0)} of the titles are exact`,
      note: 'What became of the written titles, in per cent. Exact, normalized and year-off ones are recommendations; the others take a place in the list and miss.',
      description: `Bars: ${values.map(({ match, share }) => `${match} ${share.toFixed(1)}%`).join(', ')}.`,
      spec: labelledBars(values, 'match', 'share', '.1f'),
      table: {
        head: ['match class', 'per cent'],
        rows: values.map(({ match, share }) => [match, share.toFixed(2)]),
      },
    };
  });
}

/** GPT-2’s training loss by step, with the validation losses; no chart for fewer than two steps. */
export function trainingChart({ training }: Comparison): Chart[] {
  if (training.length < 2) return [];
  const [first, last] = [training[0]!, training.at(-1)!];
  const validation = training.flatMap(({ step, validationLoss }) =>
    validationLoss === undefined ? [] : [{ step, loss: validationLoss }],
  );
  const best = validation.reduce((a, b) => (b.loss < a.loss ? b : a), { step: 0, loss: Infinity });
  return [
    {
      id: 'training',
      title: `GPT-2’s training loss fell from ${first.loss.toFixed(2)} to ${last.loss.toFixed(2)}`,
      note: `Cross-entropy per token in nats, against the step.${validation.length > 0 ? ` Points: on validation users, lowest ${best.loss.toFixed(2)} at step ${best.step}.` : ''}`,
      description: `A curve over ${last.step} steps, from ${first.loss.toFixed(2)} to ${last.loss.toFixed(2)}.`,
      spec: {
        height: 240,
        encoding: {
          x: { field: 'step', type: 'quantitative', axis: { title: 'step', tickCount: 5, grid: false } },
          y: {
            field: 'loss',
            type: 'quantitative',
            scale: { zero: false },
            axis: { title: 'loss', tickCount: 5 },
          },
        },
        layer: [
          {
            data: { values: training.map(({ step, loss }) => ({ step, loss })) },
            mark: { type: 'line', strokeWidth: 1.25 },
          },
          { data: { values: validation }, mark: { type: 'point', color: colour.contrast } },
        ],
      },
      table: {
        head: ['step', 'loss', 'validation loss'],
        rows: training.map(({ step, loss, validationLoss }) => [
          step,
          loss.toFixed(4),
          validationLoss?.toFixed(4) ?? '',
        ]),
      },
    },
  ];
}

/** What each language model told the same users, with its reasons. */
export function exampleTexts({ language }: Comparison): TextBlock[] {
  const histories = new Map(
    language.flatMap(({ examples }) => examples.map(({ userId, history }) => [userId, history] as const)),
  );
  return [...histories]
    .sort(([a], [b]) => a - b)
    .map(([userId, history]) => ({
      title: `User ${userId}`,
      note: shorten(history),
      columns: language.flatMap((model) => columnOf(model, userId)),
    }));
}

function columnOf({ name, examples }: LanguageComparison, userId: number): TextBlock['columns'] {
  const example = examples.find((own) => own.userId === userId);
  if (example === undefined) return [];
  const lines = example.recommendations
    .slice(0, EXAMPLE_TITLES)
    .map(({ text, reason, match }) => `${text} (${match})${reason === '' ? '' : `: ${reason}`}`);
  return [{ title: name, lines: lines.length > 0 ? lines : ['no recommendation'] }];
}

function shorten(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 597)}...`;
}
