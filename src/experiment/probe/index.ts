/** `recsys probe`: does a chat model know the data set by heart? */
import type { Answer } from '../../models/chat/cache.ts';
import { reasoningTokens } from '../../models/chat/families.ts';
import { askAll } from '../../models/chat/ask-all.ts';
import type { Ask, ChatRequest } from '../../models/chat/ask.ts';
import { chatOptions } from '../../models/chat/options.ts';
import { countMessages, tokenCounter } from '../../models/chat/tokens.ts';
import { sum } from '../../util/arrays.ts';
import { RecsysError } from '../../util/errors.ts';
import { optionsAffectingResult } from '../../util/options.ts';
import { Rng } from '../../util/rng.ts';
import { indicesOf } from '../../util/sparse-rows.ts';
import { environment } from '../environment.ts';
import { openClient, type ChatAccount } from '../language/chat.ts';
import { estimateTokens, type TokenEstimate } from '../language/estimate.ts';
import { prepareLanguage } from '../language/run.ts';
import { describeUsage } from '../language/usage.ts';
import type { Prepared } from '../prepare.ts';
import type { DataOptions, Protocol } from '../protocol.ts';
import { describeDataset } from '../record.ts';
import type { RunContext } from '../run.ts';
import { buildProbe, PROBE_TEMPLATE, type ProbeCounts, type ProbeQuestion } from './questions.ts';
import { measureProbe, ProbeReader } from './scoring.ts';
import type { ProbeAnswer, ProbeRecord } from './record.ts';

export interface ProbeSpec extends ChatAccount {
  data: DataOptions;
  protocol: Protocol;
  counts: ProbeCounts;
  /** A record whose answers are scored again instead of asking. */
  replayed?: ProbeRecord;
}

/** Tokens of an answer: five titles, or a row. */
const ANSWER_TOKENS = 120;

/**
 * Asks, or takes the answers of a record. Throws what `createChatClient` and its `ask` throw, and RecsysError when no
 * question was answered; answers that came are kept.
 */
export async function runProbe(spec: ProbeSpec, context: RunContext): Promise<ProbeRecord> {
  const { options, counts, replayed } = spec;
  const { prepared } = await prepareLanguage(spec.data, spec.protocol, ({ evaluable }) => evaluable, context);
  const questions = buildProbe(prepared, counts);
  const client = replayed === undefined ? await openClient(spec, context) : undefined;
  const used: Answer[] = [];
  const outcomes = client
    ? await askQuestions(questions, spec, client.ask, used, context)
    : questions.map((question) => recordedOutcome(question, replayed!));
  const reader = new ProbeReader(prepared);
  const answers = questions.map((question, n): ProbeAnswer => {
    const { test, permuted, subject } = question;
    const { reply, failed } = outcomes[n]!;
    return {
      test,
      permuted,
      subject,
      reply,
      failed,
      correct: failed ? null : reader.score(question, reply).correct,
    };
  });
  requireAnswers(answers);
  const { source, dataset, protocol } = prepared;
  return {
    schemaVersion: 1,
    experiment: 'probe',
    source,
    dataset: describeDataset(dataset),
    protocol,
    model: replayed?.model ?? options.model,
    template: PROBE_TEMPLATE,
    hyperparameters: replayed?.hyperparameters ?? {
      ...optionsAffectingResult(chatOptions, options),
      ...counts,
    },
    measures: measureProbe(questions, answers, reader, protocol.seed),
    ...describeKnowledge(prepared, questions, answers),
    answers,
    details: replayed?.details ?? describeUsage(used, spec, client?.changes ?? []),
    environment: environment(),
  };
}

