/** An experiment as the text of a plan. */
import { stringify } from 'yaml';

/** YAML that `recsys run` reads. Fields without a value and empty sections are left out. */
export function planText(plan: Record<string, unknown>): string {
  const fields = Object.entries(plan).flatMap(([key, value]) => {
    const kept = withoutUndefined(value);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return stringify(Object.fromEntries(fields), { lineWidth: 100, flowCollectionPadding: false });
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).flatMap(([key, own]) => {
    const rest = withoutUndefined(own);
    return rest === undefined ? [] : [[key, rest]];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
