/** The Python environments that peers run in: made on the first run, and what could not be installed with its reason. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../src/util/files.ts';

export const peerFolder = fileURLToPath(new URL('./peers/', import.meta.url));

/** A peer that cannot run, and why. */
export interface Missing {
  name: string;
  reason: string;
}

export interface Environments {
  /** Python of each environment, by name. */
  python: Record<'venv' | 'venv-numpy1', string>;
  missing: Missing[];
}

const requirementsOf = { venv: 'requirements.txt', 'venv-numpy1': 'requirements-numpy1.txt' } as const;

export async function preparePeers(cache: string): Promise<Environments> {
  const missing: Missing[] = [];
  const python = { venv: '', 'venv-numpy1': '' };
  for (const name of ['venv', 'venv-numpy1'] as const) {
    const folder = join(cache, name);
    python[name] = join(folder, 'bin', 'python');
    missing.push(...(await installPeers(folder, join(peerFolder, requirementsOf[name]))));
  }
  return { python, missing };
}

/** Installs a file of requirements into an environment, line by line, once for each text of the requirements. */
export async function installPeers(folder: string, requirements: string): Promise<Missing[]> {
  const text = await readFile(requirements, 'utf8');
  const done = join(folder, 'bench-installed.json');
  if (existsSync(done)) {
    const kept = JSON.parse(await readFile(done, 'utf8')) as { digest: string; missing: Missing[] };
    if (kept.digest === sha256(text)) return kept.missing;
  }
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  await mkdir(folder, { recursive: true });
  const made = spawnSync('python3', ['-m', 'venv', folder], { encoding: 'utf8' });
  if (made.status !== 0) {
    const reason = `python3 -m venv: ${made.error?.message ?? lastLine(made.stderr + made.stdout)}`;
    return lines.map((name) => ({ name, reason }));
  }
  const missing: Missing[] = [];
  const installed: string[] = [];
  for (const name of lines) {
    process.stderr.write(`installing ${name}\n`);
    // The earlier lines again, so that a later one cannot replace what they fixed.
    const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...installed, name];
    const { status, stderr } = spawnSync(join(folder, 'bin', 'python'), pip, { encoding: 'utf8' });
    if (status === 0) installed.push(name);
    else missing.push({ name, reason: reasonIn(stderr) });
  }
  await writeFile(done, JSON.stringify({ digest: sha256(text), missing }));
  return missing;
}

/** What pip or the compiler says is wrong. */
function reasonIn(log: string): string {
  const lines = log.split('\n').map((line) => line.trim());
  const cause = lines.find((line) => /(\.[ch]|\.pyx)(:\d+)+:? .*(error|No such file)|Error:/.test(line));
  return cause ?? lines.find((line) => /error/i.test(line)) ?? lastLine(log);
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
