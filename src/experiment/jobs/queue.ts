/** Jobs on a queue of BullMQ over Redis or Valkey, for any number of machines. Loaded only when a queue is asked for. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { RecsysError, throwIfAborted, UsageError } from '../../util/errors.ts';
import type { Progress } from '../../util/progress.ts';
import { jobKey, jobSchema, outcomeSchema, type Job } from './job.ts';
import { processesRunner } from './local.ts';
import type { JobRunner } from './run.ts';

const QUEUE = 'recsys-jobs';
/** Workers that may fail or refuse a job before it counts as failed. */
const ATTEMPTS = 5;
/** How long a worker that no longer answers keeps its job. */
const LOCK_MS = 10_000;
const POLL_MS = 300;
/** Outcomes stay this long, for those who ask for the same job again, and failures for those who wait for the job. */
const KEPT_SECONDS = 7 * 24 * 3600;

interface Connection {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db?: number;
  tls?: object;
  maxRetriesPerRequest: null;
}

/** The address without user and password, for messages. */
export function shownAddress(address: string): string {
  return address.replace(/^(\w+:\/\/)[^@/]*@/, '$1');
}

/**
 * Where the queue is. Throws UsageError for an address that is none of redis:// or rediss://, RecsysError when nothing
 * answers there or when it wants another password.
 */
async function connect(address: string, signal?: AbortSignal): Promise<Connection> {
  const shown = shownAddress(address);
  const wanted = 'redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT';
  if (!URL.canParse(address)) throw new UsageError({ place: '--queue', found: `'${shown}'`, wanted });
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '') {
    throw new UsageError({ place: '--queue', found: `'${shown}'`, wanted });
  }
  const connection: Connection = {
    host: hostname,
    port: port === '' ? 6379 : Number(port),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: {} }),
    maxRetriesPerRequest: null,
  };
  const { Redis } = await import('ioredis');
  const client = new Redis({
    ...connection,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 5000,
  });
  let first: Error | undefined; // what `connect` throws says only that there is no connection
  client.on('error', (error) => (first ??= error));
  const disconnect = () => client.disconnect();
  signal?.addEventListener('abort', disconnect);
  try {
    if (signal) throwIfAborted(signal);
    await client.connect();
    await client.ping();
    return connection;
  } catch (cause) {
    if (signal) throwIfAborted(signal);
    const reason = (first ?? (cause as Error)).message;
    const refused = /WRONGPASS|NOAUTH|NOPERM|invalid password/i.test(reason);
    throw new RecsysError({
      place: shown,
      found: refused ? 'the queue wants another user or password' : `no queue answers (${reason})`,
      remedy: refused
        ? 'Give it in the address: redis://USER:PASSWORD@HOST:PORT.'
        : 'Start redis-server or valkey-server there, or check host and port.',
    });
  } finally {
    signal?.removeEventListener('abort', disconnect);
    disconnect();
  }
}

function failedError(address: string, reason = 'no reason'): RecsysError {
  return new RecsysError({
    place: shownAddress(address),
    found: `a job failed each time that a worker took it, last with: ${reason}`,
    remedy:
      'Mend that, start the workers again, and run the same command again: the jobs that were done are kept.',
  });
}

/** Puts jobs on the queue and waits for their outcomes. Throws as `connect` does; `run` when a job has failed `ATTEMPTS` times. */
export async function queueRunner(address: string): Promise<JobRunner> {
  const connection = await connect(address);
  const { Queue } = await import('bullmq');
  const queue = new Queue(QUEUE, { connection });
  queue.on('error', () => {}); // while Redis is away, ioredis connects again
  let isStopped = false;
  return {
    description: `the queue at ${shownAddress(address)}`,
    async run(jobs, onDone, mayStart, context) {
      const { signal, progress } = context;
      throwIfAborted(signal);
      progress.note(`${jobs.length} jobs on ${shownAddress(address)}; \`recsys worker\` takes them.`);
      const ended = new AbortController();
      const stopped = once(signal, 'abort', { signal: ended.signal }).then(() => (isStopped = true));
      try {
        // Where Redis has gone away, a pending command would wait for ever.
        await Promise.race([followJobs(queue, address, jobs, onDone, mayStart, context), stopped]);
      } finally {
        ended.abort();
      }
      throwIfAborted(signal);
    },
    close: async () => {
      if (isStopped) queue.disconnect().catch(() => {});
      else await queue.close();
    },
  };
}

