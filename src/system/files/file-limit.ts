/** How many files a process may have open. */
import { readFileSync } from "node:fs";

/** Upper bound of the files that a program with its libraries and worker threads has open at once. */
const enough = 256;

/** The limit of open files (`ulimit -n`) if it is too low to work with; undefined if it is not, or is unknown. */
export function lowFileLimit(): number | undefined {
  try {
    const limit = Number(/Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
    return limit < enough ? limit : undefined;
  } catch {
    return undefined;
  }
}
