/** Where and with what a record was made: kept apart from everything that must be reproducible. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { packageVersion } from '../util/package.ts';
import type { ResultsRecord } from './record.ts';

/** Versions and machine, for `record.environment`. */
export function environment(): ResultsRecord['environment'] {
  return {
    recsys: packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    date: new Date().toISOString(),
  };
}

/** Collects seconds per phase under names such as "load" and "mf.fit". */
export class Stopwatch {
  readonly seconds: Record<string, number> = {};

  /** Runs `work` and adds its duration to phase `name`. */
  async time<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.seconds[name] = (this.seconds[name] ?? 0) + (performance.now() - started) / 1000;
    }
  }
}
