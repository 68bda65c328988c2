/**
 * How long commands take to end after Ctrl-C: `npx tsx scripts/faults/interrupt.ts [RUNS] [NAME]` (default: 5 runs of every
 * command), after `npm run build`. Sends SIGINT at random moments of the first seconds and prints, per command, how many runs
 * heard the signal or had ended well before it, the longest time from the signal to the exit in milliseconds, and how they
 * ended: 130; "SIGINT", a process that the signal ended by itself; 0, one that was at its end, or a server that was told to
 * stop. RECSYS_SEED draws other moments. Ends with exit code 1 for any other outcome, and for a run that failed before the
 * signal. The last figures: docs/architecture.md.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../../src/util/rng.ts';
import { faultCommands, makeInput, type FaultCommand } from './commands.ts';
import { ownTemporaryFolder, run } from './process.ts';
import { startServers } from './servers.ts';

/** Latest moment of a signal, in milliseconds after the start. */
const LATEST_MS = 4000;
/** Delay of an answer of the chat server, and between two pieces of the archive. */
const SERVER_DELAY_MS = 1500;

/** Commands that wait, which the kill script leaves out, as they write nothing. */
function waiting(model: string): Pick<FaultCommand, 'name' | 'argv' | 'program' | 'before'>[] {
  return [
    {
      name: 'serve',
      argv: (folder) => `serve --models ${model} --port 0 --results-dir ${folder}`.split(' '),
    },
    {
      name: 'worker without Redis',
      argv: (folder) => `worker redis://127.0.0.1:1 --results-dir ${folder}`.split(' '),
    },
    { name: 'mf, 400 sweeps', argv: (folder) => `mf --iterations 400 --results-dir ${folder}`.split(' ') },
  ];
}

const [runs, only] = process.argv.slice(2);
await ownTemporaryFolder();
const servers = await startServers(SERVER_DELAY_MS);
const input = await makeInput();
const commands = [...faultCommands(input, servers), ...waiting(input.model)].filter(
  ({ name }) => only === undefined || name.startsWith(only),
);
if (commands.length === 0) throw new Error(`no command begins with '${only}'`);
const rng = new Rng(Number(process.env['RECSYS_SEED'] ?? 1));
let longest = 0;
for (const { name, argv, program, before } of commands) {
  const found = { stopped: 0, ended: 0, longest: 0, codes: new Set<string>() };
  for (let n = 0; n < Number(runs ?? 5); n++) {
    const folder = await mkdtemp(join(tmpdir(), 'recsys-interrupt-'));
    if (before !== undefined) await cp(before, folder, { recursive: true });
    const killAfter = rng.uniform() * LATEST_MS;
    const { code, signal, sinceKill } = await run(argv(folder), { program, killAfter, killWith: 'SIGINT' });
    await rm(folder, { recursive: true, force: true });
    const outcome = String(code ?? signal);
    if (sinceKill === undefined && outcome === '0') found.ended++;
    else if (sinceKill === undefined) found.codes.add(`${outcome} before the signal`);
    else {
      found.stopped++;
      found.codes.add(outcome);
      found.longest = Math.max(found.longest, Math.round(sinceKill));
    }
  }
  longest = Math.max(longest, found.longest);
  const codes = [...found.codes];
  if (codes.some((code) => !['130', 'SIGINT', '0'].includes(code))) process.exitCode = 1;
  process.stdout.write(`${JSON.stringify({ name, ...found, codes })}\n`);
}
servers.close();
process.stdout.write(`${JSON.stringify({ longest, load: Number(loadavg()[0]!.toFixed(1)) })}\n`);
