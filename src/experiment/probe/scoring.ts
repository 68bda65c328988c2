/** Reads the answers of a probe, and what a guess by popularity would have had right. */
import { idIndexer } from '../../data/ids.ts';
import { estimates } from '../../evaluation/intervals.ts';
import { TitleIndex } from '../../language/titles.ts';
import { countsOf, range } from '../../util/arrays.ts';
import { Rng } from '../../util/rng.ts';
import type { Prepared } from '../prepare.ts';
import { permutedItemIds, type ProbeQuestion } from './questions.ts';
import { probeMeasures, type ProbeAnswer, type ProbeMeasure, type ProbeRecord } from './record.ts';

/** Reads answers about one data set. Built once. */
export class ProbeReader {
  readonly #titles: TitleIndex;
  readonly #itemOf: (text: string) => number;
  readonly #permuted: ReadonlyMap<string, number>;
  /** Items, most ratings first, equal ones by ascending index. */
  readonly #popular: Int32Array;
  readonly #commonStars: number;

  constructor(prepared: Pick<Prepared, 'dataset' | 'protocol'>) {
    const { dataset } = prepared;
    this.#titles = new TitleIndex(dataset.movies);
    const indexOf = idIndexer(dataset.itemIds);
    this.#itemOf = (text) => indexOf(typeof dataset.itemIds[0] === 'string' ? text : Number(text));
    this.#permuted = permutedItemIds(prepared);
    const counts = countsOf(dataset.ratings.items, dataset.itemIds.length);
    this.#popular = range(counts.length).sort((a, b) => counts[b]! - counts[a]! || a - b);
    this.#commonStars = mostCommon(dataset.ratings.values);
  }

  /** Share of the question that the answer has right, 0 to 1; `stars` of ratings alone. */
  score({ test, items, stars, permuted }: ProbeQuestion, reply: string): { correct: number; stars?: number } {
    if (test === 'items') return { correct: Number(this.#titleIn(reply) === items[0]) };
    if (test === 'users') {
      const named = new Set(reply.split('\n').map((line) => this.#titleIn(line)));
      return { correct: items.filter((item) => named.has(item)).length / items.length };
    }
    const [, movieId = '', rating = ''] = firstLine(reply)
      .split(',')
      .map((field) => field.trim());
    const item = permuted ? (this.#permuted.get(movieId) ?? -1) : this.#itemOf(movieId);
    return {
      correct: Number(item === items[0]),
      stars: Number(rating !== '' && Number(rating) === stars),
    };
  }

  /** What the most popular answer that the question does not show has right. */
  guess({ test, items, stars, shown }: ProbeQuestion): { correct: number; stars?: number } {
    const left = [...this.#popular].filter((item) => !shown.includes(item)).slice(0, items.length);
    return {
      correct: items.filter((item) => left.includes(item)).length / items.length,
      ...(test === 'ratings' && { stars: Number(stars === this.#commonStars) }),
    };
  }

  /** The movie of a line "318,"Shawshank Redemption, The (1994)",Drama", or of a title alone; -1 for none. */
  #titleIn(text: string): number {
    const line = firstLine(text).replace(/^[-*\d.)\s]*\d*,\s*/u, '');
    const title = /^"((?:[^"]|"")+)"/u.exec(line)?.[1]?.replaceAll('""', '"') ?? line;
    const upToYear = /^(.+?\(\d{4}\))/u.exec(title)?.[1] ?? title;
    const match = this.#titles.match(upToYear.replace(/^(?:[-*]|\d+[.)])\s+/u, ''));
    return 'item' in match ? match.item : -1;
  }
}

function firstLine(text: string): string {
  return text.replaceAll('```', '').trim().split('\n')[0] ?? '';
}

function mostCommon(values: Float32Array): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0] as [number, number])[0];
}

/** A question with its answer, and the same with ids permuted. */
interface Pair {
  question: ProbeQuestion;
  released: ProbeAnswer;
  permuted: ProbeAnswer;
  permutedQuestion: ProbeQuestion;
}

/** Every measure with intervals over questions, where both forms of a question were answered. */
export function measureProbe(
  questions: readonly ProbeQuestion[],
  answers: readonly ProbeAnswer[],
  reader: ProbeReader,
  seed: number,
): ProbeRecord['measures'] {
  const keyOf = ({ test, subject }: Pick<ProbeQuestion, 'test' | 'subject'>) => `${test} ${subject}`;
  const permuted = new Map(
    questions.flatMap((question, n) => (question.permuted ? [[keyOf(question), n] as const] : [])),
  );
  const pairs = questions.flatMap((question, n): Pair[] => {
    const other = permuted.get(keyOf(question));
    if (question.permuted || other === undefined || answers[n]!.failed || answers[other]!.failed) return [];
    return [
      { question, released: answers[n]!, permuted: answers[other]!, permutedQuestion: questions[other]! },
    ];
  });
  return probeMeasures.flatMap((name) => {
    const test = name === 'stars' ? 'ratings' : name;
    const own = pairs.filter(({ question }) => question.test === test);
    return own.length === 0 ? [] : [describeMeasure(name, own, reader, seed)];
  });
}

function describeMeasure(
  name: ProbeMeasure,
  pairs: readonly Pair[],
  reader: ProbeReader,
  seed: number,
): ProbeRecord['measures'][number] {
  const read = ({ correct, stars }: { correct: number; stars?: number }) =>
    name === 'stars' ? (stars ?? 0) : correct;
  const correct = Float64Array.from(pairs, ({ question, released }) =>
    read(reader.score(question, released.reply)),
  );
  const permuted = Float64Array.from(pairs, ({ permutedQuestion, permuted }) =>
    read(reader.score(permutedQuestion, permuted.reply)),
  );
  const columns = {
    correct,
    permuted,
    difference: correct.map((share, n) => share - permuted[n]!),
    guess: Float64Array.from(pairs, ({ question }) => read(reader.guess(question))),
  };
  const found = estimates(columns, new Rng(seed).derive('probe'));
  return { name, asked: pairs.length, ...found };
}
