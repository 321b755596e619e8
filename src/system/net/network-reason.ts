/** Describes why a connection failed. */
import { DownloadError } from "../../errors/errors.js";
import { TooSlow } from "./paced.js";

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at that address",
  ECONNRESET: "the connection was broken off",
  EPIPE: "the connection was broken off",
  ETIMEDOUT: "it does not answer",
  ENOTFOUND: "no machine of that name is known",
  EAI_AGAIN: "names of machines cannot be looked up now",
  EHOSTUNREACH: "no way leads to that machine",
  ENETUNREACH: "no way leads to that network",
  EADDRNOTAVAIL: "no way leads to that address",
  EACCES: "the system does not allow the connection",
  EPROTO: "it does not speak TLS",
};

/** Whether a request failed because there was no response, rather than because of the response. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof TooSlow || error instanceof Unfinished || error instanceof BadStatus) return true;
  return error instanceof Error && ("code" in error || error instanceof AggregateError || error.name === "AbortError");
}

/** A clause describing an error thrown by a request or while reading its response. */
export function networkReason(error: unknown): string {
  if (error instanceof TooSlow || error instanceof Unfinished || error instanceof BadStatus) return error.message;
  if (error instanceof DownloadError) return error.message.replace(/\.$/, "");
  // A name with several addresses fails once for each.
  if (error instanceof AggregateError && error.errors.length > 0) return networkReason(error.errors[0]);
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (reasons[code]) return reasons[code];
  if (code.startsWith("HPE_")) return "its answer is not HTTP";
  if (code.startsWith("ERR_SSL_")) return "it does not speak TLS as it should";
  if (/CERT|SIGNATURE|ISSUER/.test(code)) return "its certificate is not to be trusted";
  return /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? `the connection failed (${code})` : "the connection failed";
}

/** A response that ended prematurely. */
export class Unfinished extends Error {}

/** A response with a temporary error status. */
export class BadStatus extends Error {
  constructor(readonly status: number | undefined) {
    super(`it answered with status ${status}`);
  }
}
