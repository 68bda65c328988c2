import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../src/experiment/compare/index.ts';
import { explore } from '../../src/explore/index.ts';
import { conclusion } from '../../src/report/compare/conclusion.ts';
import { comparePage } from '../../src/report/compare/page.ts';
import { compareReport } from '../../src/report/compare/report.ts';
import { explorePage } from '../../src/report/explore/page.ts';
import { exploreSummary } from '../../src/report/explore/summary.ts';
import { formatNumber } from '../../src/report/page/data-table.ts';
import { renderPage } from '../../src/report/page/page.ts';
import { colour } from '../../src/report/theme.ts';
import type { Comparison } from '../../src/experiment/compare/record.ts';
import type { Exploration } from '../../src/explore/record.ts';
import { silentProgress } from '../../src/util/progress.ts';
import { languageRecordOf } from '../support/language-records.ts';
import { recordOf } from '../support/records.ts';

const context = { progress: silentProgress, signal: new AbortController().signal };
let exploration: Exploration;
let comparison: Comparison;
const pages: Record<'exploration' | 'comparison', string> = { exploration: '', comparison: '' };

beforeAll(async () => {
  exploration = await explore(
    { dataset: 'ml-latest-small-2016', seed: 42, testShare: 0.2, threshold: 4, damping: 5 },
    context,
  );
  const folder = await mkdtemp(join(tmpdir(), 'recsys-page-'));
  const users = Array.from({ length: 100 }, (_, user) => user);
  const baseline = recordOf({
    fm: users.map((user) => (user % 10 === 0 ? [1] : [1, 2])),
    mf: users.map((user) => (user % 10 === 1 ? [1] : [1, 2])),
    popularity: users.map(() => []),
  });
  const gpt2 = languageRecordOf(
    'gpt2',
    users.map((user) => (user < 40 ? [3] : [])),
    ['Heat (1995)'],
  );
  await writeFile(join(folder, 'baseline_metrics.json'), JSON.stringify(baseline));
  await writeFile(join(folder, 'gpt2_recommendations.json'), JSON.stringify(gpt2));
  await writeFile(join(folder, 'gpt2_training.jsonl'), '{"update":1,"loss":4}\n{"update":2,"loss":3}\n');
  comparison = await compare({ files: [], resultsDir: folder }, context);
  pages.exploration = await explorePage(exploration, 'recsys explore --seed 42');
  pages.comparison = await comparePage(comparison, 'recsys compare');
});

