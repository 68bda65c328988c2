/**
 * What kill -9 and two runs at once do to results: `npx tsx scripts/faults/index.ts [KILLS] [PAIRS] [NAME]` (default: 100
 * kills, 20 pairs, all commands), after `npm run build`. All commands that write take turns; a run that ended before its kill
 * counts as `ended`. Counts
 *
 * - refused: runs of a pair that ended with code 1 and said that another run is writing the result;
 * - lost: a run after a kill fails, one of a pair fails for another reason than that, or a result or a file beside it, such as
 *   a page or the values per user, is not there;
 * - wrong: a result differs from that of an undisturbed run, or is that of a run that failed;
 * - left: files that an undisturbed run does not leave, after the run that follows a kill.
 *
 * Ends with exit code 1 when any of the last three is not 0; then what was written stays and is named. RECSYS_SEED draws
 * other moments. The last figures: docs/architecture.md.
 */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../../src/util/rng.ts';
import { faultCommands, makeInput, resultOf, type FaultCommand } from './commands.ts';
import { ownTemporaryFolder, run, type Finished } from './process.ts';
import { startServers } from './servers.ts';

interface Undisturbed {
  files: string[];
  /** Of the command, and of what another run types. */
  results: [string, string];
  milliseconds: number;
}

async function freshFolder({ before }: FaultCommand): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recsys-faults-'));
  if (before !== undefined) await cp(before, folder, { recursive: true });
  return folder;
}

/** All files but those that are kept on purpose and named after their content: older records and a model's answers. */
async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath.slice(folder.length), name))
    .filter(
      (name) =>
        !/^[/]?(older|cache[/](?!reproduce)[^/]+)[/]|update-\d+[.]safetensors$/.test(name) ||
        /[.](tmp|lock)/.test(name),
    )
    .map((name) => name.replace(/[0-9a-f]{16,}/, 'HASH'))
    .sort();
}

async function undisturbed(command: FaultCommand): Promise<Undisturbed> {
  const results: string[] = [];
  let files: string[] = [];
  let milliseconds = 0;
  for (const others of [command.others, []]) {
    const folder = await freshFolder(command);
    const finished = await run([...command.argv(folder), ...others], command);
    const found = await resultOf(folder, command);
    if (finished.code !== 0 || found === undefined) {
      throw new Error(`${command.name}: exit code ${finished.code}\n${finished.stderr}`);
    }
    results.unshift(found);
    files = await filesIn(folder);
    milliseconds = finished.milliseconds;
    await rm(folder, { recursive: true });
  }
  return { files, results: results as [string, string], milliseconds };
}

const count = { killed: 0, ended: 0, pairs: 0, refused: 0, lost: 0, wrong: 0, left: 0 };

const blamed = () => count.lost + count.wrong + count.left;

function blame(kind: 'lost' | 'wrong' | 'left', { name }: FaultCommand, details: unknown): void {
  count[kind]++;
  process.stderr.write(`${kind}: ${name}: ${JSON.stringify(details)}\n`);
}

/** Did it leave the result to another run? As `lock` in src/util/process/lock.ts says it. */
function isRefused({ code, stderr }: Finished): boolean {
  return code === 1 && / another run( \(.*\))? is writing it/.test(stderr);
}

/** Blames files that should be there, and those that should not. */
async function checkFiles(folder: string, command: FaultCommand, { files }: Undisturbed): Promise<void> {
  const found = await filesIn(folder);
  const missing = files.filter((name) => !found.includes(name));
  const extra = found.filter((name) => !files.includes(name));
  if (missing.length > 0) blame('lost', command, { folder, missing });
  if (extra.length > 0) blame('left', command, { folder, extra });
}

/** Kills a run at a random moment, runs the same again and looks at what is there. */
async function killOnce(command: FaultCommand, expected: Undisturbed, rng: Rng): Promise<void> {
  const before = blamed();
  const folder = await freshFolder(command);
  const { program } = command;
  const killAfter = rng.uniform() * expected.milliseconds;
  const { code } = await run(command.argv(folder), { program, killAfter });
  count[code === null ? 'killed' : 'ended']++;
  const again = rng.uniform() < 0.5 ? (command.again ?? []) : [];
  const next = await run([...command.argv(folder), ...again], command);
  const found = await resultOf(folder, command);
  if (next.code !== 0 || found === undefined) blame('lost', command, next);
  else if (found !== expected.results[0]) blame('wrong', command, folder);
  await checkFiles(folder, command, expected);
  if (blamed() === before) await rm(folder, { recursive: true });
}

/** Two runs at once, of which the result must be one that ended well. */
async function pairOnce(command: FaultCommand, expected: Undisturbed): Promise<void> {
  const before = blamed();
  const folder = await freshFolder(command);
  const argv = command.argv(folder);
  const both = await Promise.all([run(argv, command), run([...argv, ...command.others], command)]);
  count.pairs++;
  count.refused += both.filter(isRefused).length;
  const failed = both.filter((one) => one.code !== 0 && !isRefused(one));
  const found = await resultOf(folder, command);
  const allowed = expected.results.filter((_, n) => both[n]!.code === 0);
  if (failed.length > 0) blame('lost', command, failed);
  else if (found === undefined || allowed.length === 0) blame('lost', command, both);
  else if (!allowed.includes(found)) blame('wrong', command, folder);
  await checkFiles(folder, command, expected);
  if (blamed() === before) await rm(folder, { recursive: true });
}

/** Every ten kills or pairs: they may take an hour. */
function showProgress(done: number): void {
  if (done % 10 === 9) process.stderr.write(`${new Date().toISOString()} ${JSON.stringify(count)}\n`);
}

const [kills, pairs, only] = process.argv.slice(2);
const temporary = await ownTemporaryFolder();
const servers = await startServers(30);
const commands = faultCommands(await makeInput(), servers).filter(
  ({ name }) => only === undefined || name.startsWith(only),
);
if (commands.length === 0) throw new Error(`no command begins with '${only}'`);
const expected: Undisturbed[] = [];
for (const command of commands) expected.push(await undisturbed(command));
const rng = new Rng(Number(process.env['RECSYS_SEED'] ?? 1));
for (let n = 0; count.killed < Number(kills ?? 100); n++) {
  await killOnce(commands[n % commands.length]!, expected[n % commands.length]!, rng);
  showProgress(n);
}
for (let n = 0; n < Number(pairs ?? 20); n++) {
  await pairOnce(commands[n % commands.length]!, expected[n % commands.length]!);
  showProgress(n);
}
servers.close();
process.stdout.write(`${JSON.stringify(count)}\n`);
if (blamed() > 0) {
  temporary.keep();
  process.exitCode = 1;
}
