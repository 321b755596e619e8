/** All output of commands: results on standard output; notes, warnings and progress on standard error. */
import { fstatSync } from "node:fs";
import { printable } from "../../errors/quoted.js";
import type { Message } from "../../errors/sentence.js";
import { terminal } from "./terminal.js";
import { worded } from "./wording.js";

const lost = new AbortController();

/** Aborted once standard output fails; its reason is the system's error. */
export const outputLost: AbortSignal = lost.signal;

/** Keeps the process alive if its output fails: a full disk, a closed pipe or terminal. */
export function watchOutput(): void {
  process.stdout.on("error", (error) => lost.abort(error));
  process.stderr.on("error", (error) => {
    if (samePlace(1, 2)) lost.abort(error);
  });
}

/** Whether two descriptors refer to the same file, pipe or terminal, as after `2>&1`. */
function samePlace(a: number, b: number): boolean {
  try {
    const [first, second] = [fstatSync(a), fstatSync(b)];
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/** Prints a result on standard output. Terminal control characters in names are escaped; JSON keeps its meaning. */
export function print(text: string): void {
  if (outputLost.aborted) return;
  terminal.above(() => process.stdout.write(`${printable(text)}\n`));
}

/** Prints a note on standard error. */
export function note(text: Message): void {
  terminal.line(printable(worded(text)));
}

/** Prints a warning on standard error. */
export function warn(message: Message): void {
  note(`deit: ${worded(message)}`);
}
