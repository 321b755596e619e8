/** Says once, before the tests, that some are skipped for want of reference data (reference-data.ts). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { skipNotice } from "./skip-notice.js";

export function setup(): void {
  const shared = process.env.DEIT_SHARED ?? fileURLToPath(new URL("../../../shared", import.meta.url));
  if (process.env.CI || existsSync(join(shared, "weights"))) return;
  skipNotice(`There is no reference data in ${shared} (set DEIT_SHARED to its folder).`, "need it");
}
