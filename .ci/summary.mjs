// What the tests came to: node .ci/summary.mjs FIRST.json SECOND.json FAILED_CHECKS
// FIRST is the report of all tests, SECOND that of the files with failures run once more (it may be empty). Ends with
// "N passed, N failed", where a failed check counts as a failed test and a skipped test does too.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const [first, second, failedChecks] = process.argv.slice(2);

/** Every test of a report as [name, status, first line of the message]; a file that could not run counts as one. */
function testsOf(path) {
  return JSON.parse(readFileSync(path, "utf8")).testResults.flatMap((file) => {
    const name = relative(".", file.name);
    const tests = file.assertionResults.map(({ fullName, status, failureMessages }) => ({
      ...{ name: `${name}: ${fullName}`, status, reason: failureMessages?.[0] ?? "" },
    }));
    const broken = file.status === "failed" && !tests.some(({ status }) => status === "failed");
    return broken ? [...tests, { name, status: "failed", reason: file.message }] : tests;
  });
}

/** Test files by time, longest first. */
function slowest(path) {
  const seconds = ({ startTime, endTime }) => (endTime - startTime) / 1000;
  return JSON.parse(readFileSync(path, "utf8"))
    .testResults.sort((a, b) => seconds(b) - seconds(a))
    .slice(0, 10)
    .map((file) => `${seconds(file).toFixed(1).padStart(7)}  ${relative(".", file.name)}`);
}

let passed = 0;
let failed = Number(failedChecks);
try {
  console.log(["The ten slowest test files, in seconds:", ...slowest(first)].join("\n"));
  let again = new Map();
  try {
    again = new Map(testsOf(second).map((test) => [test.name, test]));
  } catch {
    // There was nothing to run again.
  }
  for (const { name, status, reason } of testsOf(first)) {
    const unsteady = status === "failed" && again.get(name)?.status === "passed";
    if (status === "passed" || unsteady) passed++;
    else failed++;
    if (status === "passed") continue;
    console.log(`${unsteady ? "PASSED ONLY WHEN RUN AGAIN" : status.toUpperCase()} ${name}`);
    console.log(`    ${reason.split("\n").slice(0, 3).join("\n    ")}`);
  }
} catch (error) {
  console.error(`no test report: ${error.message}`);
  failed = Math.max(1, failed);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
