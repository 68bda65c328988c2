/**
 * Prompts for chat models: versioned templates with named slots. Change the words of one, raise its version. Everything
 * that fills a slot comes from train.
 */
import type { History, HistoryForm } from './history.ts';

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A candidate of the prompt. */
export interface OfferedMovie {
  /** In natural form, with the year. */
  title: string;
  genres: readonly string[];
}

/** Another user's history with a list that this user liked: shown as an answered question. */
export interface PromptExample {
  history: History;
  liked: readonly OfferedMovie[];
}

/** What a prompt is made of. */
export interface PromptParts {
  history: History;
  /** Number of movies to ask for. */
  count: number;
  examples?: readonly PromptExample[];
  /** Movies that the answer must choose from, by their number. */
  candidates?: readonly OfferedMovie[];
}

/** The words of a prompt, with slots such as `{history}`. */
export interface PromptTemplate {
  /** "zero-shot@1", or "file:NAME@DIGEST" for one's own. */
  name: string;
  system: string;
  user: string;
  /** How the history is written; it fills `{history}`, `{ratings}` or `{likes}`. */
  form: HistoryForm;
  /** The same answered examples for every user, ahead of all else, so that servers can cache them. */
  sharedExamples: boolean;
}

const SYSTEM_MESSAGE =
  'You recommend movies. You know what a user has watched and how the user rated it on a scale from 0.5 to 5. ' +
  'Recommend movies that the user has not watched and will rate highest, the best first. Answer with JSON only.';

/** The slots that a prompt may have, with what fills them. A line whose slots are all empty is left out. */
export const promptSlots = {
  history: 'the ratings as a sentence',
  ratings: 'the ratings as a table of title, genres and stars',
  likes: 'the movies that the user liked, disliked, and else watched',
  genres: 'the favourite genres as a sentence',
  tags: 'the user’s own tags as a sentence',
  count: 'how many movies to recommend',
  candidates: 'the numbered candidates, with --candidates',
  candidates_with_genres: 'the same with their genres',
  answer: 'the form of the answer',
  task: 'candidates, task and form of the answer, as the built-in templates have them',
  task_with_genres: 'the same with the genres of the candidates',
} as const;
export type PromptSlot = keyof typeof promptSlots;

/** Slots that say what the user has watched, by the form of the history. */
export const historySlots = {
  sentence: 'history',
  table: 'ratings',
  likes: 'likes',
} as const satisfies Record<HistoryForm, PromptSlot>;

const builtIn = (
  name: string,
  form: HistoryForm,
  { sharedExamples = false, task = 'task' }: { sharedExamples?: boolean; task?: PromptSlot } = {},
): PromptTemplate => ({
  name,
  system: SYSTEM_MESSAGE,
  user: `{${historySlots[form]}}\n{genres}\n{tags}\n{${task}}`,
  form,
  sharedExamples,
});

/** The built-in templates by the name that `--prompt` takes. */
export const promptTemplates = {
  'zero-shot': builtIn('zero-shot@1', 'sentence'),
  'few-shot': builtIn('few-shot-shared@1', 'sentence', { sharedExamples: true }),
  structured: builtIn('structured@1', 'table'),
  likes: builtIn('likes@1', 'likes'),
  genres: builtIn('genres@1', 'sentence', { task: 'task_with_genres' }),
} as const satisfies Record<string, PromptTemplate>;
export type PromptName = keyof typeof promptTemplates;

/**
 * Returns the name and version that records keep: "chat/zero-shot@1". Candidates, and examples of a user's own
 * (`examples` of them), change the words, so they change the name.
 */
export function nameTemplate(
  { name }: PromptTemplate,
  { examples, hasCandidates }: { examples: number; hasCandidates: boolean },
): string {
  const [own, version] = name.split('@') as [string, string];
  const shots =
    examples === 0 ? own : own === 'zero-shot' ? `few-shot-${examples}` : `${own}/few-shot-${examples}`;
  return `chat/${shots}${hasCandidates ? '/candidates' : ''}@${version}`;
}

/** Writes the messages of one request: the system message, the answered examples, the question. */
export function buildChatMessages(template: PromptTemplate, parts: PromptParts): Message[] {
  const { examples = [] } = parts;
  const ask = (own: PromptParts) => fillSlots(template.user, own);
  const system = fillSlots(template.system, parts);
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system } as const]),
    ...examples.flatMap(({ history, liked }): Message[] => [
      { role: 'user', content: ask({ history, count: liked.length }) },
      { role: 'assistant', content: writeExampleAnswer(liked) },
    ]),
    { role: 'user', content: ask(parts) },
  ];
}

/** `{slot}`: braces around anything else, as in JSON, are text. */
const SLOT = /\{([a-z_]+)\}/gu;

/** Names in braces, in the order of the text. */
export function slotsIn(text: string): string[] {
  return [...text.matchAll(SLOT)].map(([, name]) => name!);
}

function fillSlots(text: string, parts: PromptParts): string {
  return text
    .split('\n')
    .flatMap((line) => {
      const names = slotsIn(line);
      const filled = line.replace(SLOT, (_, name: PromptSlot) => slotTexts[name](parts));
      return names.length > 0 && filled.trim() === '' ? [] : [filled];
    })
    .join('\n');
}

const slotTexts: Record<PromptSlot, (parts: PromptParts) => string> = {
  history: ({ history }) => history.text,
  ratings: ({ history }) => history.text,
  likes: ({ history }) => history.text,
  genres: ({ history: { genres } }) => (genres.length === 0 ? '' : `Favourite genres: ${genres.join(', ')}.`),
  tags: ({ history: { tags } }) => (tags.length === 0 ? '' : `The user's own tags: ${tags.join(', ')}.`),
  count: ({ count }) => String(count),
  candidates: ({ candidates = [] }) => writeCandidates(candidates, false),
  candidates_with_genres: ({ candidates = [] }) => writeCandidates(candidates, true),
  answer: writeAnswerForm,
  task: (parts) => writeTask(parts, false),
  task_with_genres: (parts) => writeTask(parts, true),
};

function writeCandidates(candidates: readonly OfferedMovie[], withGenres: boolean): string {
  return candidates
    .map(({ title, genres }, n) => {
      const described = withGenres && genres.length > 0 ? ` - ${genres.join(', ')}` : '';
      return `${n + 1}. ${title}${described}`;
    })
    .join('\n');
}

function writeAnswerForm({ candidates }: PromptParts): string {
  const number = candidates === undefined ? '' : '"number": 1, ';
  return `Answer: {"recommendations": [{${number}"title": "...", "reason": "..."}]}`;
}

function writeTask(parts: PromptParts, withGenres: boolean): string {
  const { count, candidates } = parts;
  const reason = 'a reason in one sentence that refers to what this user likes.';
  const lines =
    candidates === undefined
      ? [
          `Recommend ${count} movies. For each give the title with its year of release, as in "The Matrix (1999)", ` +
            `and ${reason}`,
        ]
      : [
          'Choose only from these candidates:',
          writeCandidates(candidates, withGenres),
          `Recommend ${count} of them. For each give its number, its title, and ${reason}`,
        ];
  return [...lines, writeAnswerForm(parts)].join('\n');
}

function writeExampleAnswer(liked: readonly OfferedMovie[]): string {
  const recommendations = liked.map(({ title, genres }) => ({
    title,
    reason:
      genres.length === 0 ? 'It fits what you rated highest.' : `You rate ${genres.join(' and ')} highly.`,
  }));
  return JSON.stringify({ recommendations });
}
