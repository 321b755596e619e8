/**
 * The typed errors of `deit`. Every message is a sentence: what failed, where (file, option or shape), what was
 * expected, and the way out. Settings in it (sentence.ts) are named as in the library by `message` and `hints`, and as
 * options by the command line. The command line prints only the message and exits with `exitCode`. Names and contents
 * of files may include terminal control characters; messages escape them.
 */
import { printable } from "./printable.js";
import { type Hint, type Message, type Renaming, Sentence, sentence } from "./sentence.js";

/** What all errors have in common. */
export abstract class DeitError extends Error {
  /** Process exit code of a command that ends with this error. */
  abstract readonly exitCode: number;
  /** The message for callers that display settings in their own way: `sentence.as(naming)`. */
  #text: Message;

  constructor(message: Message, options?: { cause?: unknown }) {
    super(printable(String(message)), options);
    this.name = new.target.name;
    this.#text = message;
  }

  /** The message; as a `Sentence` if it names settings, so that they can be displayed in other ways. */
  get text(): Message {
    return this.#text;
  }

  /**
   * The settings named by the message, as suggestions for changes.
   *
   * @example
   * ```ts
   * import { createLoader, DeitError, openDataset } from "deit";
   *
   * const dataset = await openDataset("photos/", { split: "train" });
   * const transform = { kind: "evaluation", size: 32, cropRatio: 1, interpolation: "bicubic" } as const;
   * try {
   *   createLoader({ dataset, transform, batchSize: 1000, order: "shuffled", dropLast: true, seed: 0, workers: 0 });
   * } catch (error) {
   *   if (error instanceof DeitError) for (const { setting } of error.hints) console.log("change", setting); // batchSize
   * }
   * ```
   */
  get hints(): readonly Hint[] {
    return this.#text instanceof Sentence ? this.#text.hints : [];
  }

  /** The same error with settings renamed, for a function that passes its caller's settings on under other names. */
  renamed(names: Renaming): this {
    if (!(this.#text instanceof Sentence)) return this;
    this.#text = this.#text.renamed(names);
    this.message = printable(String(this.#text));
    return this;
  }

  /** The same error, with words before its message that say what failed because of it. */
  after(beginning: string): this {
    this.#text = sentence`${beginning}: ${this.#text}`;
    this.message = printable(String(this.#text));
    return this;
  }
}

/** A wrong option, argument or recipe value. */
export class UsageError extends DeitError {
  readonly exitCode = 2;
}

/** Shapes or dtypes that do not fit together. */
export class ShapeError extends DeitError {
  readonly exitCode = 3;
}

/** A file or folder that is missing, unreadable, malformed or not what it claims to be. */
export class FileError extends DeitError {
  readonly exitCode = 4;

  constructor(
    /** The file or folder that is meant. */
    readonly path: string,
    message: Message,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A part, such as one for validation, that the data does not have, although its other parts may be valid. */
export class NoSuchPartError extends FileError {
  constructor(
    path: string,
    message: Message,
    /** Names of the existing parts; none if the data is not divided. */
    readonly parts: readonly string[],
  ) {
    super(path, message);
  }
}

/** A part whose samples have no labels: nothing can be trained or measured on it. */
export class UnlabelledPartError extends FileError {}

/** Weights that do not fit the model (different architecture, class count, resolution). */
export class WeightsError extends DeitError {
  readonly exitCode = 5;
}

/** An engine or device that is missing, refuses a program, or runs out of memory. */
export class EngineError extends DeitError {
  readonly exitCode = 6;
}

/** A program that needs more memory than the device has. */
export class OutOfMemoryError extends EngineError {
  /** What was found, a sentence without the way out, for callers that know a better one. */
  readonly found: Message;

  constructor(message: Message, { found = message, cause }: { found?: Message; cause?: unknown } = {}) {
    super(message, { cause });
    this.found = found;
  }
}

/** A download that was refused, failed permanently, or is not what was expected. */
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

/** Work that saved its state and ended on request, to be resumed later, as on a cluster's warning signal. */
export class PausedError extends DeitError {
  /** EX_TEMPFAIL of sysexits.h: not done, try again. */
  readonly exitCode = 75;
}
