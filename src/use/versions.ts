/** Which versions of recsys read each other's saved models. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../util/files.ts';

const { version: own } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** Version of this program. */
export const ownVersion = own;

/** Whether two versions are compatible as semantic versioning says: equal up to the first number that is not 0. */
export function versionsFit(other: string, version = own): boolean {
  const [a, b] = [parts(version), parts(other)];
  const significant = a.findIndex((part) => part !== '0') + 1;
  return a.slice(0, significant).join('.') === b.slice(0, significant).join('.');
}

function parts(version: string): string[] {
  return version.split(/[.+-]/, 3);
}
