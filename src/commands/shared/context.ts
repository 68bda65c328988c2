/** What every subcommand shares besides the protocol: where output goes, progress, Ctrl-C, threads. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { withStopSignal } from '../../util/process/signals.ts';
import { logProgress, silentProgress, terminalProgress, type Progress } from '../../util/progress.ts';

export const outputSchema = z.object({
  resultsDir: z
    .string()
    .default('results')
    .meta({ placeholder: 'dir' })
    .describe('folder that results are written to'),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe('worker threads; results do not depend on it (default: all cores)'),
  json: z.boolean().default(false).describe('print nothing but the record on standard output'),
  quiet: z.boolean().default(false).describe('no progress on standard error'),
  verbose: z
    .boolean()
    .default(false)
    .describe('more detail on standard error; stack traces of unexpected errors'),
});

export type OutputOptions = z.output<typeof outputSchema>;

export interface CommandContext {
  progress: Progress;
  signal: AbortSignal;
  threads: number;
}

/** What was typed, for pages to say how they were made. Passwords in addresses are left out. */
export function commandLine(): string {
  return ['recsys', ...process.argv.slice(2)].join(' ').replaceAll(/(rediss?:\/\/)\S*@/g, '$1');
}

/**
 * Runs a subcommand's work. The first Ctrl-C (or SIGTERM, or a closed terminal) fires `signal`, so that the work can stop
 * between two units and say what it kept; the second ends the process at once.
 */
export async function withContext<T>(
  options: Pick<OutputOptions, 'quiet' | 'threads'>,
  work: (context: CommandContext) => Promise<T>,
): Promise<T> {
  return await withStopSignal((signal) =>
    work({
      progress: options.quiet
        ? silentProgress
        : process.stderr.isTTY
          ? terminalProgress(process.stderr)
          : logProgress(process.stderr),
      signal,
      threads: options.threads ?? availableParallelism(),
    }),
  );
}
