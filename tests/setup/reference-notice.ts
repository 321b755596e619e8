/** Says once, before the tests, which are skipped for want of reference data (reference-data.ts) or a browser (browser.ts). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromiumPath } from "./browser.js";
import { skipNotice } from "./skip-notice.js";

export function setup(): void {
  const shared = process.env.DEIT_SHARED ?? fileURLToPath(new URL("../../../shared", import.meta.url));
  if (process.env.CI) return;
  if (chromiumPath === undefined)
    skipNotice("There is no Chromium (set DEIT_CHROMIUM to its program).", "run deit/web in a browser");
  if (existsSync(join(shared, "weights"))) return;
  skipNotice(`There is no reference data in ${shared} (set DEIT_SHARED to its folder).`, "need it");
}
