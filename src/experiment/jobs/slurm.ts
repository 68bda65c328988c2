/** Jobs as an array job of Slurm: a script, and a file with a job a line. The same command, run again, gathers the outcomes. */
import { basename, join, resolve } from 'node:path';
import { writeFileAtomic, readTextFile } from '../../util/files.ts';
import { DataError, RecsysError } from '../../util/errors.ts';
import { jobSchema, type Job } from './job.ts';
import { inProcessRunner } from './local.ts';
import { runJobs, type JobRunner, type JobsContext } from './run.ts';
import type { OutcomeStore } from './store.ts';

/** Tasks of an array that Slurm takes unless its MaxArraySize is higher. */
const USUAL_MAX_TASKS = 1000;

/** Thrown where jobs were written down instead of being done: what is to be done next. */
class JobsWritten extends RecsysError {
  override name = 'JobsWritten';
}

/**
 * Writes `resultsDir`/slurm/`name`.sbatch and .jsonl with the jobs that are not done, and throws JobsWritten. The script runs
 * this very program, from the folder that it was written in.
 */
export function slurmRunner(resultsDir: string, name: string, threads: number | undefined): JobRunner {
  return {
    description: 'an array job of Slurm',
    async run(jobs) {
      const folder = join(resultsDir, 'slurm');
      const [list, script] = [join(folder, `${name}.jsonl`), join(folder, `${name}.sbatch`)];
      await writeFileAtomic(list, jobs.map((job) => `${JSON.stringify(job)}\n`).join(''));
      await writeFileAtomic(script, scriptText({ resultsDir, list, name, jobs: jobs.length, threads }));
      throw new JobsWritten({
        place: script,
        found: `${jobs.length} jobs to do`,
        remedy:
          `Submit them with \`sbatch ${script}\`. When all tasks have ended, run this command again to gather their results.` +
          (jobs.length > USUAL_MAX_TASKS
            ? ` ${jobs.length} tasks are more than the usual MaxArraySize of Slurm, see \`scontrol show config\`.`
            : ''),
      });
    },
    close: () => Promise.resolve(),
  };
}

function scriptText({
  resultsDir,
  list,
  name,
  jobs,
  threads = 1,
}: {
  resultsDir: string;
  list: string;
  name: string;
  jobs: number;
  threads: number | undefined;
}): string {
  const log = resolve(list).replace(/[.]jsonl$/, '-%a.log');
  const program = [process.execPath, resolve(process.argv[1] ?? 'recsys')].map(quote).join(' ');
  return `#!/bin/bash
#SBATCH --job-name=recsys-${name}
#SBATCH --array=0-${jobs - 1}
#SBATCH --cpus-per-task=${threads}
#SBATCH --output=${log}
# A task does one line of ${basename(list)}; its outcome goes to ${resultsDir}/cache/jobs.
set -euo pipefail
cd ${quote(process.cwd())}
exec ${program} worker --jobs ${quote(list)} --job "$SLURM_ARRAY_TASK_ID" \\
  --results-dir ${quote(resultsDir)} --threads "\${SLURM_CPUS_PER_TASK:-${threads}}"
`;
}

/** A word for a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Does line `n`, from 0, of a file of jobs, unless its outcome is there already. Throws DataError for a line that is not
 * there or no job, and what jobs throw.
 */
export async function performLine(
  path: string,
  n: number,
  store: OutcomeStore,
  context: JobsContext & { threads: number },
): Promise<void> {
  const lines = (await readTextFile(path, 'jobs, as `--emit slurm` writes them')).trimEnd().split('\n');
  const line = lines[n];
  if (line === undefined) {
    throw new DataError({
      place: path,
      found: `${lines.length} jobs`,
      wanted: `a line ${n}, counted from 0`,
      remedy: 'Submit the script that --emit slurm wrote beside it.',
    });
  }
  const job = jobOf(line, `${path}:${n + 1}`);
  const runner = inProcessRunner(context.threads);
  await runJobs(
    [job],
    { runner, store },
    () => {},
    () => true,
    context,
  );
}

function jobOf(line: string, place: string): Job {
  try {
    return jobSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new DataError({
      place,
      found: 'no job of this version',
      wanted: 'a line of --emit slurm',
      remedy: 'Write the jobs again with --emit slurm.',
      cause,
    });
  }
}
