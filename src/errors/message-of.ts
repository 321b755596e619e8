/** Text of thrown values. */
import { DeitError } from "./errors.js";
import type { Message } from "./sentence.js";

/** The message of an error, or any other thrown value as a string. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The same with the settings that it names, for a sentence that goes on from it. */
export const textOf = (error: unknown): Message => (error instanceof DeitError ? error.text : messageOf(error));
