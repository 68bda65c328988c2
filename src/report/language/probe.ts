/** What a person sees of a probe in the terminal. */
import type { ProbeEstimate } from '../../experiment/probe/index.ts';
import type { ProbeMeasure, ProbeRecord } from '../../experiment/probe/record.ts';
import { wrapWords } from '../charts/text.ts';
import { formatCount, shareCell, textTable } from '../table.ts';
import { costText, questionLines } from './cost.ts';

const TERMINAL_COLUMNS = 80;

const names: Record<ProbeMeasure, string> = {
  items: 'title of a movie from its id',
  users: 'first movies of a user from the id',
  ratings: 'movie of a user’s next row',
  stars: 'rating of that row',
};

/** What the model knows, beside what permuted ids and a popular guess have right. Ends in a newline. */
export function probeReport({ model, dataset, measures, answers, details }: ProbeRecord): string {
  const failed = answers.filter((answer) => answer.failed).length;
  const cost = typeof details['costUsd'] === 'number' ? `, ${details['costUsd'].toFixed(4)} USD` : '';
  const known = measures.filter(({ difference }) => difference.ci95[0] > 0).map(({ name }) => names[name]);
  return `${[
    `What ${model} knows of ${dataset.name} by heart:`,
    textTable(
      ['share that is right', 'asked', 'as released', 'ids permuted', 'difference', 'popular guess'],
      measures.map(({ name, asked, correct, permuted, difference, guess }) => [
        wrapWords(names[name], 20).join('\n'),
        formatCount(asked),
        ...[correct, permuted, difference, guess].map(shareCell),
      ]),
    ),
    '',
    ...wrapWords(
      known.length === 0
        ? 'No difference shown to permuted ids: nothing here says that it knows the files.'
        : `It knows more than permuted ids allow: ${known.join('; ')}. Its accuracy on this data set is not that on new data.`,
      TERMINAL_COLUMNS,
    ),
    ...(failed > 0
      ? [`${failed} of ${answers.length} questions failed; the same command asks them again.`]
      : []),
    `Tokens: ${tokensIn(details, 'inputTokens')} in, ${tokensIn(details, 'outputTokens')} out${cost}.`,
  ].join('\n')}\n`;
}

function tokensIn(details: ProbeRecord['details'], key: string): string {
  const value = details[key];
  return typeof value === 'number' ? formatCount(value) : '–';
}

/** The dry run. Ends in a newline. */
export function probeEstimateText(estimate: ProbeEstimate, model: string, withQuestions: boolean): string {
  const { questions } = estimate;
  return `${[
    `${model}: ${formatCount(questions.length)} questions, half of them with ids permuted; ${costText(estimate, model)}.`,
    'No chat request was made.',
    ...(withQuestions ? questionLines(questions) : []),
  ].join('\n')}\n`;
}
