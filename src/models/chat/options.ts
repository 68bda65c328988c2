/** Options of the chat model: defaults with their reasons, once. Only zod and the table of families are imported here. */
import { z } from 'zod';
import { dayOf, defaultModel, reasoningEfforts } from './families.ts';

export const chatOptions = z.object({
  model: z
    .string()
    .min(1)
    .optional()
    .meta({ placeholder: 'name' })
    .describe('model name as the server knows it (default: gpt-4o until 2027-01-14, then gpt-6.1-sol)'),
  baseUrl: z
    .string()
    .optional()
    .meta({ placeholder: 'url' })
    .describe(
      'another server that speaks the OpenAI API, such as http://localhost:11434/v1 (Ollama), or an Azure deployment (default: OPENAI_BASE_URL, else OpenAI)',
    )
    .meta({ affectsResult: false }),
  key: z.boolean().default(true).describe('send no API key').meta({ affectsResult: false }),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0)
    .describe('0 asks for the same answer each time, which not every server gives'),
  reasoningEffort: z
    .enum(reasoningEfforts)
    .optional()
    .describe('how long a reasoning model thinks (default: the server’s, mostly medium)'),
  topN: z.int().min(1).max(100).optional().describe('movies to ask for (default: the largest cut-off)'),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('requests under way at once')
    .meta({ affectsResult: false }),
  maxOutputTokens: z
    .int()
    .min(16)
    .optional()
    .describe('limit of an answer, thoughts included (default: 200 + 80 per movie, and room for thoughts)'),
  historyTokens: z
    .int()
    .min(50)
    .default(3000)
    .describe('longest history in a prompt; a longer one keeps what was rated highest, then latest'),
  fewShot: z.int().min(0).max(10).default(0).describe('answered examples of other users in each prompt'),
  prompt: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .meta({ placeholder: 'names' })
    .describe(
      'templates, of zero-shot, few-shot, structured, likes, genres (of candidates), or a file with slots such as {history}; several measure the effect of wording (default: zero-shot)',
    ),
  repeat: z
    .int()
    .min(1)
    .max(20)
    .optional()
    .describe('times to ask each question, to measure the effect of chance (default: 1)'),
  permutations: z
    .int()
    .min(1)
    .max(20)
    .optional()
    .describe('orders of the candidates to ask with, to measure the effect of order (default: 1)'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(4)
    .describe('further tries after 429, 5xx, time-outs and answers that break off')
    .meta({ affectsResult: false }),
  timeout: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe('seconds within which a whole answer must arrive')
    .meta({ affectsResult: false }),
  maxWait: z
    .number()
    .min(0)
    .max(86_400)
    .default(120)
    .describe('longest wait in seconds that a server may ask for; the run ends when one asks for more')
    .meta({ affectsResult: false }),
  flex: z
    .boolean()
    .default(false)
    .describe('OpenAI’s flexible tier: half the price, slower; raise --timeout to 900')
    .meta({ affectsResult: false }),
  batch: z
    .boolean()
    .default(false)
    .describe(
      'OpenAI’s Batch API: half the price, within 24 hours; stop at any time, the same command goes on',
    )
    .meta({ affectsResult: false }),
  batchTokens: z
    .int()
    .min(1)
    .default(80_000)
    .describe('input tokens of one batch; OpenAI’s first tier may have 90,000 in its queue')
    .meta({ affectsResult: false }),
  cache: z.boolean().default(true).describe('neither read nor keep answers').meta({ affectsResult: false }),
  cacheDir: z
    .string()
    .optional()
    .meta({ placeholder: 'dir' })
    .describe('kept answers (default: RESULTS/cache/openai)')
    .meta({ affectsResult: false }),
});

export type ChatOptions = z.output<typeof chatOptions>;

/** Options of one run: the model is settled. */
export type ResolvedChatOptions = ChatOptions & { model: string };

/** With the model that is asked on that day when none is named. */
export function resolveModel(options: ChatOptions, now: Date): ResolvedChatOptions {
  return { ...options, model: options.model ?? defaultModel(dayOf(now)) };
}
