/**
 * How fast `recsys serve` answers: 1,000 requests for lists, 16 at a time, over the embedded data.
 * `npm run bench:serve`; prints what results/benchmark_serve.json holds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { environment } from '../../src/experiment/environment.ts';
import { jsonText } from '../../src/experiment/store.ts';
import { specOf } from '../../src/models/registry.ts';
import { openServer } from '../../src/serve/index.ts';
import { fitAndSave } from '../../src/use/fit.ts';
import { fitSchema } from '../../src/use/fit-options.ts';
import { writeFileAtomic } from '../../src/util/files.ts';
import { silentProgress } from '../../src/util/progress.ts';

const REQUESTS = 1000;
const AT_ONCE = 16;
const context = {
  progress: silentProgress,
  signal: new AbortController().signal,
  threads: availableParallelism(),
};

const folder = await mkdtemp(join(tmpdir(), 'recsys-bench-serve-'));
for (const model of ['mf', 'ease']) {
  await fitAndSave(join(folder, model), specOf(model), {}, fitSchema.parse({}), context);
}
const { listening } = await openServer(
  { models: [folder], resultsDir: folder, host: '127.0.0.1', port: 0 },
  context,
);
const work: Record<string, (n: number) => string> = {
  'mf, a user': (n) => `/recommend?model=mf&user=${1 + (n % 671)}`,
  'ease, a user': (n) => `/recommend?model=ease&user=${1 + (n % 671)}`,
  'mf, a new person': (n) => `/recommend?model=mf&rating=318:5&rating=${[6, 296, 593][n % 3]}:4`,
  'page of a user': (n) => `/?user=${1 + (n % 671)}`,
};
const results: Record<string, { answered: number; lost: number; medianMs: number; p99Ms: number }> = {};
for (const [name, addressOf] of Object.entries(work)) {
  for (let n = 0; n < AT_ONCE; n++) await fetch(listening.url + addressOf(n)).then((answer) => answer.text());
  const limit = pLimit(AT_ONCE);
  const times: number[] = [];
  let lost = 0;
  const ask = async (n: number) => {
    const started = performance.now();
    const answer = await fetch(listening.url + addressOf(n)).catch(() => undefined);
    const text = await answer?.text();
    if (answer?.status === 200 && text !== undefined && text.length > 100)
      times.push(performance.now() - started);
    else lost++;
  };
  await Promise.all(Array.from({ length: REQUESTS }, (_, n) => limit(() => ask(n))));
  times.sort((a, b) => a - b);
  const at = (share: number) => Number(times[Math.ceil(share * times.length) - 1]!.toFixed(1));
  results[name] = { answered: times.length, lost, medianMs: at(0.5), p99Ms: at(0.99) };
}
await listening.close();
await rm(folder, { recursive: true });
const record = {
  requests: REQUESTS,
  atOnce: AT_ONCE,
  results,
  load: loadavg()[0],
  environment: environment(),
};
await writeFileAtomic('results/benchmark_serve.json', jsonText(record));
process.stdout.write(jsonText(record));
