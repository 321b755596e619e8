/** Errors that are shown to the reader: one sentence each. */
import { DeitError } from "deit/web";
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

/** What the page is told of an error in the worker. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DOMException && error.name === "AbortError") return { message: "Cancelled.", cancelled: true };
  if (error instanceof DeitError) {
    const wantsModel = error.hints.some(({ setting }) => setting === "model");
    return { message: error.message, wants: wantsModel ? "model" : undefined, cancelled: false };
  }
  if (error instanceof PageError) return { message: error.message, cancelled: false };
  console.error(error);
  return { message: unexpected, cancelled: false };
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
