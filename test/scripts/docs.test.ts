import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/util/package.ts';

const read = (path: string) => readFile(join(packageRoot, path), 'utf8');

async function pages(): Promise<string[]> {
  const docs = (await readdir(join(packageRoot, 'docs'))).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs.map((name) => `docs/${name}`)];
}

test('every file that a page links to exists, and so does the heading', async () => {
  const broken: string[] = [];
  let links = 0;
  for (const page of await pages()) {
    for (const [, target] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      links++;
      const [path, heading] = target!.split('#') as [string, string?];
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(packageRoot, file))) broken.push(`${page}: ${target}`);
      else if (heading !== undefined && !headingsOf(await read(file)).includes(heading))
        broken.push(`${page}: ${target}`);
    }
  }
  expect(links).toBeGreaterThan(20);
  expect(broken).toEqual([]);
});

test('the README links to every page of docs', async () => {
  const readme = await read('README.md');
  const unlinked = (await pages()).filter(
    (page) => page.startsWith('docs/') && !readme.includes(`](${page})`),
  );
  expect(unlinked).toEqual(['docs/style.md']); // which CONTRIBUTING.md is for
});

/** Headings as GitHub makes anchors of them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('every npm script, file of src and script that a page names in code exists', async () => {
  const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
  const missing: string[] = [];
  let names = 0;
  for (const page of (await pages()).filter((name) => name !== 'CHANGELOG.md')) {
    const text = await read(page);
    for (const [, script] of text.matchAll(/npm run ([a-z0-9:]+)/g)) {
      names++;
      if (scripts[script!] === undefined) missing.push(`${page}: npm run ${script}`);
    }
    for (const [, path] of text.matchAll(/`((?:src|scripts|test)\/[\w./-]+)`/g)) {
      names++;
      if (!path!.includes('NAME') && !existsSync(join(packageRoot, path!))) missing.push(`${page}: ${path}`);
    }
  }
  expect(names).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});

test('docs/architecture.md lists the floors in the order of the linter', async () => {
  const config = await read('oxlint.config.mjs');
  const list = /const floors = \[([^\]]+)\]/.exec(config)?.[1] ?? '';
  const floors = [...list.matchAll(/'([\w-]+)'/g)].map(([, floor]) => floor);
  const rows = [...(await read('docs/architecture.md')).matchAll(/^\| `([\w-]+)(?:\/|\.ts)` /gm)];
  expect(rows.map(([, floor]) => floor)).toEqual(floors);
});

test('docs/architecture.md names every dependency', async () => {
  const { dependencies } = JSON.parse(await read('package.json')) as { dependencies: Record<string, string> };
  const text = await read('docs/architecture.md');
  expect(Object.keys(dependencies).filter((name) => !text.includes(name))).toEqual([]);
});
