/** Recommendations in the JSON of a reply: which of its lists is the answer, and what its entries say. */
import type { Entry } from '../grounding.ts';
import { YEAR, yearInBrackets } from '../titles/year.ts';
import { readLineEntries } from './line-entries.ts';
import { findJson, type FoundJson, type JsonArray, type JsonNode, type JsonObject } from './tolerant-json.ts';

/** What the JSON in a reply says. `weak`: entries that are mere strings or numbers in a bracket that may be prose. */
export interface JsonAnswer {
  entries: Entry[];
  weak: boolean;
  /** A list of recommendations without any. */
  emptyList: boolean;
}

/** Keys by what they say, in order of preference; compared in lower case without what is no letter or digit. */
const TITLE_KEYS = [
  'title',
  'movietitle',
  'filmtitle',
  'moviename',
  'filmname',
  'movie',
  'film',
  'name',
  'recommendation',
];
const REASON_KEYS = [
  'reason',
  'explanation',
  'why',
  'description',
  'justification',
  'rationale',
  'reasoning',
  'because',
];
const NUMBER_KEYS = ['number', 'candidate', 'candidatenumber', 'id', 'index', 'no'];
const YEAR_KEY = /year|^yr$|releas|premier|^date$/u;

const ANSWER_KEY = /recommend|suggest/u;
/** Lists of other movies than those that are recommended. */
const OTHER_KEY =
  /watch|histor|seen|liked|rated|input|similar|because|basedon|exclud|avoid|analy|genre|favou?rite|profile/u;

/**
 * Reads the answer out of the JSON in a text: the list under a key such as `recommendations`, else the first list whose
 * entries have titles, else single objects with titles, else strings. Undefined when there is none.
 */
export function readJsonAnswer(text: string, depth = 0): JsonAnswer | undefined {
  const found = findJson(text);
  const roots = found.map(({ value }) => value);
  const lists = roots.flatMap((root) => collectLists(root, ''));
  const answer = lists.find(({ key }) => ANSWER_KEY.test(key) && !OTHER_KEY.test(key));
  if (answer !== undefined) {
    const entries = entriesIn(answer.value, true);
    if (entries.length > 0 || isEmpty(answer.value))
      return { entries, weak: false, emptyList: entries.length === 0 };
  }
  const lines = roots.flatMap((root) => (root.kind === 'object' ? readLinesUnder(root) : []));
  if (lines.length > 0) return { entries: lines, weak: false, emptyList: false };
  const own = lists.filter(({ key }) => !OTHER_KEY.test(key));
  for (const { value } of own) {
    const entries = entriesIn(value, false);
    if (entries.length > 0) return { entries, weak: false, emptyList: false };
  }
  const single = roots.flatMap((root) => (root.kind === 'object' ? (entryOf(root) ?? []) : []));
  if (single.length > 0) return { entries: single, weak: false, emptyList: false };
  return readStrings(text, found) ?? readQuotedJson(text, depth);
}

/** A list in lines as the value of a key such as `recommendations`. */
function readLinesUnder(root: JsonObject): Entry[] {
  for (const [key, value] of fieldsOf(root))
    if (typeof value === 'string' && ANSWER_KEY.test(key) && !TITLE_KEYS.includes(key))
      return readLineEntries(value);
  return [];
}

interface NamedList {
  key: string;
  value: JsonArray | JsonObject;
}

/** Every array, and every object below a key, in the order of the text; not what belongs to an entry with a title. */
function collectLists(root: JsonArray | JsonObject, rootKey: string): NamedList[] {
  const lists: NamedList[] = [];
  const visit = (value: JsonNode, key: string) => {
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'string' && /^\s*[[{]/u.test(value))
        findJson(value).forEach((inner) => visit(inner.value, key));
      return;
    }
    if (value.kind === 'object' && isTitled(value)) return;
    if (value.kind === 'array' || key !== '') lists.push({ key, value });
    if (value.kind === 'array') for (const item of value.items) visit(item, key);
    else for (const [name, inner] of value.members) visit(inner, plainKey(name));
  };
  visit(root, rootKey);
  return lists;
}

/** The entries of a list; `named` says that its key makes it the answer, so that mere strings are titles. */
function entriesIn(value: JsonArray | JsonObject, named: boolean): Entry[] {
  const titled =
    value.kind === 'object' && isTitled(value)
      ? [entryOf(value) ?? []].flat()
      : descend(value, entryOfObject);
  if (titled.length > 0 || !named) return titled;
  return stringEntries(value);
}

