/**
 * Replies that people and servers send, with the movies that they name in the catalogue beside them (cases/movies.csv):
 * made by hand after bug reports of other tools.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { splitYear } from '../../src/data/titles.ts';
import { ground, listRanks, listRecommendations } from '../../src/language/grounding.ts';
import { parseReply } from '../../src/language/reply.ts';
import { TitleIndex } from '../../src/language/titles.ts';

const caseSchema = z.object({
  name: z.string(),
  text: z.string(),
  truncated: z.boolean().optional(),
  /** Movie ids that the reply recommends. */
  want: z.array(z.int()),
  /** Entries that it has, found or not. */
  entries: z.int().optional(),
  state: z.string().optional(),
});
const read = (name: string) => readFileSync(new URL(`cases/${name}`, import.meta.url), 'utf8');
const cases = z.array(caseSchema).parse(JSON.parse(read('replies.json')));

const rows = read('movies.csv')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => /^(?<id>\d+),(?:"(?<quoted>.*)"|(?<plain>[^"]*)),[^,]*$/u.exec(line)!.groups!);
const ids = rows.map((row) => Number(row['id']));
const titles = rows.map((row) => row['quoted'] ?? row['plain']!);
const index = new TitleIndex({ titles, years: Int16Array.from(titles, (title) => splitYear(title).year) });

describe('a reply names', () => {
  it.each(cases.map((one) => [one.name, one] as const))(
    '%s',
    (_, { text, want, entries, state, truncated }) => {
      const reply = parseReply(text, truncated);
      const grounded = ground('entries' in reply ? reply.entries : [], {
        titles: index,
        inCatalogue: () => true,
        seen: () => false,
      });
      expect(listRecommendations(grounded).map((item) => ids[item])).toEqual(want);
      const ranked = listRanks(grounded).flatMap((rank, n) =>
        rank === null ? [] : [[rank, ids[grounded[n]!.item]]],
      );
      expect(ranked).toEqual(want.map((id, n) => [n + 1, id]));
      if (entries !== undefined) expect(grounded).toHaveLength(entries);
      if (state !== undefined) expect(reply.state).toBe(state);
    },
  );
});
