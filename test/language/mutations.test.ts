/** Replies of the committed record, changed at random: nothing throws, and a written year decides. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Movies } from '../../src/data/dataset.ts';
import { loadDataset } from '../../src/data/loader.ts';
import { splitYear } from '../../src/data/titles.ts';
import { ground, matchClasses } from '../../src/language/grounding.ts';
import { parseReply } from '../../src/language/reply.ts';
import { TitleIndex, toNaturalTitle } from '../../src/language/titles.ts';
import { languageRecordSchema } from '../../src/experiment/record.ts';
import { readRecord } from '../../src/experiment/store.ts';
import { mutationRuns } from '../support/mutations.ts';

const numRuns = mutationRuns(200);

let movies: Movies;
let index: TitleIndex;
let replies: string[];
beforeAll(async () => {
  ({ movies } = await loadDataset('ml-latest-small-2016'));
  index = new TitleIndex(movies);
  const record = await readRecord('results/gpt2_recommendations.json', languageRecordSchema);
  replies = record.language.users.flatMap(({ reply, recommendations }) => [
    reply,
    JSON.stringify({ recommendations: recommendations.map(({ text, reason }) => ({ title: text, reason })) }),
  ]);
});

/** Ways to write a name with a year. */
const dresses: readonly ((name: string, year: number) => string)[] = [
  (name, year) => `${name} (${year})`,
  (name, year) => `**${name} (${year})**`,
  (name, year) => `**${name}** (${year})`,
  (name, year) => `${name} (${year}).`,
  (name, year) => `${name} (${year} film)`,
  (name, year) => `${name} (USA, ${year})`,
  (name, year) => `${name} [${year}]`,
  (name, year) => `${name} {${year}}`,
  (name, year) => `${name}, ${year}`,
  (name, year) => `${name} - ${year}`,
  (name, year) =>
    `${name}（${String(year).replaceAll(/\d/gu, (digit) => String.fromCodePoint(0xff10 + Number(digit)))}）`,
  (name, year) => `(${year}) ${name}`,
  (name, year) => `"${name}" (${year})`,
  (name, year) => `${name.toUpperCase()} (${year}) (remake)`,
  (name, year) => `\u202A${name}\u200B (${year})\u202C`,
];

/** Ways to put titles into a reply. */
const forms: readonly ((titles: readonly string[]) => string)[] = [
  (titles) => JSON.stringify({ recommendations: titles.map((title) => ({ title, reason: 'x' })) }),
  (titles) => JSON.stringify(titles),
  (titles) => titles.map((title, n) => `${n + 1}. ${title}`).join('\n'),
  (titles) => titles.map((title) => `- ${title}`).join('\n'),
  (titles) => `| # | Title |\n|---|---|\n${titles.map((title, n) => `| ${n} | ${title} |`).join('\n')}`,
  (titles) => titles.map((title) => `Title: ${title}\nReason: x`).join('\n'),
];

describe('mutations of replies', () => {
  it('never throw, and find only movies and classes that there are', () => {
    const edit = fc.record({
      at: fc.nat(4000),
      length: fc.nat(12),
      text: fc.string({ maxLength: 8, unit: 'binary' }),
    });
    const context = { inCatalogue: (item: number) => item % 9 > 0, seen: (item: number) => item % 7 === 0 };
    fc.assert(
      fc.property(fc.nat(), fc.array(edit, { maxLength: 6 }), fc.boolean(), (pick, edits, truncated) => {
        let text = replies[pick % replies.length]!;
        for (const { at, length, text: inserted } of edits)
          text =
            text.slice(0, at % (text.length + 1)) + inserted + text.slice((at % (text.length + 1)) + length);
        const reply = parseReply(text, truncated);
        const grounded = ground('entries' in reply ? reply.entries : [], { titles: index, ...context });
        for (const { title, item, match } of grounded) {
          expect(matchClasses).toContain(match);
          expect(item).toBeLessThan(movies.titles.length);
          const written = [...title.matchAll(/\((\d{4})\)/gu)].map(([, year]) => Number(year));
          if (item >= 0 && written.length > 0) expectYear(title, item, written);
        }
      }),
      { seed: 18, numRuns },
    );
  });

  it('of a year find no film of another year, in whatever form the year is written', () => {
    const shifted = fc.record({ pick: fc.nat(), shift: fc.integer({ min: -30, max: 30 }) });
    fc.assert(
      fc.property(
        fc.array(shifted, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...dresses),
        fc.constantFrom(...forms),
        (picks, dress, form) => {
          const written = picks.flatMap(({ pick, shift }) => {
            const item = pick % movies.titles.length;
            const { name, year } = splitYear(toNaturalTitle(movies.titles[item]!));
            const plain = name.replaceAll(/\s*\([^()]*\)/gu, '');
            if (year === 0 || plain === '' || /\d{4}|[|*"]/u.test(plain)) return [];
            return [{ name: plain, year: Math.min(2030, year + shift) }];
          });
          const reply = parseReply(form(written.map(({ name, year }) => dress(name, year))));
          const entries = 'entries' in reply ? reply.entries : [];
          expect(entries).toHaveLength(written.length);
          const grounded = ground(entries, { titles: index, inCatalogue: () => true, seen: () => false });
          for (const [n, { title, item }] of grounded.entries())
            if (item >= 0) expectYear(title, item, [written[n]!.year]);
        },
      ),
      { seed: 19, numRuns },
    );
  });
});

function expectYear(title: string, item: number, years: readonly number[]): void {
  const own = movies.years[item]!;
  if (own === 0 || movies.titles[item] === title) return;
  expect([title, movies.titles[item], years.some((year) => Math.abs(own - year) <= 1)]).toEqual([
    title,
    movies.titles[item],
    true,
  ]);
}
