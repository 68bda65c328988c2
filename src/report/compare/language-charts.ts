/** The pictures and texts of language models in `recsys compare`: match classes, training curves, example users. */
import type { Comparison, ExampleUser } from '../../experiment/compare/record.ts';
import { listRanks } from '../../language/grounding.ts';
import type { Chart } from '../charts/chart.ts';
import { facetSpec, type Facet } from '../charts/facets.ts';
import { percent } from '../charts/parts.ts';
import type { TextBlock } from '../page/page.ts';
import { colour, seriesColours } from '../theme.ts';
import { countNoun, joinNames } from '../table.ts';

/** Letters of a history on the page. */
const MAX_HISTORY_LETTERS = 600;

/** What became of the titles that each language model wrote, all on one scale; no chart without titles. */
export function matchChart(found: Comparison): Chart[] {
  const language = found.language.filter(({ shares }) => Object.values(shares).some((share) => share > 0));
  if (language.length === 0) return [];
  const classes = [...new Set(language.flatMap(({ shares }) => Object.keys(shares)))].filter((name) =>
    language.some(({ shares }) => (shares[name] ?? 0) > 0),
  );
  const facets = language.map(({ name, shares }): Facet => ({
    title: name,
    max: 1,
    marksHighest: false,
    rows: classes.map((match) => ({ value: shares[match] ?? 0, label: percent(shares[match] ?? 0) })),
  }));
  const exact = language.map(({ name, shares }) => `${percent(shares['exact'] ?? 0, 0)} of ${name}`);
  return [
    {
      id: 'matches',
      title: `Titles written to the letter: ${joinNames(exact)}`,
      note: "What became of the written titles, from 0 to 100%. Exact, normalized and year-off ones are recommendations; the others are left out, and the list is shorter by them. GPT-2's titles are exact, since it chooses among the movies, unless it writes freely.",
      description: `${facets.length} panels with a dot for each of ${joinNames(classes)}.`,
      spec: facetSpec(classes, facets),
      table: {
        head: ['match class', ...language.map(({ name }) => name)],
        rows: classes.map((match) => [match, ...language.map(({ shares }) => percent(shares[match] ?? 0))]),
      },
    },
  ];
}

/** Training and validation losses by update, the runs over each other; no chart where no run has two updates. */
export function trainingChart({ training, protocol }: Comparison): Chart[] {
  const runs = training.filter(({ updates }) => updates.length > 1);
  if (runs.length === 0) return [];
  const names = runs.map(({ name }) => name);
  const updates = runs.flatMap(({ name, updates }) => updates.map((update) => ({ name, ...update })));
  const validation = updates.flatMap(({ name, update, validationLoss }) =>
    validationLoss === undefined ? [] : [{ name, update, loss: validationLoss }],
  );
  return [
    {
      id: 'training',
      title: titleOfTraining(runs),
      note: [
        'The loss that is trained on, a cross-entropy in nats, against the update.',
        ...(protocol.seeds === undefined
          ? []
          : ['The curve of a run over seeds is that of the seed that was trained last.']),
        ...(validation.length > 0 ? ['Points: on validation users.'] : []),
        ...runs.flatMap(bestValidation),
      ].join(' '),
      description: `${runs.length === 1 ? 'A curve' : `${runs.length} curves`} over ${Math.max(...updates.map(({ update }) => update))} updates.`,
      spec: {
        height: 240,
        encoding: {
          x: { field: 'update', type: 'quantitative', axis: { title: 'update', tickCount: 5, grid: false } },
          y: {
            field: 'loss',
            type: 'quantitative',
            scale: { zero: false },
            axis: { title: 'loss', tickCount: 5 },
          },
          color: {
            field: 'name',
            type: 'nominal',
            scale: { domain: names, range: names.map((_, n) => seriesColours[n] ?? colour.muted) },
            legend: names.length === 1 ? null : { orient: 'top', title: null, labelLimit: 300, columns: 1 },
          },
        },
        layer: [
          {
            data: { values: updates.map(({ name, update, loss }) => ({ name, update, loss })) },
            mark: { type: 'line', strokeWidth: 1.25 },
          },
          { data: { values: validation }, mark: { type: 'point', stroke: colour.ink, strokeWidth: 1 } },
        ],
      },
      table: {
        head: ['run', 'update', 'loss', 'validation loss', 'validation F1'],
        rows: updates.map(({ name, update, loss, validationLoss, validationF1 }) => [
          name,
          update,
          loss.toFixed(4),
          validationLoss?.toFixed(4) ?? '',
          validationF1?.toFixed(4) ?? '',
        ]),
      },
    },
  ];
}

