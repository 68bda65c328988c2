import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/util/package.ts';

interface Lock {
  packages: Record<string, { resolved?: string; hasInstallScript?: boolean }>;
}

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(packageRoot, name), 'utf8')) as T;
}

// onnxruntime-node's install script downloads 200 MB of CUDA libraries from outside the npm registry. npm runs a script only of
// packages that the lock file marks, and npm 11 only of those that allowScripts allows.
test('npm ci runs no install script of onnxruntime-node, with npm 10 as with npm 11', async () => {
  const { packages } = await readJson<Lock>('package-lock.json');
  expect(packages['node_modules/onnxruntime-node']).toBeDefined();
  expect(packages['node_modules/onnxruntime-node']?.hasInstallScript).toBeUndefined();
  const { allowScripts } = await readJson<{ allowScripts: Record<string, boolean> }>('package.json');
  expect(allowScripts['onnxruntime-node']).toBe(false);
});

test('allowScripts decides about every package with an install script, so that npm prints no warning', async () => {
  const { packages } = await readJson<Lock>('package-lock.json');
  const { allowScripts } = await readJson<{ allowScripts: Record<string, boolean> }>('package.json');
  const scripted = Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  expect(scripted.length).toBeGreaterThan(0);
  expect(scripted.filter((name) => allowScripts[name] === undefined)).toEqual([]);
});
