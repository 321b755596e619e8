/** Errors in the worker, as the page is told of them. */
import { DeitError, InterruptedError } from "deit/web";
import { PageError, unexpected } from "./failure";
import type { Failure } from "./protocol";

/** What the page is told of an error in the worker. */
export function failureOf(error: unknown): Failure {
  if (error instanceof InterruptedError) return { message: error.message, cancelled: true };
  if (error instanceof DeitError) {
    const wantsModel = error.hints.some(({ setting }) => setting === "model");
    return { message: error.message, wants: wantsModel ? "model" : undefined, cancelled: false };
  }
  if (error instanceof PageError) return { message: error.message, cancelled: false };
  console.error(error);
  return { message: unexpected, cancelled: false };
}
