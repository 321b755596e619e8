/** Errors that are shown to the reader: one sentence each. */
import type { Failure } from "./protocol";

/** A failure with a sentence for the reader. */
export class PageError extends Error {
  override readonly name = "PageError";

  constructor(
    message: string,
    readonly wants?: Failure["wants"],
  ) {
    super(message);
  }
}

/** The caller asked for the work to end. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";

  constructor() {
    super("Cancelled.");
  }
}

/** For what nobody foresaw; the browser's console has the details. */
export const unexpected =
  "Something failed that should not have; reload the page and try again (the browser's console has the details).";

/** The sentence of an error. */
export const sentenceOf = (error: unknown): string => {
  if (error instanceof PageError || error instanceof Cancelled) return error.message;
  console.error(error);
  return unexpected;
};
