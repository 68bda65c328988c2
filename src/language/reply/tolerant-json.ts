/**
 * JSON as language models write it, within prose, in a single pass: single, curly or missing quotes, unescaped quotes and
 * line breaks in strings, comments, trailing and missing commas, Python's literals, text that is cut off. Libraries that
 * repair JSON were measured and take quadratic time on cut objects, and complete a title that was cut.
 */

export interface JsonArray {
  kind: 'array';
  items: JsonNode[];
  /** The text ended before its bracket: items after these may be missing. */
  cut?: true;
}

export interface JsonObject {
  kind: 'object';
  /** In the order of the text; a key may come twice. */
  members: [key: string, value: JsonNode][];
  /** The text ended before its bracket: members after these may be missing. */
  cut?: true;
}

export type JsonNode = JsonArray | JsonObject | string | number | boolean | null;

/** An array or object that stands by itself in the text, from `start` to before `end`. */
export interface FoundJson {
  value: JsonArray | JsonObject;
  start: number;
  end: number;
}

/** Deeper brackets are no list of recommendations. */
const MAX_DEPTH = 64;
/** How often a bracket that is never closed may turn out to be prose, after which the text is read again behind it. */
const MAX_RESTARTS = 3;

/**
 * Finds the arrays and objects in a text. Those within one another are one. Of a text that is cut off, members that are
 * whole remain and the last one, which may not be, is dropped. Never throws. Linear in the length of the text.
 */
export function findJson(text: string): FoundJson[] {
  const found: FoundJson[] = [];
  let at = 0;
  let restarts = 0;
  while (at < text.length) {
    const start = nextBracket(text, at);
    if (start < 0) break;
    const reader = new Reader(text, start);
    const values = reader.read();
    if (values.length === 0) {
      const unclosed = reader.at >= text.length;
      if (unclosed && ++restarts > MAX_RESTARTS) break;
      at = unclosed || reader.at <= start ? start + 1 : reader.at;
      continue;
    }
    for (const value of values) found.push({ value, start, end: reader.at });
    at = reader.at;
  }
  return found;
}

