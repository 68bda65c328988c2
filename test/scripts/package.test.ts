import { existsSync } from 'node:fs';
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

test('the image gets what the build makes and what .dockerignore lets in', async () => {
  const read = (name: string) => readFile(join(packageRoot, name), 'utf8');
  const allowed = (await read('.dockerignore'))
    .split('\n')
    .flatMap((line) => /^!(.+)$/.exec(line)?.[1] ?? []);
  for (const path of allowed) expect(existsSync(join(packageRoot, path)), path).toBe(true);
  const copied = [...(await read('Dockerfile')).matchAll(/^COPY --from=build (.+) \S+$/gm)]
    .flatMap(([, paths]) => paths!.split(' '))
    .map((path) => path.replace('/app/', ''));
  expect(copied).toContain('dist');
  const made = ['dist', 'node_modules'];
  for (const path of copied.filter((name) => !made.includes(name))) expect(allowed).toContain(path);
  const { files } = await readJson<{ files: string[] }>('package.json');
  expect(copied).toEqual(expect.arrayContaining(files.filter((name) => !name.startsWith('!'))));
});