/** Throws RecsysError when no question was answered: shares of that would be zeros that mean nothing. */
function requireAnswers(answers: readonly ProbeAnswer[]): void {
  if (answers.some(({ failed, reply }) => !failed && reply.trim() !== '')) return;
  const failures = answers.filter(({ failed }) => failed);
  const count = `${answers.length} requests`;
  throw new RecsysError({
    place: 'probe',
    found:
      answers.length === 0
        ? 'no question'
        : failures.length === 0
          ? `the answers to all ${count} are empty`
          : failures.length < answers.length
            ? `of ${count}, ${failures.length} failed, the first with: ${failures[0]!.reply}; the other answers are empty`
            : `all ${count} failed, the first with: ${failures[0]!.reply}`,
    remedy: 'No record was written.',
  });
}

function requestOf({ messages }: ProbeQuestion, { options, protocol }: ProbeSpec): ChatRequest {
  return {
    messages,
    maxOutputTokens:
      options.maxOutputTokens ?? ANSWER_TOKENS + reasoningTokens(options.model, options.reasoningEffort),
    seed: new Rng(protocol.seed).derive('probe sampling').int(2 ** 31),
    numbered: false,
    plain: true,
  };
}

interface ProbeOutcome {
  reply: string;
  failed: boolean;
}

/** Asks all questions; the answers that came are put into `used`. */
async function askQuestions(
  questions: readonly ProbeQuestion[],
  spec: ProbeSpec,
  ask: Ask,
  used: Answer[],
  { progress, signal }: RunContext,
): Promise<ProbeOutcome[]> {
  return await askAll(
    questions,
    { options: spec.options, unit: 'questions', progress, signal },
    (question, stop) => ask(requestOf(question, spec), stop),
    (_, outcome) => {
      if ('failure' in outcome) return { reply: outcome.failure, failed: true };
      used.push(outcome.answer);
      const { text, refusal } = outcome.answer;
      return { reply: refusal ?? text, failed: false };
    },
  );
}

function recordedOutcome({ test, permuted, subject }: ProbeQuestion, { answers }: ProbeRecord): ProbeOutcome {
  const found = answers.find(
    (own) => own.test === test && own.permuted === permuted && own.subject === subject,
  );
  return found ?? { reply: 'the record has no answer', failed: true };
}

/** Movies that were completed from their ids and those that were not, and how many of each are relevant to each user. */
function describeKnowledge(
  { dataset, relevant, evaluable }: Prepared,
  questions: readonly ProbeQuestion[],
  answers: readonly ProbeAnswer[],
): Pick<ProbeRecord, 'knownItems' | 'unknownItems' | 'relevant'> {
  const asked = questions.flatMap(({ test, permuted, items }, n) =>
    test === 'items' && !permuted && !answers[n]!.failed
      ? [{ item: items[0]!, known: answers[n]!.correct === 1 }]
      : [],
  );
  const itemsOf = (known: boolean) => asked.filter((own) => own.known === known).map(({ item }) => item);
  const sets = { known: new Set(itemsOf(true)), unknown: new Set(itemsOf(false)) };
  const count = (set: ReadonlySet<number>) =>
    Array.from(evaluable, (user) => indicesOf(relevant, user).filter((item) => set.has(item)).length);
  return {
    knownItems: itemsOf(true).map((item) => dataset.itemIds[item]!),
    unknownItems: itemsOf(false).map((item) => dataset.itemIds[item]!),
    relevant: {
      userIds: Array.from(evaluable, (user) => dataset.userIds[user]!),
      known: count(sets.known),
      unknown: count(sets.unknown),
    },
  };
}

export interface ProbeEstimate extends TokenEstimate {
  questions: ProbeQuestion[];
}

/** Tokens and the highest cost, without a request. */
export async function estimateProbe(spec: ProbeSpec, context: RunContext): Promise<ProbeEstimate> {
  const { prepared } = await prepareLanguage(spec.data, spec.protocol, ({ evaluable }) => evaluable, context);
  const questions = buildProbe(prepared, spec.counts);
  const count = await tokenCounter();
  const input = sum(questions.map(({ messages }) => countMessages(messages, count)));
  const output = sum(questions.map((question) => requestOf(question, spec).maxOutputTokens));
  return { questions, ...estimateTokens(spec, { input, output }) };
}
