/** Options of a chat model: defaults with their reasons, once. Only zod is imported here. */
import { z } from 'zod';

export const chatOptions = z.object({
  model: z.string().default('gpt-4o').describe('model name as the server knows it'),
  baseUrl: z
    .url()
    .optional()
    .meta({ placeholder: 'url' })
    .describe('another server that speaks the OpenAI API, such as http://localhost:11434/v1 (Ollama)')
    .meta({ affectsResult: false }),
  temperature: z.number().min(0).max(2).default(0).describe('0: the same answer as far as the server can'),
  topN: z.int().min(1).max(100).optional().describe('movies to ask for (default: the largest cut-off)'),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('requests under way at once')
    .meta({ affectsResult: false }),
  maxOutputTokens: z.int().min(16).optional().describe('limit of an answer (default: 200 + 80 per movie)'),
  historyTokens: z
    .int()
    .min(50)
    .default(3000)
    .describe('longest history in a prompt; a longer one keeps what was rated highest, then latest'),
  fewShot: z.int().min(0).max(10).default(0).describe('answered examples of other users in each prompt'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(4)
    .describe('further tries after 429, 5xx, time-outs and cut connections')
    .meta({ affectsResult: false }),
  timeout: z
    .number()
    .positive()
    .default(60)
    .describe('seconds to wait for an answer')
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
