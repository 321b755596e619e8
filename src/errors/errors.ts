/**
 * The typed errors of `deit`. Every message is a sentence: what failed, where (file, option or shape),
 * what was expected, and the way out. The command line prints the message alone and exits with `exitCode`.
 * Names of files and texts out of them may hold what a terminal obeys; in a message that is written as an escape.
 */
import { printable } from "./printable.js";

/** What all errors have in common. */
export abstract class DeitError extends Error {
  /** Process exit code of a command that ends with this error. */
  abstract readonly exitCode: number;

  constructor(message: string, options?: { cause?: unknown }) {
    super(printable(message), options);
    this.name = new.target.name;
  }
}

/** A wrong option, argument or recipe value. */
export class UsageError extends DeitError {
  readonly exitCode = 2;
}

/** Weights that do not say which model they are of, where nobody else did; `naming(way)` says how to name it. */
export class UnnamedModelError extends UsageError {
  constructor(readonly found: string) {
    super(UnnamedModelError.naming(found, "with the setting model"));
  }

  /** The message where a model is named in another way. */
  static naming(found: string, way: string): string {
    return `${found}; name it ${way} ("deit models" lists all).`;
  }
}

/** Shapes or dtypes that do not fit together. */
export class ShapeError extends DeitError {
  readonly exitCode = 3;
}

/** A file or folder that is missing, unreadable, malformed or not what it claims to be. */
export class FileError extends DeitError {
  readonly exitCode = 4;

  constructor(
    readonly path: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A part, such as one for validation, that the data does not have; what it has may be sound. */
export class NoSuchPartError extends FileError {
  constructor(
    path: string,
    message: string,
    /** Names of the parts that are there; none where the data is not divided. */
    readonly parts: readonly string[],
  ) {
    super(path, message);
  }
}

/** A part whose samples have no labels: nothing can be learnt from it or measured on it. */
export class UnlabelledPartError extends FileError {}

/** Weights that do not fit the model (other architecture, class count, resolution). */
export class WeightsError extends DeitError {
  readonly exitCode = 5;
}

/** An engine or device that is missing, refuses a program, or runs out of memory. */
export class EngineError extends DeitError {
  readonly exitCode = 6;
}

/** A program that needs more memory than the device has. */
export class OutOfMemoryError extends EngineError {
  /** What was found, a sentence without the way out: for who knows a better one. */
  readonly found: string;

  constructor(message: string, { found = message, cause }: { found?: string; cause?: unknown } = {}) {
    super(message, { cause });
    this.found = found;
  }
}

/** A download that was refused, cut off for good, or is not what was expected. */
export class DownloadError extends DeitError {
  readonly exitCode = 8;
}

/** Training that cannot continue: a loss that is not a number, a lost worker, a locked run folder. */
export class TrainingError extends DeitError {
  readonly exitCode = 7;
}

/** Work that the user interrupted; everything finished so far is on disk. */
export class InterruptedError extends DeitError {
  readonly exitCode = 130;
}

/** Work that was asked to save itself and end, to be taken up again: what a cluster's warning signal means. */
export class PausedError extends DeitError {
  /** EX_TEMPFAIL of sysexits.h: not done, try again. */
  readonly exitCode = 75;
}
