/** Names of movies as keys: two names that are written differently and mean the same have a key in common. */

/** Articles as MovieLens moves them behind a comma, in the languages of its titles. */
const ARTICLES =
  'the a an la le les l el l lo los las il i gli un une una uno der die das den det ein eine de het en et o os as';
const INVERTED_ARTICLE = new RegExp(`^(.+), (${ARTICLES.split(' ').join('|')}|l'|l’)$`, 'iu');

/** "Matrix, The" to "The Matrix". */
export function restoreArticle(name: string): string {
  const match = name.includes(', ') ? INVERTED_ARTICLE.exec(name) : null;
  if (match === null) return name;
  const [, rest, article] = match;
  return /['’]$/u.test(article!) ? `${article}${rest}` : `${article} ${rest}`;
}

/**
 * "Seven (a.k.a. Se7en)" to ["Seven", "Se7en"]: the main name and the others. Brackets that a name begins with belong to
 * it: "(500) Days of Summer" is one name.
 */
export function splitNames(name: string): string[] {
  if (!name.includes('(')) return [name.trim() || name];
  const opened = /^\s*\(([^()]*)\)\s*(?=\S)/u.exec(name);
  const rest = opened ? name.slice(opened[0].length) : name;
  const others = [...rest.matchAll(/\(([^()]*)\)/gu)].map(([, inner]) =>
    inner!.replace(/^a\.?\s?k\.?\s?a\.?\s+/iu, ''),
  );
  const main = rest.replaceAll(/\s*\([^()]*\)/gu, '').trim();
  if (main === '') return [name];
  return [opened ? `${opened[1]} ${main}` : main, ...others];
}

/** "(500) Days of Summer" without the brackets that it begins with. */
export function withoutOpening(name: string): string {
  return name.replace(/^\s*\([^()]*\)\s*(?=\S)/u, '');
}

/** Article first, no accents, lower case, letters and digits with single spaces: "Amélie, Le" is "le amelie". */
export function normalizeName(name: string): string {
  const restored = name.includes(',') ? restoreArticle(collapseBlanks(name)) : name;
  if (PLAIN.test(restored)) return restored.toLowerCase(); // most titles
  const letters = ASCII.test(restored) ? restored : plainLetters(collapseBlanks(restored));
  return letters
    .toLowerCase()
    .replaceAll(/[&+'`]/gu, (char) => (char === '&' || char === '+' ? ' and ' : ''))
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function collapseBlanks(text: string): string {
  return text.trim().replaceAll(/\s+/gu, ' ');
}

/** Needs nothing but small letters. */
const PLAIN = /^[a-z\d]+(?: [a-z\d]+)*$/i;

// oxlint-disable-next-line no-control-regex -- all of ASCII is meant
const ASCII = /^[\0-\x7F]*$/;

function plainLetters(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\p{M}’‘´ʼ]/gu, '')
    .toUpperCase(); // for small letters that share a capital: "ı" and "i", "ß" and "ss"
}

/** Leading articles that may be left out. "Die" and "As" are words as well, so they may not. */
const LOOSE_ARTICLES = new Set('the a an la le les l el lo los las il un une una der das het'.split(' '));

/** What words count as in a loose key; '' for those that may be left out. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ...numberWords('one two three four five six seven eight nine ten eleven twelve thirteen'),
  ...numberWords('i ii iii iv v vi vii viii ix x xi xii xiii'),
  ...['and', 'und', 'n', 'part', 'pt', 'vol', 'volume', 'chapter', 'episode'].map(
    (word) => [word, ''] as const,
  ),
  ['versus', 'vs'],
  ['doctor', 'dr'],
  ['mister', 'mr'],
  ['saint', 'st'],
]);

function numberWords(words: string): (readonly [string, string])[] {
  return words.split(' ').map((word, n) => [word, String(n + 1)]);
}

/** Authors and makers whose name may stand before a title, normalized. Any other owner belongs to it: "Rosemary's Baby". */
const AUTHORS = new RegExp(
  '^(?:(?:william )?shakespeares|bram stokers|mary shelleys|jane austens|charles dickens|agatha christies|stephen kings|' +
    'roald dahls|dr seuss|hg wells|h g wells|jules vernes|clive barkers|george orwells|(?:walt )?disneys|marvels|pixars|' +
    'dreamworks|national lampoons|monty pythons|tyler perrys|lee daniels|wes cravens|john carpenters|tim burtons|' +
    'alfred hitchcocks|federico fellinis|fellinis|quentin tarantinos|guillermo del toros|stanley kubricks|' +
    'francis ford coppolas|steven spielbergs|george lucas|peter jacksons|baz luhrmanns|kenneth branaghs|zack snyders|' +
    'frank millers|michael crichtons|john grishams|tom clancys|dan browns|ian flemings|lemony snickets) (?=.)',
  'u',
);

/** A normalized name without the author that it begins with: "bram stokers dracula" is "dracula". */
export function withoutAuthor(normalized: string): string {
  return normalized.replace(AUTHORS, '');
}

/** A normalized name as it may also be written: without its author, and with "vs" for a "v" between two words. */
export function variantsOf(normalized: string): string[] {
  const named = [...new Set([normalized, withoutAuthor(normalized)])];
  if (!normalized.includes(' v ')) return named;
  return named.flatMap((name) => [name, name.replaceAll(/(?<=\S) v (?=\S)/gu, ' vs ')]);
}

const PART_WORDS = new Set('part pt vol volume chapter episode'.split(' '));
const ONE_LETTER_NUMERALS = new Set('i v x'.split(' '));
const JOINING_WORDS: ReadonlyMap<string, string> = new Map([
  ['und', 'and'],
  ['n', 'and'],
  ['versus', 'vs'],
]);

/**
 * A key under which normalized names are the same, in films of any year, that differ by how a number is written (digits, Roman
 * numerals, words), by "Part", "Episode", "Vol." or "Chapter" before one, by an article where there is a number, or by "&",
 * "und" and "versus". '' for a name that is one word besides its article, as "Seven" and "7" are different films.
 */
export function numeralKey(normalized: string): string {
  const words = normalized.split(' ');
  const numberAt = (n: number) => {
    const word = words[n] ?? '';
    if (n === 0 && ONE_LETTER_NUMERALS.has(word)) return undefined; // "X-Men", "I Am Legend"
    const digits = WORDS.get(word) ?? word;
    return /^\d+$/.test(digits) ? digits : undefined;
  };
  const key = words.flatMap((word, n) => {
    if (PART_WORDS.has(word) && numberAt(n + 1) !== undefined) return [];
    return [numberAt(n) ?? JOINING_WORDS.get(word) ?? word];
  });
  const hasNumber = words.some((_, n) => numberAt(n) !== undefined);
  const bare = hasNumber && LOOSE_ARTICLES.has(key[0]!) ? key.slice(1) : key;
  return bare.length < 2 ? '' : bare.join(' ');
}

/**
 * A key under which names are the same that differ by a leading article, numerals, "Part", "Vol.", "and" or blanks: "The
 * Godfather: Part II" and "Godfather 2" are "godfather2". A first part needs no number. For films of one year only.
 */
function looseKey(name: string): string {
  return loosenName(normalizeName(name));
}

/**
 * The loose key of a part of a title, or of a name that may be one. It keeps a last "1": of films in parts, the first is
 * not the one whose name goes on without a number.
 */
export function partKey(name: string): string {
  return loosenName(normalizeName(name), true);
}

/** The numbers in a name, whether as digits, Roman numerals or words, as digits: "Part II" has 2. */
export function numbersIn(name: string): string[] {
  return normalizeName(name)
    .split(' ')
    .map((word) => WORDS.get(word) ?? word)
    .filter((word) => /^\d+$/.test(word));
}

/** The loose key of a name that is normalized already. */
export function loosenName(normalized: string, keepsOne = false): string {
  if (!normalized.includes(' ')) return WORDS.get(normalized) ?? normalized;
  const words = normalized.split(' ');
  let key = '';
  const first = LOOSE_ARTICLES.has(words[0]!) ? 1 : 0;
  for (let n = first; n < words.length; n++) {
    const word = WORDS.get(words[n]!) ?? words[n]!;
    if (keepsOne || word !== '1' || n === first || n < words.length - 1) key += word;
  }
  return key;
}

/** Parts that name no film by themselves. */
const GENERIC_PART = /^(?:\d*|or|the|movie|film|series|sequel|remake|director.?s cut|special edition)$/iu;

/** A title without its subtitle, and the subtitle: "Star Wars: Episode IV - A New Hope" has three parts. */
export function splitParts(name: string): string[] {
  if (!/[:/.,–—-]|\bor\b/iu.test(name)) return [];
  const restored = restoreArticle(name);
  const acronym = /^((?:\p{L}\.){2,})\s+\S/u.exec(restored)?.[1];
  const parts = restored.split(/:\s+|\s+[-–—]\s+|[:,]?\s+or:?\s+|,\s+or:?\s+|[:,]\s+or$|\s*\/\s+|\s+\/\s*/iu);
  if (parts.length === 1) return acronym === undefined ? [] : [acronym];
  const beginnings = parts.length > 2 ? [parts.slice(0, 2).join(' ')] : [];
  const named = [...parts, ...beginnings].map((part) =>
    part.replace(/^or:?\s+/iu, '').replace(/[:,]?\s+or:?$/iu, ''),
  );
  return [...(acronym === undefined ? [] : [acronym]), ...named].filter(
    (part) => !GENERIC_PART.test(looseKey(part)) && !GENERIC_PART.test(normalizeName(part)),
  );
}
