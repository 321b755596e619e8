/** What the program has to say beside its result, a sentence on the standard error stream. */
import { printable } from "../system/quoted.js";

export function warn(message: string): void {
  console.error(`deit: ${printable(message)}`);
}
