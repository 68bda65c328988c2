// Ends a CI run: prints how many tests ran and fails when fewer than argv[2] passed. A runner that finds no tests
// and exits 0 must not look like success.
import { readFileSync } from 'node:fs';

const minimum = Number(process.argv[2]);
const report = JSON.parse(readFileSync('coverage/test-report.json', 'utf8'));
const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report;
if (passed < minimum) {
  console.error(`only ${passed} tests passed, expected at least ${minimum}`);
  process.exitCode = 1;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
