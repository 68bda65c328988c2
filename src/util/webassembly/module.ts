/** WebAssembly modules of the build. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecsysError } from '../errors.ts';
import { packageRoot } from '../package.ts';

/** Reads and compiles `dist/<path>`. Throws RecsysError when it cannot be read. */
export function compileModule(path: string): WebAssembly.Module {
  const file = join(packageRoot, 'dist', path);
  try {
    return new WebAssembly.Module(readFileSync(file));
  } catch (cause) {
    throw new RecsysError({
      place: file,
      found: 'compiled code that cannot be read',
      remedy: 'Run `npm run build` in the project folder.',
      cause,
    });
  }
}
