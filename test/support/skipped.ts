/** The end of a test's title: empty where the test runs, else what it needs to. */
export function skippedUnless(runs: boolean, needs: string): string {
  return runs ? '' : ` (skipped: needs ${needs})`;
}
