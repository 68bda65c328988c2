/** Runners on this machine: this process, or several. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { AbortedError, DataError, RecsysError, throwIfAborted } from '../../util/errors.ts';
import { packageRoot } from '../../util/package.ts';
import type { Job, Outcome } from './job.ts';
import { outcomeSchema } from './job.ts';
import { Performer } from './perform.ts';
import type { JobRunner } from './run.ts';

/** This process does one job after another. */
export function inProcessRunner(threads: number): JobRunner {
  const performer = new Performer();
  return {
    description: 'this process',
    async run(jobs, onDone, mayStart, { signal }) {
      for (const [n, job] of jobs.entries()) {
        throwIfAborted(signal);
        if (!mayStart()) return;
        await onDone(n, await performer.perform(job, { signal, threads }));
      }
    },
    close: () => Promise.resolve(),
  };
}

/** What a child answers: an outcome, or the error that ended its job. */
export type ChildAnswer = { outcome: Outcome } | { error: string };

/** `workers` child processes, which share the threads, each with one job at a time. */
export function processesRunner(workers: number, threads: number): JobRunner {
  const own = Math.max(1, Math.floor(threads / workers));
  const children: ChildProcess[] = [];
  return {
    description: `${workers} processes`,
    async run(jobs, onDone, mayStart, { signal }) {
      while (children.length < Math.min(workers, jobs.length)) children.push(startChild(own));
      const stop = () => children.forEach((child) => child.kill('SIGKILL')); // they hold nothing to keep
      signal.addEventListener('abort', stop);
      let next = 0;
      const work = async (child: ChildProcess) => {
        while (next < jobs.length && mayStart()) {
          const n = next++;
          await onDone(n, await ask(child, jobs[n]!));
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

async function ask(child: ChildProcess, job: Job): Promise<Outcome> {
  return await new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      then();
    };
    const onMessage = (answer: ChildAnswer) =>
      settle(() => {
        if ('error' in answer) reject(new DataError(answer.error));
        else resolve(outcomeSchema.parse(answer.outcome));
      });
    const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
      settle(() =>
        reject(
          signal === 'SIGKILL' || code === 130
            ? new AbortedError('a worker was stopped')
            : new RecsysError(`a worker ended with ${signal ?? `exit code ${code}`}`),
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
  process.on('message', (job: Job) => {
    void performer.perform(job, { signal, threads }).then(
      (outcome) => process.send?.({ outcome }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  await new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
    signal.addEventListener('abort', () => resolve());
  });
  process.off('message', () => {});
  if (process.connected) process.disconnect();
}
