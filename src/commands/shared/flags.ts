/**
 * Command-line flags derived from a zod object schema: names, defaults, choices and help texts live once, in the
 * schema. `testShare: z.number().default(0.2).describe('...')` becomes `--test-share <n>`.
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../../util/errors.ts';
import { factsOfIssue } from '../../util/parse.ts';

/** Typed flags by name, before they are checked. */
export type Typed = Record<string, unknown>;

type Field = z.ZodType;
type Schema = z.ZodObject<Record<string, Field>>;

/** Adds one flag per field of each schema. A boolean that defaults to true becomes `--no-name`. */
export function addFlags(command: Command, ...schemas: Schema[]): Command {
  return addFlagGroup(command, 'Options:', ...schemas);
}

/** As `addFlags`, under a heading of their own in the help. */
export function addFlagGroup(command: Command, heading: string, ...schemas: Schema[]): Command {
  for (const schema of schemas) {
    for (const [key, field] of Object.entries(schema.shape)) {
      command.addOption(toOption(key, field).helpGroup(heading));
    }
  }
  return command;
}

/** Headings of the flags that most commands share. */
export const DATA_HEADING = 'Data:';
export const PROTOCOL_HEADING = 'Protocol:';
export const OUTPUT_HEADING = 'Output and running:';

/**
 * What the person typed, checked and completed with the schema's defaults. Throws UsageError (exit code 2) naming the
 * flag. `typed` may hold other schemas' fields; they are left alone.
 */
export function readFlags<S extends Schema>(schema: S, typed: Readonly<Typed>): z.output<S> {
  const own = Object.fromEntries(Object.keys(schema.shape).map((key) => [key, typed[key]]));
  const result = schema.safeParse(own);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = String(issue!.path[0] ?? '');
  throw new UsageError({
    place: key === '' ? 'the command line' : flagName(key),
    ...(key !== '' && own[key] === undefined ? { found: 'not given' } : factsOfIssue(issue!, own)),
    remedy: 'See --help.',
  });
}

/** `testShare` to `--test-share`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Does this field hold a whole number? */
export function isWholeNumber(field: Field): boolean {
  const { inner } = unwrap(field);
  return inner instanceof z.ZodNumber && inner.isInt;
}

function toOption(key: string, field: Field): Option {
  const { inner, defaultValue, description, placeholder } = unwrap(field);
  const name = flagName(key);
  const shown = describeDefault(defaultValue);
  if (inner instanceof z.ZodBoolean) {
    return new Option(defaultValue === true ? name.replace('--', '--no-') : name, description);
  }
  if (inner instanceof z.ZodEnum) {
    return new Option(`${name} <${placeholder ?? 'name'}>`, description + shown).choices(
      inner.options.map((choice) => String(choice)),
    );
  }
  if (inner instanceof z.ZodNumber) {
    return new Option(`${name} <${placeholder ?? 'n'}>`, description + shown).argParser(toNumber);
  }
  if (inner instanceof z.ZodArray) {
    const numeric = inner.element instanceof z.ZodNumber;
    return new Option(`${name} <${placeholder ?? 'list'}>`, description + shown).argParser((text) => {
      const parts = text.split(',').map((part) => part.trim());
      return numeric ? parts.map(toNumber) : parts;
    });
  }
  return new Option(`${name} <${placeholder ?? 'text'}>`, description + shown);
}

/** " (default: 5,10)", or nothing for a flag without one, for a boolean and for an empty list. */
function describeDefault(value: unknown): string {
  if (value === undefined || typeof value === 'boolean') return '';
  const shown = Array.isArray(value) ? value.join(',') : JSON.stringify(value).replaceAll('"', '');
  return shown === '' ? '' : ` (default: ${shown})`;
}

function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Strips `.default()`, `.optional()`, `.nullable()` and `.transform()`; what the outermost layer says counts. */
function unwrap(field: Field) {
  let inner = field;
  let defaultValue: unknown;
  let description: string | undefined;
  let placeholder: string | undefined;
  for (;;) {
    const meta = inner.meta();
    description ??= inner.description;
    if (typeof meta?.['placeholder'] === 'string') placeholder ??= meta['placeholder'];
    if (inner instanceof z.ZodDefault) {
      defaultValue ??= inner.def.defaultValue;
      inner = inner.def.innerType as Field;
    } else if (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) {
      inner = inner.def.innerType as Field;
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.def.in as Field;
    } else return { inner, defaultValue, description: description ?? '', placeholder };
  }
}
