/** The models of all records: each once, under a name that tells it apart. */
import type { Id } from '../../data/dataset.ts';
import type { AnyRecord, ModelResult } from '../record.ts';
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
 * hit the same on the users that they share, the one with more users stays.
 */
export function collectModels(records: readonly RecordFile[]): RecordedModel[] {
  const kept: RecordedModel[] = [];
  for (const { file, record, saved } of records) {
    for (const result of record.models) {
      const lists = saved.get(result.name) ?? new Map<Id, SavedUser>();
      const model = { name: result.name, file, result, record, lists };
      const twin = kept.findIndex((other) => haveSameHits(other.result, result));
      if (twin < 0) kept.push(model);
      else if (result.users.evaluated > kept[twin]!.result.users.evaluated) kept[twin] = model;
    }
  }
  return withUniqueNames(kept);
}

function haveSameHits(a: ModelResult, b: ModelResult): boolean {
  if (a.name !== b.name || a.model !== b.model) return false;
  const common = commonUsers([a.perUser, b.perUser]);
  const hits = ({ perUser }: ModelResult) => JSON.stringify(restrict(perUser, common).hitRanks);
  return common.length > 0 && hits(a) === hits(b);
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
