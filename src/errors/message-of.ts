/** Text of thrown values. */
import { DeitError } from "./errors.js";
import type { Message } from "./sentence.js";

/** The message of an error, or any other thrown value as a string. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The same with the settings that it names, for use within a longer sentence. */
export const textOf = (error: unknown): Message => (error instanceof DeitError ? error.text : messageOf(error));

/** The same as the end of a sentence: with a full stop if it has none. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error).trimEnd();
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
