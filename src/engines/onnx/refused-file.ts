/** The error of a model in a file that ONNX Runtime does not open, in a sentence of the file. */
import { EngineError, FileError, OutOfMemoryError } from "../../errors/errors.js";
import { printable } from "../../errors/printable.js";

const longest = 200;

/** A FileError where the error's cause is ONNX Runtime's own words; otherwise the error itself. */
export function refusedFile(path: string, error: unknown): unknown {
  if (!(error instanceof EngineError) || error instanceof OutOfMemoryError || typeof error.cause !== "string")
    return error;
  const message = `ONNX Runtime cannot open "${path}": ${reasonIn(error.cause, path)}; export the model again, or get the file again.`;
  return new FileError(path, message, { cause: error });
}

/** What ONNX Runtime says, without its own files, lines and functions. */
function reasonIn(words: string, path: string): string {
  const reason = words
    .replaceAll(path, "")
    .replace(/Load model from\s+failed:/g, "")
    // A function with its types, or without them.
    .replace(/\S+\.(?:cc|h):\d+ (?:static )?(?:\w+ )?[\w:<>~]+\((?=[^()]*::)[^()]*\)/g, "")
    .replace(/\S+\.(?:cc|h):\d+ (?:static \w+ )?[\w:<>~]+(?:\(\))?/g, "")
    .replace(/\s+/g, " ")
    .replace(/[\s.]+$/, "")
    .trim();
  return printable(reason.length > longest ? `${reason.slice(0, longest)}…` : reason);
}
