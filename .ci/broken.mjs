// Names of the test files in a report that have failures: node .ci/broken.mjs REPORT.json
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const [path] = process.argv.slice(2);
const files = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).testResults : [];
for (const { name, status } of files) if (status === "failed") console.log(relative(".", name));
