/** The JSON schemas of answers. Servers that decode by grammar enforce the fields in this order: it is the prompt's. */
import type OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const entrySchema = z.object({ title: z.string(), reason: z.string() });
const numberedEntrySchema = z.object({ number: z.int(), title: z.string(), reason: z.string() });

type ResponseFormat = OpenAI.ResponseFormatJSONSchema;

const plainFormat: ResponseFormat = zodResponseFormat(
  z.object({ recommendations: z.array(entrySchema) }),
  'recommendations',
);
const numberedFormat: ResponseFormat = zodResponseFormat(
  z.object({ recommendations: z.array(numberedEntrySchema) }),
  'recommendations',
);

/** `numbered`: candidates are named by number. */
export function responseFormat(numbered: boolean): ResponseFormat {
  return numbered ? numberedFormat : plainFormat;
}
