/** Writes the JSON Schemas of the results record and of the plan, from their zod schemas. */
import { z } from 'zod';
import { planSchema } from '../src/commands/plan/schema.ts';
import { languageRecordSchema } from '../src/experiment/record.ts';
import { jsonText } from '../src/experiment/store.ts';
import { writeFileAtomic } from '../src/util/files.ts';

const optionalLanguage = languageRecordSchema.partial({ language: true });
await writeFileAtomic('results/record.schema.json', jsonText(z.toJSONSchema(optionalLanguage)));
await writeFileAtomic('plans/plan.schema.json', jsonText(z.toJSONSchema(planSchema, { io: 'input' })));
