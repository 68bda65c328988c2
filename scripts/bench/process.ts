/** One process of a benchmark: what it printed, and what it took. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Finished {
  /** Exit status, or the signal or error that ended it. */
  code: number | string;
  stdout: string;
  /** The end of it. */
  stderr: string;
  /** Wall time, in seconds. */
  seconds: number;
  /** Time on processors, of all its threads, in seconds; 0 where /proc does not say. */
  cpuSeconds: number;
  /** Peak resident memory in kB; 0 where /proc does not say. */
  peakKB: number;
}

/** Ticks per second of /proc/PID/stat: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

/** Runs a program to its end, and looks at its time and memory 50 times a second. */
export async function runProcess(
  [program, ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Finished> {
  const started = performance.now();
  const child = spawn(program!, args, { env });
  let [stdout, stderr, peakKB, cpuSeconds] = ['', '', 0, 0];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr = (stderr + chunk).slice(-4000)));
  const watch = setInterval(() => {
    peakKB = Math.max(peakKB, Number(/VmHWM:\s+(\d+)/.exec(proc(child.pid, 'status'))?.[1] ?? 0));
    cpuSeconds = Math.max(cpuSeconds, cpuTimeOf(proc(child.pid, 'stat')));
  }, 20);
  const code = await new Promise<number | string>((resolve) => {
    child
      .on('error', (error) => resolve(error.message))
      .on('close', (status, signal) => resolve(status ?? signal!));
  });
  clearInterval(watch);
  return { code, stdout, stderr, seconds: (performance.now() - started) / 1000, cpuSeconds, peakKB };
}

/** User and system time; the name in brackets may hold blanks. */
function cpuTimeOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}

function proc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
