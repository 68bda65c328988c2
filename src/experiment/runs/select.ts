/** Choosing, ordering and comparing runs. */
import { UsageError } from '../../util/errors.ts';
import { nearestName } from '../../util/nearest.ts';
import type { Run, RunValue } from './list.ts';

type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

/** One condition, such as `factors>=64`. */
const CONDITION = /^\s*([\w.]+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*$/;

const compares: Record<Operator, (a: RunValue, b: RunValue) => boolean> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => isOrdered(a, b) && a! > b!,
  '>=': (a, b) => isOrdered(a, b) && a! >= b!,
  '<': (a, b) => isOrdered(a, b) && a! < b!,
  '<=': (a, b) => isOrdered(a, b) && a! <= b!,
};

function isOrdered(a: RunValue, b: RunValue): boolean {
  return a !== undefined && typeof a === typeof b;
}

/**
 * The runs that meet every condition: `model=mf`, `factors>=64`, `f1>0.18`. Text is compared as a whole, upper case
 * counts. A run without a value meets only `!=`. Throws UsageError for a condition that cannot be read and for a name
 * that no run has.
 */
export function filterRuns(runs: readonly Run[], conditions: readonly string[]): Run[] {
  const tests = conditions.map((text) => {
    const [, key, operator, typed] = CONDITION.exec(text) ?? [];
    if (key === undefined || operator === undefined || typed === undefined) {
      throw new UsageError({
        place: '--where',
        found: `'${text}'`,
        wanted: 'NAME=VALUE, or with != > >= < <=',
      });
    }
    requireKey(runs, key, '--where');
    return ({ values }: Run) => {
      const value = values[key];
      return compares[operator as Operator](value, typeof value === 'string' ? typed : parseValue(typed));
    };
  });
  return runs.filter((run) => tests.every((test) => test(run)));
}

function parseValue(text: string): RunValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/**
 * By a value: numbers and dates with the highest first, other text from A to Z; runs without it last, equal ones as they
 * were. Throws UsageError for a name that no run has.
 */
export function sortRuns(runs: readonly Run[], key: string, reverse = false): Run[] {
  requireKey(runs, key, '--sort');
  const direction = reverse ? -1 : 1;
  return runs.toSorted(({ values: a }, { values: b }) => {
    const [left, right] = [a[key], b[key]];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    if (left === right) return 0;
    const descending = typeof left === 'number' || key === 'date';
    return direction * (left < right === descending ? 1 : -1);
  });
}

/** Throws UsageError blaming `flag`, with the nearest name, when no run has a value of this name. */
export function requireKey(runs: readonly Run[], key: string, flag: string): void {
  const known = [...new Set(runs.flatMap(({ values }) => Object.keys(values)))];
  if (runs.length === 0 || known.includes(key)) return;
  const near = nearestName(key, known);
  throw new UsageError({
    place: flag,
    found: `'${key}'`,
    wanted: known.join(', '),
    ...(near !== undefined && { remedy: `Did you mean '${near}'?` }),
  });
}

/** Names of the values that are not the same in all runs, in their order; name, file and when it was made left out. */
export function differingKeys(runs: readonly Run[]): string[] {
  const keys = new Set(runs.flatMap(({ values }) => Object.keys(values)));
  const left = new Set(['name', 'file', 'experiment', 'date', 'fitSeconds', 'recommendSeconds']);
  return [...keys].filter((key) => !left.has(key) && new Set(runs.map(({ values }) => values[key])).size > 1);
}
