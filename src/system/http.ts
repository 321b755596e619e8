/** HTTP for downloads: redirects, credentials in addresses, and certificate files as pip knows them. */
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { rootCertificates } from "node:tls";
import { DownloadError } from "../errors.js";

export interface HttpOptions {
  /** GET unless told. */
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** A file with further certificates to trust, as pip's `cert`. */
  readonly certificates?: string;
  /** Gives up when nothing arrives for so long. */
  readonly idleMilliseconds?: number;
}

/** A request that follows redirects. Any status is an answer; only a failing connection throws. */
export async function request(url: URL, options: HttpOptions = {}, redirects = 5): Promise<IncomingMessage> {
  const response = await send(url, options);
  const { statusCode = 0, headers } = response;
  if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return response;
  response.resume();
  const next = new URL(headers.location, url);
  if (redirects === 0) throw new DownloadError(`${shown(url)} redirects too often; check the address of the server.`);
  if (url.protocol === "https:" && next.protocol !== "https:") {
    throw new DownloadError(`${shown(url)} redirects to an unencrypted address, which is refused.`);
  }
  // Credentials belong to the host they were given for.
  if (next.host !== url.host) return request(next, withoutCredentials(options), redirects - 1);
  if (!next.username) {
    next.username = url.username;
    next.password = url.password;
  }
  return request(next, options, redirects - 1);
}

function withoutCredentials({ headers = {}, ...options }: HttpOptions): HttpOptions {
  const kept = Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name));
  return { ...options, headers: Object.fromEntries(kept) };
}

/** The body as text, at most `limit` bytes. */
export async function text(response: IncomingMessage, limit = 64 * 2 ** 20): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > limit) throw new DownloadError(`A server answered with more than ${limit} bytes, which is no listing.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** The address without its credentials, for messages. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function send(url: URL, { method, headers = {}, signal, certificates, idleMilliseconds = 60_000 }: HttpOptions) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const secure = url.protocol === "https:";
    const ca = secure && certificates ? [...rootCertificates, readFileSync(certificates, "utf8")] : undefined;
    const call = (secure ? requestHttps : requestHttp)(url, { method, headers, signal, ca }, resolve);
    call.setTimeout(idleMilliseconds, () => call.destroy(new Error(`no answer for ${idleMilliseconds / 1000} s`)));
    call.on("error", reject);
    call.end();
  });
}