function descend(value: JsonArray | JsonObject, read: (value: JsonObject) => Entry | undefined): Entry[] {
  const children = value.kind === 'array' ? value.items : value.members.map(([, inner]) => inner);
  const entries: Entry[] = [];
  for (const child of children) {
    if (typeof child === 'number' && value.kind === 'array') continue;
    if (typeof child !== 'object' || child === null) continue;
    const entry = child.kind === 'object' ? read(child) : undefined;
    if (entry !== undefined) entries.push(entry);
    else if (child.kind === 'array' || !isTitled(child)) entries.push(...descend(child, read));
  }
  if (entries.length === 0 || value.kind !== 'array') return entries;
  return withNumbers(value, entries, read);
}

/** A list may mix objects with mere numbers of candidates and titles: all in their order. */
function withNumbers(
  list: JsonArray,
  entries: Entry[],
  read: (value: JsonObject) => Entry | undefined,
): Entry[] {
  if (!list.items.some((item) => typeof item === 'number' || typeof item === 'string')) return entries;
  return list.items.flatMap((item) => {
    if (typeof item === 'object' && item !== null) return item.kind === 'object' ? (read(item) ?? []) : [];
    return scalarEntry(item) ?? [];
  });
}

const entryOfObject = (value: JsonObject) => entryOf(value);

/** Titles as strings: in an array, as values of numbered keys, or as keys whose values are the reasons. */
function stringEntries(value: JsonArray | JsonObject): Entry[] {
  if (value.kind === 'array') return value.items.flatMap((item) => scalarEntry(item) ?? rowEntry(item) ?? []);
  const byKey = value.members.flatMap(([key, inner]): Entry[] => {
    if (yearInBrackets(key) !== undefined)
      return [{ title: key.trim(), reason: typeof inner === 'string' ? inner.trim() : '' }];
    const numbered = /^\D{0,16}\d{1,3}$/u.test(key.trim());
    return numbered ? [scalarEntry(inner) ?? rowEntry(inner) ?? []].flat() : [];
  });
  if (byKey.length > 0) return byKey;
  return value.members.flatMap(([, inner]) => (isNode(inner) ? stringEntries(inner) : []));
}

function scalarEntry(item: JsonNode): Entry | undefined {
  if (typeof item === 'string') return item.trim() === '' ? undefined : { title: item.trim(), reason: '' };
  if (typeof item === 'number' && Number.isInteger(item)) return { title: '', reason: '', candidate: item };
  return undefined;
}

/** A row such as ["The Matrix (1999)", "why"] or [3, "The Matrix (1999)", "why"]; rows of titles alone are flat. */
function rowEntry(item: JsonNode): Entry | Entry[] | undefined {
  if (!isNode(item) || item.kind !== 'array' || item.cut) return undefined;
  const texts = item.items.filter((inner) => typeof inner === 'string');
  const [title, reason = ''] = texts;
  if (title === undefined) return undefined;
  if (texts.length > 1 && texts.every((text) => yearInBrackets(text) !== undefined))
    return texts.map((text) => ({ title: text.trim(), reason: '' }));
  const year = item.items.find((inner) => typeof inner === 'number' && YEAR.test(String(inner)));
  return { title: appendYear(title.trim(), year), reason: reason.trim() };
}

/** Characters beside a bracket that tell whether it has its lines for itself. */
const BRACKET_MARGIN_LENGTH = 40;

/** Mere strings and numbers: a whole reply, or lines of their own, as an array or as an object with numbered keys. */
function readStrings(text: string, found: readonly FoundJson[]): JsonAnswer | undefined {
  for (const { value, start, end } of found) {
    const entries = stringEntries(value);
    const before = text.slice(Math.max(0, start - BRACKET_MARGIN_LENGTH), start);
    const after = text.slice(end, end + BRACKET_MARGIN_LENGTH);
    const alone = /(?:^|\n)[ \t`]*(?:json)?[ \t]*$/iu.test(before) && /^[ \t`.,;]*(?:\n|$)/u.test(after);
    if (alone && isEmpty(value)) return { entries: [], weak: false, emptyList: true };
    if (entries.length > 0) return { entries, weak: !alone, emptyList: false };
    if (alone && value.kind === 'object' && value.members.length === 1) {
      const [[, only]] = value.members as [[string, JsonNode]];
      if (isNode(only) && isEmpty(only)) return { entries: [], weak: false, emptyList: true };
    }
  }
  return undefined;
}

