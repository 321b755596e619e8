/** How many files a process may have open. */
import { readFileSync } from "node:fs";

/** Files that a program with its libraries and worker threads has open at once, at most. */
const enough = 256;

/** The limit of open files (`ulimit -n`) where it is too low to work with; undefined where it is not, or nobody can tell. */
export function lowFileLimit(): number | undefined {
  try {
    const limit = Number(/Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
    return limit < enough ? limit : undefined;
  } catch {
    return undefined;
  }
}
