/** Errors of the operating system about files, as sentences. */
import { FileError } from "./errors.js";
import { systemReason } from "./system-reason.js";

/** The error of a file operation as a sentence; `doing` begins with the operation, "read" or "write the log in". */
export function fileError(path: string, doing: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  return new FileError(path, `Cannot ${doing} "${path}": ${systemReason(error, doing)}.`, { cause: error });
}
