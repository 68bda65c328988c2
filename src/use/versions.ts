/** Which versions of recsys read each other's saved models. */
import { packageVersion } from '../util/package.ts';

/** Version of this program. */
export const ownVersion = packageVersion();

/** Whether two versions are compatible as semantic versioning says: equal up to the first number that is not 0. */
export function versionsFit(other: string, version = ownVersion): boolean {
  const [a, b] = [parts(version), parts(other)];
  const significant = a.findIndex((part) => part !== '0') + 1;
  return a.slice(0, significant).join('.') === b.slice(0, significant).join('.');
}

function parts(version: string): string[] {
  return version.split(/[.+-]/, 3);
}
