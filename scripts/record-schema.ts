/** Writes results/record.schema.json, the JSON Schema of the results record, from the zod schema. */
import { z } from 'zod';
import { languageRecordSchema } from '../src/experiment/record.ts';
import { jsonText } from '../src/experiment/store.ts';
import { writeFileAtomic } from '../src/util/files.ts';

const optionalLanguage = languageRecordSchema.partial({ language: true });
await writeFileAtomic('results/record.schema.json', jsonText(z.toJSONSchema(optionalLanguage)));
