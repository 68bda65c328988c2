/** Recommendations as a table for the terminal, as JSON and as CSV. */
import type { Id } from '../data/dataset.ts';
import { csvCell, printable } from '../util/process/terminal.ts';
import type { Recommendation } from './recommend.ts';
import type { SavedModel } from './saved-model.ts';

/** One list; `user` is the released id, null for a person who is not in the data. */
export interface UserList {
  user: Id | null;
  recommendations: Recommendation[];
}

type About = Pick<SavedModel, 'manifest'>;

/** Columns of the terminal, within 80: rank, title with reasons, year, genres, score. */
const TITLE_WIDTH = 38;
const GENRES_WIDTH = 20;

/** What the lists come from, and one table per user. Ends in a newline. */
export function tableOfLists({ manifest }: About, lists: readonly UserList[]): string {
  const blocks = lists.map(({ user, recommendations }) => {
    const head = user === null ? 'For you' : `For user ${user}`;
    const title = wrap(`${head}, by ${describeModel(manifest)}:`, 80).join('\n');
    return `${title}\n\n${table(recommendations)}\n`;
  });
  return blocks.join('\n');
}

/** "mf, fitted on all ratings of ml-latest-small-2016". */
function describeModel({ name, dataset, fittedOn }: SavedModel['manifest']): string {
  const part = fittedOn.split === 'none' ? 'all ratings' : `the training part (${fittedOn.split})`;
  return `${name}, fitted on ${part} of ${dataset.name}`;
}

function table(recommendations: Recommendation[]): string {
  if (recommendations.length === 0) return 'No movie is left to recommend.';
  const lines = [
    '  #  '.padEnd(5) + 'movie'.padEnd(TITLE_WIDTH) + '  year  ' + 'genres'.padEnd(GENRES_WIDTH) + '   score',
  ];
  lines.push('─'.repeat(lines[0]!.length));
  for (const { rank, title, year, genres, score, why } of recommendations) {
    const left = wrap(title, TITLE_WIDTH);
    const right = wrap(genres.join(', '), GENRES_WIDTH);
    const height = Math.max(left.length, right.length);
    for (let n = 0; n < height; n++) {
      const number = n === 0 ? String(rank).padStart(3) : '   ';
      const shown = n === 0 ? String(year ?? '-').padStart(4) : '    ';
      const cells = [
        number,
        (left[n] ?? '').padEnd(TITLE_WIDTH),
        shown,
        (right[n] ?? '').padEnd(GENRES_WIDTH),
      ];
      lines.push(`${cells.join('  ')}  ${n === 0 ? formatScore(score) : ''}`.trimEnd());
    }
    const reasons = describeReasons(why);
    if (reasons !== '') for (const line of wrap(reasons, 72)) lines.push(`     ${line}`);
  }
  return lines.join('\n');
}

function formatScore(score: number): string {
  return (Math.abs(score) >= 1000 ? score.toFixed(0) : score.toFixed(4)).padStart(6);
}

/** "because of Heat (1995), Ronin (1998)"; features by their names: "for Crime, the 1990s, tag 'heist'". */
export function describeReasons(why: Recommendation['why']): string {
  if (why.length === 0) return '';
  const features = why.map(({ because }) => featureName(because));
  if (features.every((name) => name === undefined)) {
    return `because of ${why.map(({ because }) => printable(because)).join(', ')}`;
  }
  return `for ${features.map((name, n) => name ?? printable(why[n]!.because)).join(', ')}`;
}

function featureName(because: string): string | undefined {
  const [, field, value] = /^(genres|decade|tags):(.*)$/s.exec(because) ?? [];
  if (value === undefined) return undefined;
  if (field === 'decade') return `the ${value}s`;
  return field === 'tags' ? `tag '${printable(value)}'` : printable(value);
}

/** At words, into lines of at most `width`; a longer word stands alone. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of printable(text).split(' ')) {
    const last = lines.at(-1)!;
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** One object: the model and the lists. Ends in a newline. */
export function jsonOfLists({ manifest }: About, lists: readonly UserList[]): string {
  const { name, model, dataset, fittedOn } = manifest;
  return `${JSON.stringify({ model: { name, model, dataset: dataset.name, fittedOn }, lists }, null, 2)}\n`;
}

/** A line per recommendation; `userId` is empty for a person who is not in the data. */
export function csvOfLists(_: About, lists: readonly UserList[]): string {
  const lines = ['userId,movieId,rank,score,title,year,genres,why'];
  for (const { user, recommendations } of lists) {
    for (const { movieId, rank, score, title, year, genres, why } of recommendations) {
      const texts = [title, year ?? '', genres.join('|'), why.map(({ because }) => because).join('|')];
      lines.push([user ?? '', movieId, rank, score, ...texts].map(csvCell).join(','));
    }
  }
  return `${lines.join('\n')}\n`;
}
