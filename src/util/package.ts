/** This package: where it lies, and its version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's root folder (holds package.json and data/), from src/util/ as from dist/chunks/. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
