/** Prompts for chat models. A template has a name and a version: change the words, raise the version. */
import type { History } from './history.ts';

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** What a prompt is made of. Everything comes from train. */
export interface PromptParts {
  history: History;
  /** Number of movies to ask for. */
  count: number;
  /** Other users' histories with a list each that they liked: shown as answered questions. */
  examples?: readonly { history: History; liked: readonly { title: string; genres: readonly string[] }[] }[];
  /** Titles in natural form that the answer must choose from, by their number. */
  candidates?: readonly string[];
}

const SYSTEM_MESSAGE =
  'You recommend movies. You know what a user has watched and how the user rated it on a scale from 0.5 to 5. ' +
  'Recommend movies that the user has not watched and will rate highest, the best first. Answer with JSON only.';

/** Returns the name and version that records keep. Candidates and examples change the words, so they change the name. */
export function nameTemplate({
  examples = [],
  candidates,
}: Pick<PromptParts, 'examples' | 'candidates'>): string {
  const shots = examples.length === 0 ? 'zero-shot' : `few-shot-${examples.length}`;
  return `chat/${shots}${candidates ? '/candidates' : ''}@1`;
}

/** Writes the messages of one request: the system message, the answered examples, the question. */
export function buildChatMessages(parts: PromptParts): Message[] {
  const { examples = [] } = parts;
  return [
    { role: 'system', content: SYSTEM_MESSAGE },
    ...examples.flatMap(({ history, liked }): Message[] => [
      { role: 'user', content: writeQuestion({ history, count: liked.length }) },
      { role: 'assistant', content: writeExampleAnswer(liked) },
    ]),
    { role: 'user', content: writeQuestion(parts) },
  ];
}

function writeQuestion({ history, count, candidates }: PromptParts): string {
  const lines = [history.text];
  if (history.genres.length > 0) lines.push(`Favourite genres: ${history.genres.join(', ')}.`);
  if (history.tags.length > 0) lines.push(`The user's own tags: ${history.tags.join(', ')}.`);
  if (candidates === undefined) {
    lines.push(
      `Recommend ${count} movies. For each give the title with its year of release, as in "The Matrix (1999)", ` +
        'and a reason in one sentence that refers to what this user likes.',
      'Answer: {"recommendations": [{"title": "...", "reason": "..."}]}',
    );
  } else {
    lines.push(
      'Choose only from these candidates:',
      ...candidates.map((title, n) => `${n + 1}. ${title}`),
      `Recommend ${count} of them. For each give its number, its title, and a reason in one sentence that refers to ` +
        'what this user likes.',
      'Answer: {"recommendations": [{"number": 1, "title": "...", "reason": "..."}]}',
    );
  }
  return lines.join('\n');
}

function writeExampleAnswer(liked: readonly { title: string; genres: readonly string[] }[]): string {
  const recommendations = liked.map(({ title, genres }) => ({
    title,
    reason:
      genres.length === 0 ? 'It fits what you rated highest.' : `You rate ${genres.join(' and ')} highly.`,
  }));
  return JSON.stringify({ recommendations });
}
