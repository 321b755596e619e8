/**
 * Tests in Chromium: those of `deit/web`. They are skipped with a notice (reference-notice.ts) where there is none; CI
 * installs it and runs them in any case. DEIT_CHROMIUM names a program in another place.
 */
import { existsSync } from "node:fs";

/** Places where systems put it. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The program; undefined where there is none. */
export const chromiumPath = [process.env.DEIT_CHROMIUM, ...places].find(
  (path): path is string => path !== undefined && existsSync(path),
);
