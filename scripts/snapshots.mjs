// Writes tests/fixtures/snapshots: what must not change by accident when code is rearranged. Run on the commit before a
// rearrangement (npm run build first); tests/repository/snapshots.test.ts compares with it afterwards.
import { writeFileSync } from "node:fs";
import * as deit from "../dist/index.js";
import { snapshots } from "../tests/repository/snapshots.mjs";

for (const [name, value] of Object.entries(await snapshots(deit)))
  writeFileSync(
    new URL(`../tests/fixtures/snapshots/${name}.json`, import.meta.url),
    `${JSON.stringify(value, null, 1)}\n`,
  );
