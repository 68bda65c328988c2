/**
 * Values per user of large records in a compressed file of their own, so that the record stays readable. The file is named
 * by its content and stands in `per-user/` beside the record; the record's checksum covers it by its hash.
 */
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';
import { exists, readWholeFile, sha256, writeFileAtomic } from '../../util/files.ts';

/** Records of more users keep their values in a file of their own. */
const MAX_USERS_IN_RECORD = 10_000;

const FOLDER = 'per-user';

/** Largest content: what a string can hold. */
const MAX_BYTES = 2 ** 29 - 24;

const resultSchema = z.looseObject({ perUser: z.looseObject({ userIds: z.array(z.unknown()) }) });

/** The parts of a record that matter here. */
const wholeSchema = z.looseObject({
  models: z.array(resultSchema.extend({ seeds: z.array(resultSchema).optional() })).min(1),
});

const referenceSchema = z.object({
  file: z.string().regex(/^[0-9a-f]{16}[.]json[.]gz$/),
  sha256: z.string(),
});

const partedSchema = z.looseObject({
  perUserFile: referenceSchema,
  models: z.array(z.looseObject({ seeds: z.array(z.looseObject({})).optional() })),
});

/** Of each model, and of each of its seeds. */
const contentSchema = z.array(z.object({ perUser: z.unknown(), seeds: z.array(z.unknown()).optional() }));

export interface PartedRecord {
  /** With `perUserFile` in place of what is per user. */
  record: object;
  /** Writes the values per user for a record at `path`. Throws RecsysError as `writeFileAtomic` does. */
  write: (path: string) => Promise<void>;
}

/** Takes the values per user out of a record that has many; others come back as they are, with nothing to write. */
export function partRecord(record: object): PartedRecord {
  const { data } = wholeSchema.safeParse(record);
  const users = data?.models.map(({ perUser }) => perUser.userIds.length) ?? [];
  if (data === undefined || Math.max(...users) <= MAX_USERS_IN_RECORD) {
    return { record, write: async () => {} };
  }
  const content = JSON.stringify(
    data.models.map(({ perUser, seeds }) => ({ perUser, seeds: seeds?.map((own) => own.perUser) })),
  );
  const hash = sha256(content);
  const file = `${hash.slice(0, 16)}.json.gz`;
  return {
    record: {
      ...record,
      perUserFile: { file, sha256: hash },
      models: data.models.map((model) => ({
        ...withoutPerUser(model),
        ...(model.seeds && { seeds: model.seeds.map(withoutPerUser) }),
      })),
    },
    write: async (path) => {
      await writeFileAtomic(join(dirname(path), FOLDER, file), await promisify(gzip)(content));
    },
  };
}

function withoutPerUser(result: object): object {
  return Object.fromEntries(Object.entries(result).filter(([key]) => key !== 'perUser'));
}

/**
 * A record as it was before it was parted; others come back as they are. Throws DataError naming the file when it is
 * missing, damaged, or not that of this record.
 */
export async function joinRecord(path: string, value: unknown): Promise<unknown> {
  const { data } = partedSchema.safeParse(value);
  if (data === undefined) return value;
  const { perUserFile, ...record } = data;
  const content = await readContent(path, perUserFile);
  return {
    ...record,
    models: record.models.map((model, n) => ({
      ...model,
      perUser: content[n]?.perUser,
      ...(model.seeds && {
        seeds: model.seeds.map((own, m) => ({ ...own, perUser: content[n]?.seeds?.[m] })),
      }),
    })),
  };
}

async function readContent(
  path: string,
  { file, sha256: wanted }: z.output<typeof referenceSchema>,
): Promise<z.output<typeof contentSchema>> {
  const beside = join(dirname(path), FOLDER, file);
  const above = join(dirname(path), '..', FOLDER, file); // of a record that was moved to older/
  const place = !(await exists(beside)) && (await exists(above)) ? above : beside;
  const bytes = await readWholeFile(place, `the values per user of ${path}, which are kept beside it`);
  const content = await promisify(gunzip)(bytes, { maxOutputLength: MAX_BYTES }).catch(() => undefined);
  const found = content === undefined ? 'no gzip file' : `SHA-256 ${sha256(content)}`;
  if (content !== undefined && found === `SHA-256 ${wanted}`) {
    return contentSchema.parse(JSON.parse(content.toString('utf8')));
  }
  throw new DataError({
    place,
    found: `${found}: it was changed or damaged`,
    wanted: `${wanted}, the values per user of ${path}`,
    remedy: 'Run the experiment again.',
  });
}
