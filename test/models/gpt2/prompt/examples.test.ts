import { beforeAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../../../../src/data/loader.ts';
import { splitRatings } from '../../../../src/data/split.ts';
import { trainingSet, type TrainingSet } from '../../../../src/data/training-set.ts';
import type { Ratings } from '../../../../src/data/dataset.ts';
import { TitleIndex, toNaturalTitle } from '../../../../src/language/titles.ts';
import { parseReply } from '../../../../src/language/reply.ts';
import { type Example } from '../../../../src/models/gpt2/prompt/batch.ts';
import { NO_TARGET } from '../../../../src/models/gpt2/network/token-batch.ts';
import {
  divideUsers,
  chooseTargets,
  promptOf,
  trainingTexts,
} from '../../../../src/models/gpt2/prompt/examples.ts';
import { titleTrie } from '../../../../src/models/gpt2/decoding/list-format.ts';
import { readReply } from '../../../../src/models/gpt2/decoding/replies.ts';
import { bundledTokenizer, type Gpt2Tokenizer } from '../../../../src/huggingface/tokenizer.ts';
import { reasonFor } from '../../../../src/models/gpt2/prompt/genre-reasons.ts';
import { PromptTemplate } from '../../../../src/models/gpt2/prompt/template.ts';
import { Rng } from '../../../../src/util/rng.ts';

const options = { contextLength: 512, listLength: 10, threshold: 4, lossOn: 'answer' as const };

let train: TrainingSet;
let test: Ratings;
let tokenizer: Gpt2Tokenizer;
let template: PromptTemplate;
/** Every twelfth user of the embedded data: 56 users. */
let users: Int32Array;
let texts: Example[];

beforeAll(async () => {
  const dataset = await loadDataset('ml-latest-small-2016');
  const split = splitRatings(
    dataset,
    { kind: 'per-user-random', testShare: 0.2 },
    new Rng(42).derive('split'),
  );
  train = trainingSet(dataset, split.train, split.test);
  test = split.test;
  tokenizer = await bundledTokenizer();
  template = new PromptTemplate(tokenizer, train);
  users = Int32Array.from({ length: 56 }, (_, n) => 12 * n);
  texts = trainingTexts(train, users, 0, template, options, new Rng(1));
});

const textOf = ({ tokens }: Example) => tokenizer.decode(tokens);
const ratedInTrain = (user: number) =>
  train.byUser.indices.subarray(train.byUser.pointers[user], train.byUser.pointers[user + 1]);

describe('a training text', () => {
  it("contains no title of the user's test movies", () => {
    expect(texts).toHaveLength(users.length);
    let checked = 0;
    for (const [n, user] of users.entries()) {
      const text = textOf(texts[n]!);
      const own = [...ratedInTrain(user)].map((item) => toNaturalTitle(train.movies.titles[item]!));
      for (let row = 0; row < test.users.length; row++) {
        if (test.users[row] !== user) continue;
        const title = toNaturalTitle(train.movies.titles[test.items[row]!]!);
        // A title inside a longer one that the user did rate ("Halloween (1978)") proves nothing.
        if (own.some((other) => other.includes(title))) continue;
        expect(text, `user ${train.userIds[user]}`).not.toContain(`, ${title},`);
        expect(text).not.toContain(`. ${title} -`);
        expect(text).not.toContain(`watched ${title},`);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(1000);
  });

  it('asks for movies that the user liked in train and that its history does not tell', () => {
    for (const [n, user] of users.entries()) {
      const [prompt, list] = textOf(texts[n]!).split('Recommendations:\n') as [string, string];
      const reply = parseReply(list.replace('<|endoftext|>', ''));
      expect(reply.state).toBe('answered');
      const titles = reply.state === 'answered' ? reply.entries.map(({ title }) => title) : [];
      expect(new Set(titles).size).toBe(titles.length);
      expect(titles.length).toBeLessThanOrEqual(10);
      const own = [...ratedInTrain(user)].map((item) => toNaturalTitle(train.movies.titles[item]!));
      for (const title of titles) {
        expect(own).toContain(title);
        expect(prompt).not.toContain(` ${title}, rated`);
      }
    }
  });

  it('gives each movie a reason that names genres', () => {
    const all = texts.map(textOf).join('\n');
    expect(all).toMatch(/\n1\. .+ \(\d{4}\) - You rate \w+ and \w+ highly\.\n2\. /);
    expect(reasonFor(['Drama', 'War', 'Comedy'], ['Comedy', 'Horror', 'Drama'])).toBe(
      'You rate Comedy and Drama highly.',
    );
    expect(reasonFor(['War'], ['Comedy'])).toBe('Something new for you: War.');
    expect(reasonFor([], ['Comedy'])).toBe('It fits what you like.');
  });

  it('counts its loss on the list alone, to the end of the text', () => {
    for (const { tokens, targets } of texts) {
      expect(tokens.length).toBeLessThanOrEqual(512);
      const first = targets.findIndex((target) => target !== NO_TARGET);
      expect(tokenizer.decode(tokens.subarray(0, first + 1))).toMatch(/Recommendations:\n$/);
      expect([...targets.subarray(first, -1)]).toEqual([...tokens.subarray(first + 1)]);
    }
  });

  it('holds back other movies in another pass, and the same ones in the same pass', () => {
    const again = trainingTexts(train, users, 0, template, options, new Rng(1));
    const next = trainingTexts(train, users, 1, template, options, new Rng(1));
    expect(again).toEqual(texts);
    expect(next.filter((text, n) => textOf(text) !== textOf(texts[n]!)).length).toBeGreaterThan(50);
  });

  it('fits a short context by telling fewer movies and listing fewer', () => {
    const short = { ...options, contextLength: 100 };
    for (const { tokens } of trainingTexts(train, users, 0, template, short, new Rng(1))) {
      expect(tokens.length).toBeLessThanOrEqual(100);
      expect(tokenizer.decode(tokens)).toContain('Recommendations:\n1.');
    }
  });
});

describe('a prompt', () => {
  it('tells the history and leaves tokens for ten entries', () => {
    const { tokens, history, maxReplyTokens } = promptOf(train, 0, template, options);
    expect(tokens).toEqual(tokenizer.encode(`${history.text}\nRecommendations:\n`));
    expect(history.text).toMatch(/^User 1 has watched .+ \(\d{4}\), rated \d\.\d\/5/);
    expect(maxReplyTokens).toBeGreaterThanOrEqual(240);
    expect(maxReplyTokens).toBe(512 - tokens.length);
  });

  it('says in the history what did not fit', () => {
    const most = Math.max(...Array.from({ length: train.userCount }, (_, user) => ratedInTrain(user).length));
    const user = Array.from({ length: train.userCount }, (_, u) => u).find(
      (u) => ratedInTrain(u).length === most,
    )!;
    const { history, tokens } = promptOf(train, user, template, options);
    expect(tokens.length).toBeLessThanOrEqual(272);
    expect(history.truncatedRatings).toBe(most - history.items.length);
    expect(history.truncatedRatings).toBeGreaterThan(100);
  });
});

describe('what is held back', () => {
  it('is half of the liked movies at most, and never all that a user rated', () => {
    for (const user of users) {
      const rated = ratedInTrain(user).length;
      const held = chooseTargets(train, user, options, new Rng(user))!;
      expect(held.length).toBeGreaterThan(0);
      expect(held.length).toBeLessThanOrEqual(Math.min(10, Math.max(1, rated >> 1)));
    }
  });
});

describe('a reply', () => {
  const grounding = () => ({
    titles: new TitleIndex(train.movies),
    inCatalogue: (item: number) => train.catalogue.includes(item),
    seen: () => false,
  });
  const history = { text: '', items: [], truncatedRatings: 0, genres: ['Action', 'Drama'], tags: [] };
  const items = [1, 40, 300];
  const titles = () => items.map((item) => toNaturalTitle(train.movies.titles[item]!));

  it('under the constraint gives back the movies and reasons that were written', () => {
    const tokens = template.answer(items, history.genres);
    const how = { constrain: 'catalogue', rank: 'generate' } as const;
    const { text, entries } = readReply({ tokens, items }, history, template, grounding(), how);
    expect(text).toBe(tokenizer.decode(tokens.slice(0, -1)));
    expect(entries.map(({ title }) => title)).toEqual(titles());
    expect(entries.map(({ item }) => item)).toEqual(items);
    expect(entries.map(({ reason }) => reason)).toEqual(
      items.map((item) => reasonFor(train.movies.genres[item]!, history.genres)),
    );
  });

  it('ranked by likelihood is put into the same words', () => {
    const how = { constrain: 'catalogue', rank: 'likelihood' } as const;
    const { text, entries } = readReply({ tokens: [], items }, history, template, grounding(), how);
    expect(text).toBe(tokenizer.decode(template.answer(items, history.genres).slice(0, -1)));
    expect(entries.map(({ title }) => title)).toEqual(titles());
  });

  it('in free text is matched to the catalogue', () => {
    const [first] = titles();
    const tokens = tokenizer.encode(
      `1. ${first} - You rate Drama highly.\n2. No Such Film (1901) - x\n3. ${first} - again\n<|endoftext|>4. Heat`,
    );
    const how = { constrain: 'none', rank: 'generate' } as const;
    const { entries } = readReply({ tokens, items: [] }, history, template, grounding(), how);
    expect(entries.map(({ match }) => match).slice(1)).toEqual(['out-of-catalogue', 'repeated']);
    expect(entries.map(({ item }) => item)).toEqual([1, -1, 1]);
  });
});

describe('users', () => {
  it('are divided into two groups that share no user', () => {
    const { training, validation } = divideUsers(train, 0.05, new Rng(3));
    expect(validation).toHaveLength(Math.round(0.05 * train.userCount));
    expect(new Set([...training, ...validation]).size).toBe(train.userCount);
  });
});

describe('the titles of the catalogue', () => {
  it('are all in the tree, each under its own tokens', () => {
    const trie = titleTrie(template);
    expect(trie.count[0]).toBe(train.catalogue.length);
    const nested = trie.items.filter(
      (items, node) => items && trie.firstChild[node]! < trie.firstChild[node + 1]!,
    );
    expect(nested).toEqual([]);
  });
});
