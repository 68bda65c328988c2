/** Reading a plan, YAML or JSON: a mistake is named with its line and, for a typo, the nearest name. */
import { isMap, isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { DataError } from '../../util/errors.ts';
import { readTextFile } from '../../util/files.ts';
import { nearestName } from '../../util/nearest.ts';
import { planSchema, type Plan } from './schema.ts';

type Path = readonly PropertyKey[];

/** Throws DataError with file and line when the file is no YAML or JSON, or no plan. */
export async function readPlan(path: string): Promise<Plan> {
  const text = await readTextFile(path, 'a plan, such as `recsys baseline --print-plan` writes');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new DataError({ place: `${path}:${line}`, found: broken.message, wanted: 'YAML or JSON' });
  }
  const value: unknown = document.toJS() ?? {};
  const result = planSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues, value);
  const at = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  throw new DataError({ place: `${path}:${lineOf(document, lines, at)}`, ...describe(issue, at, value) });
}

/** The issue to show: of a union, that of the alternative that was meant. */
function deepest(issues: readonly z.core.$ZodIssue[], value: unknown): z.core.$ZodIssue {
  const issue = issues[0]!;
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const isText = typeof valueAt(value, issue.path) === 'string';
  const meant =
    issue.errors.find(([first]) => (first?.code === 'invalid_value') === isText) ?? issue.errors[0]!;
  const inner = deepest(meant, valueAt(value, issue.path));
  return { ...inner, path: [...issue.path, ...inner.path] };
}

function describe(issue: z.core.$ZodIssue, at: Path, value: unknown): ErrorParts {
  const field = at.join('.') || 'plan';
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(planSchema, issue.path, value);
    return { found: `unknown field '${field}'`, ...wantedOf(issue.keys[0]!, known) };
  }
  const found = valueAt(value, at);
  if (issue.code === 'invalid_value') {
    return { found: `${field}: ${shown(found)}`, ...wantedOf(String(found), issue.values.map(String)) };
  }
  if (issue.code === 'invalid_union') {
    const known = keysAt(planSchema, at.slice(0, -1), value, String(at.at(-1)));
    return { found: `${field}: ${shown(found)}`, ...wantedOf(String(found), known) };
  }
  return { found: `${field}: ${shown(found)}: ${issue.message}` };
}

interface ErrorParts {
  found: string;
  wanted?: string;
  remedy?: string;
}

function wantedOf(typed: string, known: readonly string[]): Omit<ErrorParts, 'found'> {
  const near = nearestName(typed, known);
  return { wanted: known.join(', '), ...(near !== undefined && { remedy: `Did you mean '${near}'?` }) };
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? 'nothing');
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** The names that may stand at `path`: fields of an object; of a union told apart by `tag`, the values of it. */
function keysAt(schema: z.ZodType, path: Path, value: unknown, tag?: string): string[] {
  let at = inside(schema);
  let own = value;
  for (const key of path) {
    own = valueAt(own, [key]);
    if (at instanceof z.ZodArray) at = inside(at.element as z.ZodType);
    else if (at instanceof z.ZodObject) at = inside(at.shape[String(key)] as z.ZodType);
    if (at instanceof z.ZodUnion) {
      const options = at.options as z.ZodType[];
      const objects = options.find((option) => option instanceof z.ZodDiscriminatedUnion);
      if (objects === undefined) continue;
      const named = (objects.options as z.ZodObject[]).find(
        (option) => option.shape['model']?.safeParse(valueAt(own, ['model'])).success,
      );
      if (named === undefined) {
        return (objects.options as z.ZodObject[]).map((option) => literalOf(option.shape[tag ?? 'model']));
      }
      at = named;
    }
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function literalOf(schema: unknown): string {
  return schema instanceof z.ZodLiteral ? String(schema.value) : '';
}

function inside(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPipe) {
    inner = (inner instanceof z.ZodPipe ? inner.def.in : inner.def.innerType) as z.ZodType;
  }
  return inner;
}

/** The line of the key that `path` ends in, from 1; of what holds it, where it is not there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1]!;
    const pair = isMap(parent) ? parent.items.find(({ key }) => String(key) === String(last)) : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