const OPENING_BRACKET =
  /\[(?=\s*(?:[[{\]"'“‘`/#\d-]|true|false|null|None)|\s*$)|\{(?=\s*(?:["'“‘`}/#]|[\p{L}_][\w-]{0,40}\s*:|$))/gu;

/** A bracket that may begin JSON: what follows it could. "[Rocky]" and "{braces}" are prose. */
function nextBracket(text: string, from: number): number {
  OPENING_BRACKET.lastIndex = from;
  return OPENING_BRACKET.exec(text)?.index ?? -1;
}

interface Open {
  node: JsonArray | JsonObject;
  /** The key that waits for its value. */
  key?: string;
}

/** The quotes that end a string begun with a quote. */
const CLOSING_QUOTES: Readonly<Record<string, string>> = {
  '"': '"”',
  '“': '”"',
  '”': '”"',
  "'": "'’",
  '‘': "’'",
  '’': "’'",
  '`': '`',
};

/** What a string is searched for, by the quotes that end it. */
const STOPS: Readonly<Record<string, RegExp>> = Object.fromEntries(
  Object.values(CLOSING_QUOTES).map((closing) => [closing, new RegExp(`[${closing}\\\\{]`, 'gu')]),
);

class Reader {
  at: number;
  readonly #text: string;
  readonly #open: Open[] = [];
  readonly #done: (JsonArray | JsonObject)[] = [];

  constructor(text: string, start: number) {
    this.#text = text;
    this.at = start;
  }

  /** Reads until the first bracket is closed, the text ends, or what comes cannot be JSON. */
  read(): (JsonArray | JsonObject)[] {
    this.#begin();
    while (this.#open.length > 0 && this.at < this.#text.length) {
      if (this.#open.length > MAX_DEPTH) return [];
      this.#skipBlanks();
      const char = this.#text[this.at];
      if (char === undefined) break;
      const top = this.#open.at(-1);
      if (char === ',') this.at++;
      else if (char === ']' || char === '}') this.#end(char);
      else if (top?.node.kind === 'object' && top.key === undefined) this.#readKey(char, top);
      else this.#readValue(char);
    }
    this.#cutOff();
    return this.#done;
  }

  #begin(): void {
    const node: JsonNode =
      this.#text[this.at] === '[' ? { kind: 'array', items: [] } : { kind: 'object', members: [] };
    this.at++;
    this.#open.push({ node });
  }

  /** Closes the innermost bracket of the character's kind, and those within it, which lack theirs. */
  #end(char: ']' | '}'): void {
    this.at++;
    const kind = char === ']' ? 'array' : 'object';
    if (!this.#open.some(({ node }) => node.kind === kind)) return;
    for (;;) {
      const closed = this.#close();
      if (closed === undefined || closed.kind === kind) return;
    }
  }

  #close(): JsonArray | JsonObject | undefined {
    const closed = this.#open.pop()?.node;
    if (closed !== undefined) this.#put(closed);
    return closed;
  }

  #put(value: JsonNode): void {
    const top = this.#open.at(-1);
    if (top === undefined) {
      if (typeof value === 'object' && value !== null) this.#done.push(value);
    } else if (top.node.kind === 'array') top.node.items.push(value);
    else if (top.key !== undefined) {
      top.node.members.push([top.key, value]);
      delete top.key;
    }
  }

  /** The text is at its end: what is open is closed as it stands, without a key that has no value. */
  #cutOff(): void {
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      delete top.key;
      top.node.cut = true;
      if (size(top.node) > 0) this.#close();
      else this.#open.pop();
    }
  }

  #readKey(char: string, top: Open): void {
    if (char === '{') {
      this.#close(); // the object before lacks its bracket
      if (this.#open.length > 0) return;
      this.#begin();
      return;
    }
    if (char in CLOSING_QUOTES) {
      const key = this.#readString(char, ':');
      if (key !== undefined) this.#setKey(top, key);
      return;
    }
    const bare = this.#match(/[\p{L}\p{N}_$][\p{L}\p{N}_$. -]{0,60}(?=\s*:)/uy);
    if (bare !== undefined) this.#setKey(top, bare.trim());
    else this.at++;
  }

  #setKey(top: Open, key: string): void {
    this.#skipBlanks();
    if (this.#text[this.at] === ':') this.at++;
    top.key = key;
  }

  #readValue(char: string): void {
    if (char === '[' || char === '{') return this.#begin();
    if (char in CLOSING_QUOTES) {
      const text = this.#readString(char, '');
      if (text !== undefined) this.#put(text);
      return;
    }
    const inObject = this.#open.at(-1)?.node.kind === 'object';
    const bare = this.#match(inObject ? BARE_IN_OBJECT : BARE_IN_ARRAY);
    if (bare === undefined || bare === '') this.at++;
    else if (this.at < this.#text.length) this.#put(scalarOf(bare.trim()));
    else delete this.#open.at(-1)!.key; // it may go on
  }

  /**
   * A string up to the closing quote, which is followed by what may follow it: `after` for a key, else a comma or a
   * bracket. Other quotes are part of the string. Undefined when the text ends before it.
   */
  #readString(quote: string, after: string): string | undefined {
    const closing = CLOSING_QUOTES[quote]!;
    const text = this.#text;
    let value = '';
    let from = this.at + 1;
    const stops = STOPS[closing]!;
    for (let i = from; i < text.length; i++) {
      stops.lastIndex = i;
      if (!stops.test(text)) break;
      i = stops.lastIndex - 1;
      const char = text[i]!;
      if (char === '\\') {
        const [escaped, length] = unescape(text, i);
        value += text.slice(from, i) + escaped;
        i += length - 1;
        from = i + 1;
      } else if (closing.includes(char) && this.#endsString(i + 1, after)) {
        this.at = i + 1;
        return value + text.slice(from, i);
      } else if (char === '{' && this.#beginsObject(i)) {
        this.at = i; // the string was cut, and the next object begins
        this.#dropMember();
        return undefined;
      }
    }
    this.at = text.length;
    this.#dropMember();
    return undefined;
  }

  #endsString(at: number, after: string): boolean {
    const next = this.#skipFrom(at);
    const char = this.#text[next];
    if (char === undefined) return true;
    if (after !== '') return char === after;
    if (char === ']' || char === '}') return true;
    if (char === '{') return this.#beginsObject(next);
    if (char === '/' || char === '#') return next > at;
    if (char === ',') {
      const follower = this.#text[this.#skipFrom(next + 1)];
      return (
        follower === undefined || (/["'“‘`{[\]}\d/#\p{L}_-]/u.test(follower) && this.#continues(next + 1))
      );
    }
    return /["'“‘]/u.test(char) && next > at && this.#text.slice(at, next).includes('\n');
  }

  /** Does a key (in an object) or a value (in an array) follow? A comma behind a quote may be prose. */
  #continues(at: number): boolean {
    const next = this.#skipFrom(at);
    const inObject = this.#open.at(-1)?.node.kind === 'object';
    const char = this.#text[next]!;
    if (/[{[\]}/#]/u.test(char)) return true;
    if (!inObject)
      return /["'“‘`\d-]/u.test(char) || /^(?:true|false|null|None)/u.test(this.#text.slice(next, next + 5));
    if (char in CLOSING_QUOTES) {
      const ahead = this.#text.slice(next, next + 72);
      return /^.[^"'”’`\n]{0,60}(?:["'”’`]\s{0,8}:|$)/u.test(ahead) && !/^.[^"'”’`\n]{61}/u.test(ahead);
    }
    return /^[\p{L}_][\w-]{0,40}\s{0,8}:/u.test(this.#text.slice(next, next + 52));
  }

  #beginsObject(at: number): boolean {
    return /^\{\s{0,8}"(?:title|movie|name|number|film)"\s{0,8}:/iu.test(this.#text.slice(at, at + 32));
  }

  #dropMember(): void {
    const top = this.#open.at(-1);
    if (top?.node.kind !== 'object') return;
    this.#open.pop();
    const parent = this.#open.at(-1);
    if (parent?.node.kind === 'object') delete parent.key;
    else if (parent === undefined && this.at < this.#text.length)
      this.#open.push({ node: { kind: 'array', items: [] } });
  }

  #skipBlanks(): void {
    this.at = this.#skipFrom(this.at);
  }

  /** Past blanks and comments. */
  #skipFrom(from: number): number {
    const code = this.#text.charCodeAt(from);
    if (code > 0x20 && code < 0x80 && code !== 0x23 && code !== 0x2f) return from; // no blank, "#" or "/"
    blanks.lastIndex = from;
    return blanks.test(this.#text) ? blanks.lastIndex : from;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.at += match.length;
    return match;
  }
}

/** Comments are bounded, so that a lookahead is. */
const blanks = /(?:[\s\uFEFF]|\/\/[^\n]{0,500}(?:\n|$)|\/\*[^]{0,1000}?\*\/|#[^\n]{0,500}\n)+/uy;
const BARE_IN_ARRAY = /[^,\]}\n"{[]+/uy;
/** Up to a line's end, a bracket, or a comma that another key follows. */
const BARE_IN_OBJECT = /(?:[^,\]}\n{[]|,(?!\s{0,8}["'“]?[\p{L}_][\w-]{0,40}["'”]?\s{0,8}:))+/uy;

function size(node: JsonArray | JsonObject): number {
  return node.kind === 'array' ? node.items.length : node.members.length;
}

function scalarOf(text: string): JsonNode {
  if (/^-?\d+(?:\.\d+)?$/u.test(text)) return Number(text);
  if (/^true$/iu.test(text)) return true;
  if (/^false$/iu.test(text)) return false;
  return /^(?:null|none|undefined|nan)$/iu.test(text) ? null : text;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** The character that the escape at `at` stands for, and the length of the escape. */
function unescape(text: string, at: number): [string, number] {
  const char = text[at + 1] ?? '';
  const code = char === 'u' ? /^[0-9a-f]{4}/iu.exec(text.slice(at + 2, at + 6))?.[0] : undefined;
  if (code !== undefined) return [String.fromCharCode(Number.parseInt(code, 16)), 6];
  return [escapes[char] ?? char, 2];
}
