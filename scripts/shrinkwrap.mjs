/**
 * Before `npm pack`: package-lock.json, without what only development needs, as npm-shrinkwrap.json, and a field in package.json
 * that says so, as the npm registry adds it. npm installs a packed package's dependencies from this file, and runs install
 * scripts of those alone that it marks. So onnxruntime-node's, which downloads CUDA libraries from a host besides the npm
 * registry, does not run in the project of a user either, and everybody gets the versions that were tested.
 * `--remove` takes both back after it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const FILE = 'npm-shrinkwrap.json';
const NAME = '  "name": "recsys",\n';
const MARK = '  "_hasShrinkwrap": true,\n';

const manifest = readFileSync('package.json', 'utf8').replace(MARK, '');
if (process.argv.includes('--remove')) {
  rmSync(FILE, { force: true });
  writeFileSync('package.json', manifest);
} else {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const packages = Object.entries(lock.packages).filter(
    ([, { dev, devOptional, peer }]) => !dev && !devOptional && !peer,
  );
  for (const [path, own] of packages) if (path === '') delete own.devDependencies;
  writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
  writeFileSync('package.json', manifest.replace(NAME, NAME + MARK));
}