type Run = Comparison['training'][number];

function titleOfTraining(runs: readonly Run[]): string {
  const ends = runs.map(({ name, updates }) => ({
    name,
    first: updates[0]!.loss,
    last: updates.at(-1)!.loss,
  }));
  const [only] = ends;
  if (ends.length === 1) {
    const verb = only!.last < only!.first ? 'fell' : 'went';
    return `The training loss of ${only!.name} ${verb} from ${only!.first.toFixed(2)} to ${only!.last.toFixed(2)}`;
  }
  const lowest = ends.reduce((a, b) => (b.last < a.last ? b : a));
  return `Of ${ends.length} runs, ${lowest.name} ends with the lowest training loss, ${lowest.last.toFixed(2)}`;
}

/** The best validation of a run, whose weights are kept: the lowest loss, or the highest F1 of lists. */
function bestValidation({ name, updates }: Run): string[] {
  const best = (of: (update: Run['updates'][number]) => number | undefined, sign: 1 | -1) => {
    const measured = updates.flatMap((own) => of(own) ?? []);
    const value = sign * Math.max(...measured.map((own) => sign * own));
    return measured.length === 0
      ? undefined
      : { value, update: updates.find((own) => of(own) === value)!.update };
  };
  const loss = best(({ validationLoss }) => validationLoss, -1);
  const f1 = best(({ validationF1 }) => validationF1, 1);
  return [
    ...(loss
      ? [`${name}: lowest ${loss.value.toFixed(2)} at update ${loss.update}; these weights are kept.`]
      : []),
    ...(f1
      ? [
          `${name}: highest F1 of validation users ${f1.value.toFixed(4)} at update ${f1.update}; these weights are kept.`,
        ]
      : []),
  ];
}

/** What every model recommends to the same users, hits marked, with reasons where a model gives them. */
export function exampleTexts({ examples }: Comparison): TextBlock[] {
  return examples.map(({ userId, why, history, trainRatings, lists }) => ({
    title: `User ${userId}: ${why}`,
    note: history === null ? countNoun(trainRatings ?? 0, 'training rating') : shorten(history),
    columns: lists.map(describeList),
  }));
}

function describeList(list: ExampleUser['lists'][number]): TextBlock['columns'][number] {
  const { name, hitRanks, relevant, state, recommendations } = list;
  const hits = `${hitRanks.length} of ${relevant} relevant movies`;
  if (recommendations === null) {
    const places =
      hitRanks.length === 0
        ? ''
        : `, ${hitRanks.length === 1 ? 'at place' : 'at places'} ${joinNames(hitRanks.map(String))}`;
    return {
      title: name,
      summary: `${hits}${places}. No list was saved (--save-recommendations).`,
      lines: [],
    };
  }
  if (recommendations.length === 0) {
    return { title: name, summary: `No recommendation: the answer was ${state ?? 'empty'}.`, lines: [] };
  }
  const answer = state === null || state === 'answered' ? '' : ` The answer was ${state}.`;
  const ranks = listRanks(recommendations);
  return {
    title: name,
    summary: `${hits}.${answer}`,
    lines: recommendations.map(({ text, reason, match }, n) => ({
      text: match === 'exact' ? text : `${text} (${match})`,
      reason,
      hit: hitRanks.some((rank) => rank === ranks[n]),
    })),
  };
}

function shorten(text: string): string {
  return text.length <= MAX_HISTORY_LETTERS ? text : `${text.slice(0, MAX_HISTORY_LETTERS - 3)}...`;
}
