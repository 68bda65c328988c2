/** Runners on this machine: this process, or several. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { AbortedError, DataError, RecsysError, throwIfAborted } from '../../util/errors.ts';
import { packageRoot } from '../../util/package.ts';
import type { Job, Outcome } from './job.ts';
import { outcomeSchema } from './job.ts';
import { Performer, type PerformContext } from './perform.ts';
import { progressLines } from './progress.ts';
import type { JobRunner } from './run.ts';

/** This process does one job after another. `keeping` says where unfinished work is kept, see `PerformContext`. */
export function inProcessRunner(
  threads: number,
  keeping: Pick<PerformContext, 'fits' | 'gpt2'> = {},
): JobRunner {
  const performer = new Performer();
  return {
    description: 'this process',
    async run(jobs, onDone, mayStart, { signal, onLine, progress: shown }) {
      const note = (line: string) => shown.note(line);
      for (const [n, job] of jobs.entries()) {
        throwIfAborted(signal);
        if (!mayStart()) return;
        const progress = progressLines((line) => onLine?.(n, line), job.kind === 'gpt2' ? note : undefined);
        await onDone(n, await performer.perform(job, { ...keeping, signal, threads, progress }));
      }
    },
    close: () => Promise.resolve(),
  };
}

/** What a child answers: how far it is, then an outcome or the error that ended its job. */
type ChildAnswer = { line: string } | { outcome: Outcome } | { error: string };

/** `workers` child processes, which share the threads, each with one job at a time. */
export function processesRunner(workers: number, threads: number): JobRunner {
  const own = Math.max(1, Math.floor(threads / workers));
  const children: ChildProcess[] = [];
  return {
    description: `${workers} processes`,
    async run(jobs, onDone, mayStart, { signal, onLine }) {
      while (children.length < Math.min(workers, jobs.length)) children.push(startChild(own));
      const stop = () => children.forEach((child) => child.kill('SIGKILL')); // they hold nothing to keep
      signal.addEventListener('abort', stop);
      let next = 0;
      const work = async (child: ChildProcess) => {
        while (next < jobs.length && mayStart()) {
          const n = next++;
          await onDone(n, await ask(child, jobs[n]!, (line) => onLine?.(n, line)));
          throwIfAborted(signal);
        }
      };
      try {
        await Promise.all(children.map(work));
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    close() {
      for (const child of children) child.kill('SIGKILL');
      return Promise.resolve();
    },
  };
}

function startChild(threads: number): ChildProcess {
  const child = fork(join(packageRoot, 'dist', 'cli.js'), ['worker', '--threads', String(threads)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true, // Ctrl-C in a terminal reaches the parent, which decides
  });
  child.setMaxListeners(0);
  return child;
}

async function ask(child: ChildProcess, job: Job, onLine: (line: string) => void): Promise<Outcome> {
  return await new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      then();
    };
    const onMessage = (answer: ChildAnswer) => {
      if ('line' in answer) onLine(answer.line);
      else if ('error' in answer) settle(() => reject(new DataError(answer.error)));
      else settle(() => resolve(outcomeSchema.parse(answer.outcome)));
    };
    const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
      settle(() =>
        reject(
          signal === 'SIGKILL' || code === 130
            ? new AbortedError('a worker was stopped')
            : new RecsysError({
                found: `a worker ended with ${signal ?? `exit code ${code}`}`,
                remedy: 'Run it again: the jobs that were done are kept.',
              }),
        ),
      );
    child.on('message', onMessage);
    child.on('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
    else child.send(job);
  });
}

/** The other end: does the jobs that the parent sends until it is gone. */
export async function serveParent(threads: number, signal: AbortSignal): Promise<void> {
  const performer = new Performer();
  const answer = (own: ChildAnswer) => process.send?.(own);
  const progress = progressLines((line) => answer({ line }));
  process.on('message', (job: Job) => {
    void performer.perform(job, { signal, threads, progress }).then(
      (outcome) => answer({ outcome }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  await new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
    signal.addEventListener('abort', () => resolve());
  });
  if (process.connected) process.disconnect();
}
