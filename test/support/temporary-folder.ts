import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Before all tests: a temporary folder of their own, removed after the last of them with all they left in it. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'recsys-tests-'));
  process.env['TMPDIR'] = folder;
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
