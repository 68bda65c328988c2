/** `recsys run PLAN`: the experiments that a file describes. */
import { basename } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../util/errors.ts';
import { runAndReport } from './baseline.ts';
import { compareAndReport } from './compare.ts';
import { evaluateLists } from './evaluate.ts';
import { exploreAndReport } from './explore.ts';
import { finetuneGpt2 } from './finetune-gpt2.ts';
import { askOpenAi } from './openai.ts';
import { outputSchema } from './shared/context.ts';
import { addFlags, type Typed } from './shared/flags.ts';
import { jobsSchema } from './shared/jobs.ts';

export function runCommand(): Command {
  const command = new Command('run').argument('<plan>', 'YAML or JSON file');
  return addFlags(command, outputSchema, jobsSchema).action(async (path: string, typed: Typed) => {
    const { readPlan } = await import('./plan/read.ts');
    const plan = await readPlan(path);
    const { models, save, gpt2, openai, evaluate, data, protocol, output, name, seeds, searches } = plan;
    const { explore, compare } = plan;
    const shared: Typed = { ...data, ...protocol, ...output, ...typed, seeds };
    const own = basename(path).replace(/[.]\w+$/, '');
    // Their records would have one name.
    const languageName = gpt2 && openai ? undefined : name;
    const runs: (() => Promise<void>)[] = [];
    if (explore) runs.push(() => exploreAndReport({ ...shared, ...explore }));
    if (searches) {
      const { tuneAndReport } = await import('./tune/tune.ts');
      for (const search of searches) runs.push(() => tuneAndReport(search, shared));
    }
    if (models) {
      const { specsOf } = await import('./plan/models.ts');
      runs.push(() => runAndReport(name ?? own, specsOf(models, path), { ...shared, ...save }));
    }
    if (gpt2) {
      runs.push(() => finetuneGpt2({ ...shared, ...gpt2, name: languageName }));
    }
    if (openai) {
      runs.push(() => askOpenAi({ ...shared, ...openai, name: languageName }));
    }
    if (evaluate) {
      runs.push(() => evaluateLists({ ...shared, ...evaluate }));
    }
    // With --emit, what is to be compared is not there yet.
    if (compare && shared['emit'] === undefined) {
      runs.push(() => compareAndReport(compare.files, { ...shared, ...compare }));
    }
    if (runs.length === 0) {
      throw new UsageError({
        place: path,
        found: 'nothing to run',
        wanted: 'explore, searches, models, gpt2, openai, evaluate or compare',
      });
    }
    for (const run of runs) await run();
  });
}
