/** The models of all records: each once, under a name that tells it apart. */
import { isDeepStrictEqual } from 'node:util';
import type { Id } from '../../data/dataset.ts';
import type { AnyRecord, ModelResult } from '../record.ts';
import { perUserOfSeeds } from '../seeds/combine.ts';
import type { RecordFile } from './files.ts';
import { commonUsers, restrict } from './populations.ts';
import type { SavedUser } from './saved-lists.ts';

export interface RecordedModel {
  name: string;
  file: string;
  result: ModelResult;
  /** The record it is from. */
  record: AnyRecord;
  /** Its lists by user, where they were saved. */
  lists: ReadonlyMap<Id, SavedUser>;
}

/** Hyper-parameters that a name may list; two settings that differ in more are told apart by their files as well. */
const MAX_NAMED_OPTIONS = 3;

/**
 * Each result once, under a name of its own. Two records may hold the same model, one of them on fewer users: where both
 * have the same settings and hit the same on the users that they share, the one with more users stays.
 */
export function collectModels(records: readonly RecordFile[]): RecordedModel[] {
  const kept: RecordedModel[] = [];
  for (const { file, record, saved } of records) {
    for (const result of record.models) {
      const lists = saved.get(result.name) ?? new Map<Id, SavedUser>();
      const model = { name: result.name, file, result, record, lists };
      const twin = kept.findIndex((other) => isSameModel(other.result, result));
      if (twin < 0) kept.push(model);
      else if (result.users.evaluated > kept[twin]!.result.users.evaluated) kept[twin] = model;
    }
  }
  return withUniqueNames(kept);
}

/** Hits alone do not tell: two models without a hit on a few users have the same. */
function isSameModel(a: ModelResult, b: ModelResult): boolean {
  return a.name === b.name && a.model === b.model && haveSameSettings(a, b) && haveSameHits(a, b);
}

/** Older records lack some hyper-parameters: those that both have count. */
function haveSameSettings({ hyperparameters: a }: ModelResult, { hyperparameters: b }: ModelResult): boolean {
  return Object.keys(a).every((key) => !(key in b) || isDeepStrictEqual(a[key], b[key]));
}

/** With every seed, on the users that both were evaluated on with it. */
function haveSameHits(a: ModelResult, b: ModelResult): boolean {
  const others = perUserOfSeeds(b);
  return perUserOfSeeds(a).every((own, n) => {
    const common = commonUsers([own, others[n]!]);
    const [hitsOfA, hitsOfB] = [own, others[n]!].map((perUser) => restrict(perUser, common).hitRanks);
    return common.length > 0 && isDeepStrictEqual(hitsOfA, hitsOfB);
  });
}

type Named = Pick<RecordedModel, 'name' | 'file'> & { result: Pick<ModelResult, 'hyperparameters'> };

/** "mf (factors 32)" and "mf (factors 64)"; by their files where the hyper-parameters tell nothing. */
export function withUniqueNames<Row extends Named>(recorded: readonly Row[]): Row[] {
  return recorded.map((model) => {
    const sharing = recorded.filter(({ name }) => name === model.name);
    if (sharing.length === 1) return model;
    const options = differingOptions(sharing);
    const setting = options.map((key) => describeOption(key, model.result.hyperparameters[key]));
    const isUnique = (text: string) =>
      sharing.filter(
        (other) =>
          options.map((key) => describeOption(key, other.result.hyperparameters[key])).join(', ') === text,
      ).length === 1;
    const named = setting.slice(0, MAX_NAMED_OPTIONS);
    const complete = named.length === setting.length && isUnique(setting.join(', '));
    const parts = complete ? named : [...named, model.file.replace(/[.]json$/, '')];
    return { ...model, name: `${model.name} (${parts.join(', ')})` };
  });
}

/** Keys whose values are not the same in all of the models, in the order of the record. */
function differingOptions(recorded: readonly Named[]): string[] {
  const keys = new Set(recorded.flatMap(({ result }) => Object.keys(result.hyperparameters)));
  return [...keys].filter((key) => {
    const values = recorded.map(({ result }) => JSON.stringify(result.hyperparameters[key]));
    return new Set(values).size > 1;
  });
}

/** "learning rate 0.05": the option's name as its flag has it, without hyphens. */
function describeOption(key: string, value: unknown): string {
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if (value === undefined) return `${words} not recorded`;
  return `${words} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
