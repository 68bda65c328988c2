/** A person's own prompt: a text file with named slots, under `[system]` and `[user]` where it has both messages. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { DataError, UsageError } from '../util/errors.ts';
import { readTextFile, sha256 } from '../util/files.ts';
import type { HistoryForm } from './history.ts';
import {
  historySlots,
  promptSlots,
  promptTemplates,
  slotsIn,
  type PromptName,
  type PromptTemplate,
} from './templates.ts';

/**
 * The template that `--prompt` names: a built-in one, or a file. Throws UsageError for a name that is neither, and for
 * `genres` without candidates, and what `readPromptFile` throws.
 */
export async function findTemplate(name: string, hasCandidates: boolean): Promise<PromptTemplate> {
  if (!isBuiltIn(name)) {
    if (existsSync(name)) return await readPromptFile(name, hasCandidates);
    const wanted = `${Object.keys(promptTemplates).join(', ')}, or a file`;
    throw new UsageError({ place: '--prompt', found: `'${name}'`, wanted });
  }
  if (name === 'genres' && !hasCandidates) {
    throw new UsageError({
      place: '--prompt genres',
      found: 'no candidates, whose genres it would show',
      remedy: 'Give --candidates, such as mf:100.',
    });
  }
  return promptTemplates[name];
}

export function isBuiltIn(name: string): name is PromptName {
  return Object.hasOwn(promptTemplates, name);
}

/** Letters of the digest that stands for a file's version. */
const DIGEST_LETTERS = 8;

/**
 * Reads a template. Throws DataError naming an unknown slot, for marks of messages that are not in order, for a file with no
 * slot, or several, that say what the user has watched, or with a slot for candidates where there are none and the reverse.
 */
async function readPromptFile(path: string, hasCandidates: boolean): Promise<PromptTemplate> {
  const text = (await readTextFile(path, 'a prompt with slots such as {history}')).replaceAll('\r\n', '\n');
  const { system, user } = splitMessages(path, text.replace(/^\uFEFF/u, ''));
  const slots = slotsIn(`${system}\n${user}`);
  requireKnownSlots(path, slots);
  requireCandidates(path, slots, hasCandidates);
  return {
    name: `file:${basename(path).replaceAll(/[@/]/gu, '-')}@${sha256(text).slice(0, DIGEST_LETTERS)}`,
    system,
    user,
    form: findForm(path, slots),
    sharedExamples: false,
  };
}

/**
 * The text under the line `[user]` and that under `[system]` before it, which may be missing: then there is no system
 * message. Without either line the whole file is the user's message, after the built-in system message.
 */
function splitMessages(path: string, text: string): Pick<PromptTemplate, 'system' | 'user'> {
  const [head = '', ...marked] = text.split(/^[ \t]*\[(system|user)\][ \t]*$/mu);
  if (marked.length === 0) return { system: promptTemplates['zero-shot'].system, user: head.trim() };
  const names = marked.filter((_, n) => n % 2 === 0).map((name) => `[${name}]`);
  const [system, user] = names.length === 1 ? ['', marked[1]!] : [marked[1]!, marked[3]!];
  const isInOrder = names.join(' ') === '[user]' || names.join(' ') === '[system] [user]';
  if (isInOrder && head.trim() === '') return { system: system.trim(), user: user.trim() };
  throw new DataError({
    place: path,
    found: isInOrder ? `text before the line ${names[0]}` : `the lines ${names.join(', ')}`,
    wanted: '[system] and then [user], each once and with its message below it, or neither',
    remedy: 'Put each message under its line.',
  });
}

function requireKnownSlots(path: string, slots: readonly string[]): void {
  const unknown = slots.find((name) => !Object.hasOwn(promptSlots, name));
  if (unknown === undefined) return;
  throw new DataError({
    place: path,
    found: `the slot {${unknown}}`,
    wanted: `slots of ${Object.keys(promptSlots).join(', ')}`,
    remedy: 'Rename it, or remove the braces.',
  });
}

function requireCandidates(path: string, slots: readonly string[], hasCandidates: boolean): void {
  const names = ['candidates', 'candidates_with_genres'];
  const own = slots.find((name) => names.includes(name));
  if (own !== undefined && !hasCandidates) {
    throw new DataError({
      place: path,
      found: `the slot {${own}}, and no candidates`,
      remedy: 'Give --candidates, such as mf:100, or remove the slot.',
    });
  }
  if (hasCandidates && own === undefined && !slots.some((name) => name.startsWith('task'))) {
    throw new DataError({
      place: path,
      found: '--candidates, and no slot that shows them',
      wanted: '{candidates}, {candidates_with_genres} or {task}',
      remedy: 'Put one of them into the file, or leave out --candidates.',
    });
  }
}

function findForm(path: string, slots: readonly string[]): HistoryForm {
  const forms = Object.entries(historySlots).filter(([, slot]) => slots.includes(slot));
  const [first] = forms;
  if (first !== undefined && forms.length === 1) return first[0] as HistoryForm;
  throw new DataError({
    place: path,
    found:
      first === undefined ? 'no slot that says what the user has watched' : 'several forms of the history',
    wanted: `one of ${Object.values(historySlots)
      .map((name) => `{${name}}`)
      .join(', ')}`,
    remedy: first === undefined ? 'Put it where the history belongs.' : 'Keep one of them.',
  });
}
