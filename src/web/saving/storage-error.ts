/** What the browser's storage refuses. */
import { FileError } from "../../errors/errors.js";

/** Models cannot be kept in this browser, or not this one. */
export class StorageError extends FileError {
  constructor(
    name: string,
    /**
     * `full`: there is no room; `unavailable`: this browser, or this window, keeps nothing; `newer`: a later version of
     * deit has the models; `failed`: the storage reports an error.
     */
    readonly reason: "full" | "unavailable" | "newer" | "failed",
    message: string,
    options?: { cause?: unknown },
  ) {
    super(name, message, options);
  }
}
