/** The JSON API: /models, /movies, /recommend and /runs. Documented in docs/serve.md. */
import { Hono } from 'hono';
import { z } from 'zod';
import { runsOf, type Run } from '../experiment/runs/list.ts';
import { describeMovie, userIndex } from '../use/recommend.ts';
import { UsageError } from '../util/errors.ts';
import type { Asker } from './ask.ts';
import type { Contents, ServedModel } from './contents.ts';
import type { RecordFolder } from './records.ts';
import { describeRun, differencesOf, idOf, runQuerySchema, selectRuns } from './runs.ts';

export interface Served {
  records: RecordFolder;
  /** Undefined where there is no saved model. */
  contents: Contents | undefined;
  asker: Asker | undefined;
  refused: Contents['refused'];
}

const MAX_MOVIES = 50;

const listSchema = z.strictObject({
  model: z.string(),
  user: z.string().optional(),
  rating: z.array(z.string()).default([]),
  like: z.array(z.string()).default([]),
  dislike: z.array(z.string()).default([]),
  k: z.coerce.number().int().min(1).max(1000).default(10),
  genre: z.array(z.string()).default([]),
  years: z.string().optional(),
  minRatings: z.coerce.number().int().min(0).default(0),
  excludeSeen: z.enum(['true', 'false']).default('true'),
});
const moviesSchema = z.strictObject({
  q: z.string(),
  k: z.coerce.number().int().min(1).max(MAX_MOVIES).default(10),
});

/** Body of POST /recommend: the same fields, numbers and booleans as such. */
const bodySchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

export function api({ contents, asker, records, refused }: Served): Hono {
  const app = new Hono();
  app.get('/models', (c) =>
    c.json({
      dataset: contents?.dataset ?? null,
      models: contents?.models.map(describeModel) ?? [],
      refused,
      notes: contents?.notes ?? [],
    }),
  );
  app.get('/movies', (c) => {
    const { q, k } = readQuery(moviesSchema, c.req.queries());
    const { search, ratings } = requireContents(contents);
    return c.json({
      movies: search
        .search(q, k)
        .map((item) => ({ ...describeMovie(ratings, item), ratings: ratings.ratingCounts[item]! })),
    });
  });
  app.get('/recommend', async (c) => c.json(await recommend(c.req.queries())));
  app.post('/recommend', async (c) => {
    if (!/^application\/json\b/.test(c.req.header('content-type') ?? '')) {
      return c.json({ error: 'content-type, expected application/json' }, 415);
    }
    return c.json(await recommend(parametersOf(await c.req.json<unknown>().catch(() => undefined))));
  });
  app.get('/runs', async (c) => {
    const { differ, ...query } = readQuery(runQuerySchema, c.req.queries());
    const { records: read, unreadable } = await records.read();
    const runs = runsOf(read);
    if (differ.length === 0) {
      return c.json({ runs: selectRuns(runs, query).map(describeRun), unreadable });
    }
    const [a, b] = twoRuns(runs, differ);
    return c.json({ runs: [describeRun(a), describeRun(b)], differences: differencesOf(a, b) });
  });

  async function recommend(query: Record<string, string[]>) {
    const { model: id, user, rating, like, dislike, k, ...rest } = readQuery(listSchema, query);
    const own = requireContents(contents);
    const model = modelNamed(own, id);
    const { genre: genres, excludeSeen, ...others } = rest;
    const options = { k, filters: { ...others, genres, excludeSeen: excludeSeen === 'true' } };
    const isPerson = rating.length + like.length + dislike.length > 0;
    if ((user !== undefined) === isPerson) {
      throw new UsageError({
        found: isPerson ? 'a user and ratings at once' : 'nobody to recommend to',
        wanted: 'user, or a person by rating, like and dislike',
      });
    }
    const recommendations =
      user === undefined
        ? await asker!.forPerson(model, asker!.historyOf(rating, like, dislike), options)
        : await asker!.forUser(model, userIndex(model.saved, user), options);
    return { model: describeModel(model), user: user ?? null, recommendations };
  }
  return app;
}

/** The body of a POST as parameters of a query. Throws UsageError where it is no JSON object of them. */
function parametersOf(body: unknown): Record<string, string[]> {
  const { data } = bodySchema.safeParse(body);
  if (data === undefined) throw new UsageError({ place: 'body', found: 'no JSON object of parameters' });
  const texts = Object.entries(data).map(([name, value]): [string, string[]] => [
    name,
    Array.isArray(value) ? value : [String(value)],
  ]);
  return Object.fromEntries(texts);
}

/** Parameters of a query, each known and given as often as it may be. Throws UsageError naming the parameter. */
export function readQuery<S extends z.ZodObject>(schema: S, query: Record<string, string[]>): z.output<S> {
  const values = Object.entries(query).map(([name, given]) => {
    const takesMany = isList(schema.shape[name]);
    if (!takesMany && given.length > 1)
      throw new UsageError({ place: name, found: `given ${given.length} times` });
    return [name, takesMany ? given : given[0]];
  });
  const result = schema.safeParse(Object.fromEntries(values));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new UsageError({
      place: issue.keys.join(', '),
      found: 'unknown parameter',
      wanted: Object.keys(schema.shape).join(', '),
    });
  }
  throw new UsageError({ place: String(issue?.path[0] ?? 'query'), found: issue?.message ?? 'not valid' });
}

function isList(field: unknown): boolean {
  const inner = field instanceof z.ZodDefault ? field.def.innerType : field;
  return inner instanceof z.ZodArray;
}

/** Throws UsageError, with what to do, where there is no saved model. */
function requireContents(contents: Contents | undefined): Contents {
  if (contents !== undefined) return contents;
  throw new UsageError({
    found: 'no saved model',
    remedy: '`recsys baseline --save-models models` makes some.',
  });
}

function modelNamed({ models }: Contents, id: string): ServedModel {
  const found = models.find((model) => model.id === id);
  if (found !== undefined) return found;
  throw new UsageError({
    place: 'model',
    found: `'${id}'`,
    wanted: `one of ${models.map((model) => model.id).join(', ')}`,
  });
}

/** The two runs of `ids`. Throws UsageError for another number, and for an unknown one. */
export function twoRuns(runs: readonly Run[], ids: readonly string[]): [Run, Run] {
  const found = ids.map((id) => {
    const run = runs.find((own) => idOf(own) === id);
    if (run === undefined) throw new UsageError({ place: 'differ', found: `no run '${id}'` });
    return run;
  });
  if (found.length === 2) return [found[0]!, found[1]!];
  throw new UsageError({ place: 'differ', found: `${found.length} runs`, wanted: 'two' });
}

function describeModel({ id, saved: { manifest, model } }: ServedModel) {
  const { name, hyperparameters, facts, dataset, fittedOn } = manifest;
  return {
    id,
    name,
    model: manifest.model,
    dataset: dataset.name,
    fittedOn,
    hyperparameters,
    facts,
    takesNewPeople: model.foldIn !== undefined,
  };
}
