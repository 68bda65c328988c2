/**
 * Writes the tables of README.md and docs/*.md from committed records, between `<!-- table: FILE -->` and `<!-- end -->`, and
 * those of other measurements in results/ between `<!-- benchmark -->` or `<!-- benchmark: NAME -->` and `<!-- end -->`.
 * `--check` writes nothing and exits 1 when a table is not what its record says.
 */
import { readdir, readFile } from 'node:fs/promises';
import { formatMetric, metricOf, type MetricKey } from '../src/evaluation/metric-keys.ts';
import { recordSchema, type CutoffMetrics, type ResultsRecord } from '../src/experiment/record.ts';
import { readRecord } from '../src/experiment/store.ts';
import { writeFileAtomic } from '../src/util/files.ts';
import { chatBenchmarkSchema, chatRows } from './bench/chat-record.ts';
import { gpt2BenchmarkSchema, gpt2Rows } from './bench/gpt2/record.ts';
import { sequenceBenchmarkSchema, sequenceRows } from './bench/sequences/record.ts';
import { foldInRows, foldInSchema } from './fold-in/record.ts';
import { benchmarkSchema, comparisonRows, scalingRows, type BenchmarkRecord } from './bench/record.ts';

const columns: MetricKey[] = ['precision', 'recall', 'f1', 'f1OfMeans', 'ndcg', 'coverage'];

const benchmarks: Record<string, () => Promise<string[][]>> = {
  benchmark: async () => comparisonRows(await benchmark()),
  'benchmark: scaling': async () => scalingRows(await benchmark()),
  'benchmark: chat': async () =>
    chatRows(chatBenchmarkSchema.parse(await json('results/benchmark_chat.json'))),
  'benchmark: gpt2': async () =>
    gpt2Rows(gpt2BenchmarkSchema.parse(await json('results/benchmark_gpt2.json'))),
  'benchmark: sequences': async () => sequences('results/benchmark_sequences.json'),
  'benchmark: sequences_ml1m': async () => sequences('results/benchmark_sequences_ml1m.json'),
  'benchmark: fold_in': async () => foldInRows(foldInSchema.parse(await json('results/fold_in.json'))),
};

const pages = (await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
for (const page of ['README.md', ...pages]) {
  const before = await readFile(page, 'utf8');
  const after = await withTables(before);
  if (!process.argv.includes('--check')) await writeFileAtomic(page, after);
  else if (after !== before) {
    console.error(`${page}: a table is not what its record says. Run \`npm run readme\`.`);
    process.exitCode = 1;
  }
}

/** The page with each marked table written anew. */
async function withTables(page: string): Promise<string> {
  let text = page;
  for (const [block, file] of page.matchAll(/<!-- table: (\S+) -->[^]*?<!-- end -->/g)) {
    const table = markdown(await readRecord(file!, recordSchema));
    text = text.replace(block, `<!-- table: ${file} -->\n\n${table}\n\n<!-- end -->`);
  }
  for (const [block, name] of text.matchAll(/<!-- (benchmark(?:: \w+)?) -->[^]*?<!-- end -->/g)) {
    const table = alignTable(await benchmarks[name!]!());
    text = text.replace(block, `<!-- ${name} -->\n\n${table}\n\n<!-- end -->`);
  }
  return text;
}

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

async function sequences(path: string): Promise<string[][]> {
  return sequenceRows(sequenceBenchmarkSchema.parse(await json(path)));
}

async function benchmark(): Promise<BenchmarkRecord> {
  return benchmarkSchema.parse(await json('results/benchmark.json'));
}

function markdown({ models, protocol }: ResultsRecord): string {
  const k = protocol.k[0]!;
  const rows = models.map(({ name, metrics }) => [name, ...columns.map((key) => cell(metrics[k]!, key))]);
  const head = ['model', ...columns.map((key) => titleAt(key, k))];
  return alignTable([head, ...rows]);
}

/** "F1@10"; values without an interval are those of the table's only cut-off. */
function titleAt(key: MetricKey, k: number): string {
  const { title, kind } = metricOf(key);
  return kind === 'user' || kind === 'means' ? `${title}@${k}` : title;
}

function cell(metrics: CutoffMetrics, key: MetricKey): string {
  const value = metrics[key];
  if (typeof value !== 'object' || value === null) return formatMetric(key, value);
  const [low, high] = value.ci95;
  return `${formatMetric(key, value.mean)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

/** As Prettier writes a table: cells padded, all but the first column to the right. */
function alignTable(rows: string[][]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (c === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}