/** As `JobRunner.run`, without an answer to the signal while Redis is away. */
async function followJobs(
  queue: Queue,
  address: string,
  ...[jobs, onDone, mayStart, { signal, onLine }]: Parameters<JobRunner['run']>
): Promise<void> {
  const open = new Map(jobs.entries());
  for (const job of jobs) await addAnew(queue, job);
  while (open.size > 0) {
    throwIfAborted(signal);
    for (const [n, job] of open) {
      const found = await queue.getJob(jobKey(job));
      const state = await found?.getState();
      if (state === 'completed') {
        open.delete(n);
        const done = await queue.getJob(jobKey(job)); // `found` may be from before it was completed
        await onDone(n, outcomeSchema.parse(done?.returnvalue));
      } else if (state === 'active') {
        if (typeof found?.progress === 'string') onLine?.(n, found.progress);
      } else if (state === 'failed') {
        const failed = await queue.getJob(jobKey(job));
        throw failedError(address, failed?.failedReason);
      } else if (!mayStart()) {
        await found?.remove().catch(() => {}); // a worker was faster
        open.delete(n);
      } else if (found === undefined) await add(queue, job); // Redis was started anew without what it held
    }
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

async function add(queue: Queue, job: Job): Promise<void> {
  await queue.add('job', job, {
    jobId: jobKey(job),
    attempts: ATTEMPTS,
    removeOnComplete: { age: KEPT_SECONDS },
    removeOnFail: { age: KEPT_SECONDS },
  });
}

/** In place of one that failed for a former command. */
async function addAnew(queue: Queue, job: Job): Promise<void> {
  if ((await queue.getJobState(jobKey(job))) === 'failed') await queue.remove(jobKey(job));
  await add(queue, job);
}

/**
 * Takes jobs from the queue until the signal fires, then finishes the one that it has. Jobs are done in a child, so that
 * this process can say that it is alive. Throws DataError when a job is of another version or on other data: the job goes
 * to another worker.
 */
export async function work(
  address: string,
  { threads, signal, progress }: { threads: number; signal: AbortSignal; progress: Progress },
): Promise<number> {
  const connection = await connect(address, signal);
  const { Worker } = await import('bullmq');
  const runner = processesRunner(1, threads);
  let done = 0;
  let refusal: Error | undefined;
  const stopped = new AbortController();
  const unheard = new AbortController(); // a polite stop lets the job end
  const worker = new Worker(
    QUEUE,
    async (own) => {
      let outcome: unknown;
      try {
        const job = jobSchema.parse(own.data);
        const keep = (_: number, found: unknown) => Promise.resolve(void (outcome = found));
        const onLine = (_: number, line: string) => void own.updateProgress(line).catch(() => {}); // Redis is away
        await runner.run([job], keep, () => true, { progress, signal: unheard.signal, onLine });
      } catch (error) {
        refusal = error as Error;
        stopped.abort();
        throw error;
      }
      return outcome;
    },
    {
      connection,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS / 2,
      maxStalledCount: ATTEMPTS,
    },
  );
  worker.on('error', () => {}); // while Redis is away, ioredis connects again
  worker.on('completed', () => progress.note(`${++done} jobs done`));
  progress.note(`waiting for jobs on ${shownAddress(address)}; Ctrl-C ends after the job under way.`);
  await new Promise<void>((resolve) => {
    for (const own of [signal, stopped.signal]) {
      if (own.aborted) resolve();
      else own.addEventListener('abort', () => resolve());
    }
  });
  await worker.close();
  await runner.close();
  if (refusal === undefined) return done;
  throw refusal;
}
