/** Keys of the table of metrics, by kind, and how a value of each is written. */
import { metrics, type MetricEntry } from './metric-table.ts';

type Table = typeof metrics;
export type MetricKey = keyof Table;
type KeyOfKind<Kind extends MetricEntry['kind']> = {
  [Key in MetricKey]: Table[Key]['kind'] extends Kind ? Key : never;
}[MetricKey];

/** Metrics with one value per user. */
export type UserMetric = KeyOfKind<'user'>;
/** Functions of the means of user metrics. */
export type MeansMetric = KeyOfKind<'means'>;
/** Metrics of where the hits are: means over users with an interval. All follow from a record's hit ranks. */
export type RankingMetric = UserMetric | MeansMetric;
/** Metrics of what is recommended, hit or not: one number without an interval, for the users of one record. */
export type ListMetric = KeyOfKind<'list' | 'catalogue'>;

function keysOf<Kind extends MetricEntry['kind']>(...kinds: Kind[]): readonly KeyOfKind<Kind>[] {
  const wanted: readonly string[] = kinds;
  return (Object.keys(metrics) as MetricKey[]).filter((key): key is KeyOfKind<Kind> =>
    wanted.includes(metrics[key].kind),
  );
}

/** In the table's order. */
export const metricKeys = keysOf('user', 'means', 'list', 'catalogue');
export const userMetrics = keysOf('user');
export const meansMetrics = keysOf('means');
export const rankingMetrics = keysOf('user', 'means');
export const listMetrics = keysOf('list', 'catalogue');
export const perListMetrics = keysOf('list');

/** The table's entry, as its kind has it. */
export function metricOf(key: UserMetric): Extract<MetricEntry, { kind: 'user' }>;
export function metricOf(key: MeansMetric): Extract<MetricEntry, { kind: 'means' }>;
export function metricOf(key: KeyOfKind<'list'>): Extract<MetricEntry, { kind: 'list' }>;
export function metricOf(key: MetricKey): MetricEntry;
export function metricOf(key: MetricKey): MetricEntry {
  return metrics[key];
}

/** A record of one value per key, in the table's order. */
export function byKey<Key extends string, Value>(
  keys: readonly Key[],
  valueOf: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)])) as Record<Key, Value>;
}

/** "0.1856", "5.4%", "3.1"; a dash where there is no value. */
export function formatMetric(key: MetricKey, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const { format } = metrics[key];
  if (format === 'share') return `${(100 * value).toFixed(1)}%`;
  return value.toFixed(format === 'bits' ? 1 : 4);
}