describe.each(['exploration', 'comparison'] as const)('the page %s', (name) => {
  it('stays under 1 MB', () => {
    expect(Buffer.byteLength(pages[name])).toBeLessThan(1_000_000);
  });

  it('refers to nothing outside itself', () => {
    const page = pages[name]
      .replaceAll('http://www.w3.org/2000/svg', '')
      .replaceAll('http://www.w3.org/1999/xlink', '');
    expect(page).not.toMatch(/https?:|url\((?!#)|@import|\ssrc=/);
  });

  it('holds one script, which its content policy names by hash and allows alone', () => {
    const scripts = [...pages[name].matchAll(/<script>([^]*?)<\/script>/g)].map(([, text]) => text!);
    expect(scripts).toHaveLength(1);
    const hash = createHash('sha256').update(scripts[0]!).digest('base64');
    expect(pages[name]).toContain(`script-src &#39;sha256-${hash}&#39;`);
  });

  it('has a table behind every chart and an id for each only once', () => {
    const figures = pages[name].split('<figure').slice(1);
    expect(figures.length).toBeGreaterThanOrEqual(name === 'exploration' ? 12 : 8);
    for (const figure of figures) expect(figure).toMatch(/<details>[^]*<summary>[^]*<tbody>\s*<tr>/);
    const ids = [...pages[name].matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('draws with colours of the theme only, so that each has a dark counterpart', () => {
    const known = new Set([...Object.values(colour), 'none', 'transparent']);
    const drawn = pages[name].slice(pages[name].indexOf('</style>'));
    const used = [...drawn.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, value]) => value!);
    expect(used.length).toBeGreaterThan(100);
    expect(used.filter((value) => !known.has(value))).toEqual([]);
  });

  it('writes no number that is none', () => {
    expect(pages[name].replace(/<script>[^]*<\/script>/, '')).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('says how it was made', () => {
    const { dataset } = name === 'exploration' ? exploration : comparison;
    expect(pages[name]).toContain(
      `<code>recsys ${name === 'exploration' ? 'explore --seed 42' : 'compare'}</code>`,
    );
    expect(pages[name]).toContain(dataset.files[0]!.sha256);
    expect(pages[name]).toContain(process.version);
  });
});

describe('the page of 20 models and 6,040 users', () => {
  it('stays under 2 MB', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-page-'));
    const models = Object.fromEntries(
      Array.from({ length: 20 }, (_, model) => [
        `model-${model}`,
        Array.from({ length: 6040 }, (_, user) =>
          (user + model) % 7 < 3 ? [1 + ((user * model) % 10)] : [],
        ),
      ]),
    );
    await writeFile(join(folder, 'baseline_metrics.json'), JSON.stringify(recordOf(models)));
    const found = await compare({ files: [], resultsDir: folder }, context);
    expect(found.pairs).toHaveLength(190);
    expect(Buffer.byteLength(await comparePage(found, 'recsys compare'))).toBeLessThan(2_000_000);
  }, 240_000);
});

describe('what is concluded', () => {
  it('names the best model, those without a significant difference to it, and those it beats', () => {
    expect(conclusion(comparison)).toBe(
      `${comparison.models[0]!.name} has the highest F1@10, ${comparison.models[0]!.metrics['10']!.f1.mean.toFixed(4)}. ` +
        `No difference shown between it and ${comparison.models[1]!.name}. ` +
        'It is better than gpt2 and popularity, with intervals that do not overlap.',
    );
  });

  it('is that no model has a hit where none has, not that one of them is the best', () => {
    const models = comparison.models.map((model) => {
      const own = model.metrics['10']!;
      return { ...model, metrics: { '10': { ...own, f1: { mean: 0, ci95: [0, 0] as [number, number] } } } };
    });
    expect(conclusion({ ...comparison, models })).toBe('No model has a hit on the 100 users: F1@10 is 0.');
  });

  it('calls every test rating relevant at threshold 0, where data have no stars', async () => {
    const implicit = { ...comparison, protocol: { ...comparison.protocol, threshold: 0 } };
    expect(compareReport(implicit)).toContain('relevant: every test rating;');
    expect(await comparePage(implicit, '')).not.toContain('0 stars');
  });

  it('draws no match classes of a model that wrote no title', async () => {
    const none = comparison.language.map((own) => ({ ...own, shares: { exact: 0, repeated: 0 } }));
    expect(await comparePage({ ...comparison, language: none }, '')).not.toContain('Titles written');
  });

  it('stands in the terminal below the tests, with the published numbers said to be of another protocol', () => {
    const text = compareReport(comparison);
    const words = text.replace(/\s+/g, ' ');
    expect(words).toContain(
      'The original work printed, by another protocol, popularity 0.0000, MF 0.0973 and FM 0.0478',
    );
    expect(text).toContain('No difference shown between');
    expect(words.trimEnd().endsWith(conclusion(comparison))).toBe(true);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('of an exploration fits a terminal of 80 columns', () => {
    const lines = exploreSummary(exploration).split('\n');
    expect(lines.length).toBeGreaterThan(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe('a page', () => {
  it('escapes title, lead, command, file names and cells', async () => {
    const text = '<i>&';
    const page = await renderPage({
      title: text,
      lead: text,
      figures: [{ label: text, value: text }],
      sections: [
        {
          title: text,
          intro: text,
          tables: [{ id: 'a', title: text, note: text, table: { head: [text], rows: [[text]] } }],
          texts: [
            {
              title: text,
              note: text,
              columns: [{ title: text, summary: text, lines: [{ text, reason: text, hit: true }] }],
            },
          ],
        },
      ],
      made: {
        command: text,
        environment: { recsys: text, node: text },
        dataset: { name: text, files: [{ name: text, sha256: text, bytes: 1 }] },
        notes: [text],
      },
    });
    expect(page).not.toContain('<i>');
    expect(page.match(/&#60;i&#62;&#38;/g)!.length).toBeGreaterThan(18);
  });

  it('writes whole numbers whole and others with four decimals', () => {
    expect([3, 1995, 100_004, 0.25, 1234.567].map(formatNumber)).toEqual([
      '3',
      '1995',
      '100,004',
      '0.2500',
      '1234.6',
    ]);
  });
});
