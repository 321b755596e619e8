/** HTTP for downloads: redirects, credentials in URLs, and certificate files like pip's. */
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, isIPv6 } from "node:net";
import { rootCertificates } from "node:tls";
import { DownloadError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { paced } from "./paced.js";

export interface HttpOptions {
  /** Default: GET. */
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** A file with additional certificates to trust, like pip's `cert`. */
  readonly certificates?: string;
  /** Gives up if a response has not started after this time, or if nothing more of it arrives for this time. */
  readonly idleMilliseconds?: number;
}

/**
 * A request that follows redirects. Any status counts as a response; a failing connection throws, with DownloadError
 * for what a retry cannot fix. A caller that does not need the body must destroy the response, as the body may never
 * end.
 */
export async function request(url: URL, options: HttpOptions = {}, redirects = 5): Promise<IncomingMessage> {
  if (!isWeb(url)) throw new DownloadError(`"${url.protocol}" is not a web address; write http or https.`);
  const response = await send(url, options);
  const { statusCode = 0, headers } = response;
  if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return response;
  response.destroy();
  if (redirects === 0) throw new DownloadError(`${shown(url)} redirects too often; check the address of the server.`);
  const next = redirected(url, headers.location);
  // As in browsers: only these two statuses repeat the same request.
  const again = statusCode === 307 || statusCode === 308 || options.method !== "POST";
  const asked: HttpOptions = again ? options : { ...options, method: "GET", body: undefined };
  // Credentials are only for the host they were given for.
  if (next.host !== url.host) return request(next, withoutCredentials(asked), redirects - 1);
  if (!next.username) {
    next.username = url.username;
    next.password = url.password;
  }
  return request(next, asked, redirects - 1);
}

const isWeb = ({ protocol }: URL): boolean => protocol === "https:" || protocol === "http:";

/** Where a redirect leads, if it may be followed. */
function redirected(url: URL, location: string): URL {
  const refused = (where: string) =>
    new DownloadError(`${shown(url)} redirects to ${where}, which is refused; check the address of the server.`);
  if (!URL.canParse(location, url.href)) throw refused("something that is not an address");
  const next = new URL(location, url);
  if (!isWeb(next)) throw refused(`an address that begins with ${next.protocol}`);
  if (url.protocol === "https:" && next.protocol !== "https:") throw refused("an unencrypted address");
  if (isLinkLocal(next) && !isLinkLocal(url)) throw refused("the services of this machine's own network");
  return next;
}

/** Addresses at which cloud providers serve a machine's credentials. */
const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16, "ipv4");
linkLocal.addSubnet("fe80::", 10, "ipv6");
linkLocal.addAddress("fd00:ec2::254", "ipv6");

function isLinkLocal({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return linkLocal.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}

function withoutCredentials({ headers = {}, ...options }: HttpOptions): HttpOptions {
  const kept = Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name));
  return { ...options, headers: Object.fromEntries(kept) };
}

/** The body as text, at most `limit` bytes. */
export async function text(response: IncomingMessage, limit = 64 * 2 ** 20): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of paced(response as AsyncIterable<Buffer>)) {
    size += piece.length;
    if (size > limit)
      throw new DownloadError(`A server answered with more than ${limit} bytes, which is not a listing.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** The address without its credentials, for messages. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** No response has started, or it has stalled. */
class NoAnswer extends Error {
  readonly code = "ETIMEDOUT";
}

function send(
  url: URL,
  { method, headers = {}, body, signal, certificates, idleMilliseconds = 60_000 }: HttpOptions,
): Promise<IncomingMessage> {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const secure = url.protocol === "https:";
    const ca = secure && certificates ? [...rootCertificates, certificateFile(certificates)] : undefined;
    const call = (secure ? requestHttps : requestHttp)(url, { method, headers, signal, ca }, (response) => {
      clearTimeout(patience);
      resolve(response);
    });
    const giveUp = () => call.destroy(new NoAnswer(`no answer for ${idleMilliseconds / 1000} s`));
    // This timer is not reset by headers that arrive byte by byte.
    const patience = setTimeout(giveUp, idleMilliseconds);
    call.setTimeout(idleMilliseconds, giveUp);
    call.on("error", reject);
    call.on("close", () => clearTimeout(patience));
    call.end(body);
  });
}

function certificateFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(path, "read the certificates in", error);
  }
}
