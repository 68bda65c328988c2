// Deletes what an installed clone never reads: ONNX Runtime for other platforms, and source maps of packages. Runs after
// the build of `npm ci`; a package that is installed from the registry or a tarball is left as npm made it.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
const own = join(process.platform, process.arch);

/**
 * Files and folders under `folder`, as paths from there.
 * @param {string} folder
 */
const pathsUnder = (folder) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];

const onnxRuntime = join(modules, 'onnxruntime-node', 'bin');
const foreign = pathsUnder(onnxRuntime)
  .filter((path) => /^napi-v\d+[\\/]\w+[\\/]\w+$/.test(path) && !path.endsWith(own))
  .map((path) => join(onnxRuntime, path));
const maps = pathsUnder(modules)
  .filter((path) => /\.[cm]?js\.map$/.test(path))
  .map((path) => join(modules, path));
let bytes = 0;
for (const path of [
  ...maps,
  ...foreign.flatMap((folder) => pathsUnder(folder).map((file) => join(folder, file))),
])
  bytes += statSync(path).size;
for (const path of [...foreign, ...maps]) rmSync(path, { recursive: true });
console.log(`removed ${Math.round(bytes / 1e6)} MB of source maps and of ONNX Runtime for other platforms`);