/** JSON within a JSON string, with or without its quotes. */
function readQuotedJson(text: string, depth: number): JsonAnswer | undefined {
  if (depth > 1 || !/[[{]\s*\\+"/u.test(text)) return undefined;
  return readJsonAnswer(text.replaceAll(/\\+(["'])/gu, '$1').replaceAll(/\\+n/gu, '\n'), depth + 1);
}

function entryOf(value: JsonObject): Entry | undefined {
  const title = titleOf(value);
  const number = numberOf(field(value, NUMBER_KEYS));
  if (value.cut) return undefined;
  if (title === undefined && (number === undefined || value.members.length > 6)) return undefined;
  const reason = field(value, REASON_KEYS);
  return {
    title: title ?? '',
    reason: typeof reason === 'string' ? reason.trim() : '',
    ...(number !== undefined && { candidate: number }),
  };
}

/** The title with the year of a field of its own. */
function titleOf(value: JsonObject): string | undefined {
  const title = field(value, TITLE_KEYS);
  const year = yearFieldOf(value);
  if (typeof title === 'string') return title.trim() === '' ? undefined : appendYear(title.trim(), year);
  if (isNode(title) && title.kind === 'object') {
    const inner = titleOf(title);
    return inner === undefined ? undefined : appendYear(inner, year);
  }
  return undefined;
}

/** The value of a field that gives the year, also of one in an object below, such as "details". */
function yearFieldOf(value: JsonObject): JsonNode | undefined {
  const fields = [...fieldsOf(value)];
  const own = fields.find(([key, inner]) => YEAR_KEY.test(key) && !isNode(inner));
  if (own !== undefined) return own[1];
  for (const [, inner] of fields) {
    if (!isNode(inner) || inner.kind !== 'object' || isTitled(inner)) continue;
    const below = [...fieldsOf(inner)].find(([key]) => YEAR_KEY.test(key));
    if (below !== undefined) return below[1];
  }
  return undefined;
}

function appendYear(title: string, year: JsonNode | undefined): string {
  if (yearInBrackets(title) !== undefined) return title;
  const written =
    typeof year === 'number' || typeof year === 'string' ? YEAR.exec(String(year))?.[0] : undefined;
  return written === undefined ? title : `${title} (${written})`;
}

function numberOf(value: JsonNode | undefined): number | undefined {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : '';
  return /^#?\d{1,9}\.?$/u.test(text) ? Number.parseInt(text.replace('#', ''), 10) : undefined;
}

/** A call of a function has a name as well, which is none of a film. */
function isTitled(value: JsonObject): boolean {
  if (field(value, ['arguments', 'parameters']) !== undefined) return false;
  return field(value, TITLE_KEYS) !== undefined && titleOf(value) !== undefined;
}

function field(value: JsonObject, keys: readonly string[]): JsonNode | undefined {
  const fields = fieldsOf(value);
  for (const key of keys) {
    const found = fields.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

const NO_FIELDS: ReadonlyMap<string, JsonNode> = new Map();
const fieldsByObject = new WeakMap<JsonObject, Map<string, JsonNode>>();

/** The members under their plain keys; of several under one key, the first that is not null. */
function fieldsOf(value: JsonObject): ReadonlyMap<string, JsonNode> {
  if (value.members.length === 0) return NO_FIELDS;
  let fields = fieldsByObject.get(value);
  if (fields === undefined) {
    fields = new Map();
    for (const [name, inner] of value.members) {
      const key = plainKey(name);
      if (inner !== null && !fields.has(key)) fields.set(key, inner);
    }
    fieldsByObject.set(value, fields);
  }
  return fields;
}

function plainKey(key: string): string {
  return /^[a-z0-9]*$/u.test(key) ? key : key.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '');
}

function isNode(value: JsonNode | undefined): value is JsonArray | JsonObject {
  return typeof value === 'object' && value !== null;
}

function isEmpty(value: JsonArray | JsonObject): boolean {
  return (value.kind === 'array' ? value.items : value.members).length === 0;
}
