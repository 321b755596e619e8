/** Downloads that resume after an interruption, and are kept only if they match what is expected. */
import { createHash } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { DownloadError, FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { streamRegular } from "../files/regular-file.js";
import { request, shown } from "./http.js";
import { BadStatus, networkReason, Unfinished } from "./network-reason.js";
import { paced } from "./paced.js";

/** What a file must match. Pages of older datasets publish an MD5, which detects damage, if not tampering. */
export interface Expected {
  readonly sha256?: string;
  readonly md5?: string;
  /** Bytes of the file, if known. */
  readonly size?: number;
}

export interface DownloadOptions extends Expected {
  /** Upper limit in bytes if the size is unknown; more is refused before it fills the disk. */
  readonly atMost?: number;
  /** Called before a piece is written, with the total bytes after it; throws FileError to refuse them. */
  readonly admit?: (bytes: number) => Promise<void>;
  readonly certificates?: string;
  /** Headers of the request, such as a token. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Bytes so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** First pause after an interruption, in milliseconds; doubled each time. */
  readonly pause?: number;
}

/** Consecutive failures after which the download is given up. What has arrived is kept for the next attempt. */
const maxFailures = 5;
/** Bytes that an attempt must add to the file to reset the count of failures. */
const progress = 4096;

/** Fetches `url` to `target`. An unfinished `target.part` from before is continued. */
export async function download(url: URL, target: string, options: DownloadOptions): Promise<void> {
  const part = `${target}.part`;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    if (before >= (options.size ?? Infinity)) break;
    try {
      await fetchRest(url, part, before, options);
      break;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      // A file that is already too large is of no use to another attempt.
      if (error instanceof TooLong || error instanceof FileError) await rm(part, { force: true });
      if (error instanceof DownloadError || error instanceof FileError) throw error;
      if (/^(open|write|fsync)$/.test((error as NodeJS.ErrnoException).syscall ?? ""))
        throw fileError(part, "write", error);
      failures = (await sizeOf(part)) >= before + progress ? 1 : failures + 1;
      if (failures >= maxFailures) throw givenUp(url, part, error);
      await delay((options.pause ?? 500) * 2 ** (failures - 1), undefined, { signal: options.signal });
    }
  }
  await verify(part, options, shown(url));
  await rename(part, target).catch((error) => {
    throw fileError(target, "write", error);
  });
}

/** Throws unless the file has the expected length and hash; a file that does not is removed if it is a download. */
export async function verify(path: string, expected: Expected, origin: string, remove = true): Promise<void> {
  const { sha256, md5, size } = expected;
  const algorithm = sha256 === undefined ? "md5" : "sha256";
  const wanted = sha256 ?? md5;
  const found = wanted === undefined ? undefined : await hashFile(path, algorithm);
  const length = await sizeOf(path);
  if (found === wanted && length === (size ?? length)) return;
  if (remove) await rm(path, { force: true });
  const sized = size === undefined ? wanted : `${wanted} (${size} bytes)`;
  const difference =
    wanted === undefined
      ? `it has ${length} bytes, but ${size} are expected`
      : `its ${algorithm === "md5" ? "MD5" : "SHA-256"} is ${found} (${length} bytes), but ${sized} is expected`;
  throw new DownloadError(
    `The file from ${origin} is refused: ${difference}. It was changed or damaged on the way${remove ? "; try again, or use another server" : ""}.`,
  );
}

async function hashFile(path: string, algorithm: "sha256" | "md5" = "sha256"): Promise<string> {
  const hash = createHash(algorithm);
  try {
    for await (const piece of await streamRegular(path)) hash.update(piece as Buffer);
  } catch (error) {
    throw fileError(path, "read", error);
  }
  return hash.digest("hex");
}

async function fetchRest(url: URL, part: string, start: number, options: DownloadOptions): Promise<void> {
  const { certificates, signal, onProgress } = options;
  const headers = {
    ...options.headers,
    "accept-encoding": "identity",
    ...(start > 0 ? { range: `bytes=${start}-` } : {}),
  };
  const response = await request(url, { headers, certificates, signal });
  const continues =
    response.statusCode === 206 && (response.headers["content-range"] ?? "").startsWith(`bytes ${start}-`);
  // How a server reports that there is nothing after the last byte.
  const whole = response.statusCode === 416 && response.headers["content-range"] === `bytes */${start}`;
  if (start > 0 && whole && options.size === undefined) {
    response.destroy();
    return;
  }
  const retry = response.statusCode === 429 || (response.statusCode ?? 0) >= 500;
  if (!continues && response.statusCode !== 200) {
    response.destroy();
    if (retry) throw new BadStatus(response.statusCode);
    throw new DownloadError(
      `${shown(url)} answered with status ${response.statusCode} instead of the file; check its name and the address of the server.`,
    );
  }
  // A server without support for ranges sends the file from its start.
  let done = continues ? start : 0;
  const stated = done + Number(response.headers["content-length"] ?? Number.NaN);
  const size = options.size ?? (Number.isNaN(stated) ? undefined : stated);
  const most = options.size ?? options.atMost ?? Infinity;
  if ((size ?? 0) > most) {
    response.destroy();
    throw new TooLong(url, most);
  }
  const file = await open(part, continues ? "a" : "w");
  try {
    for await (const piece of paced(response as AsyncIterable<Buffer>)) {
      done += piece.length;
      if (done > most) throw new TooLong(url, most);
      await options.admit?.(done);
      await file.writeFile(piece);
      onProgress?.(done, size ?? most);
    }
    await file.sync();
  } finally {
    await file.close();
    response.destroy();
  }
  if (size !== undefined && done < size) throw new Unfinished(`the connection ended after ${done} of ${size} bytes`);
}

class TooLong extends DownloadError {
  constructor(url: URL, size: number) {
    super(`The file from ${shown(url)} is refused: it is longer than the ${size} bytes that are expected at most.`);
  }
}

function givenUp(url: URL, part: string, error: unknown): DownloadError {
  return new DownloadError(
    `The download of ${shown(url)} was cut off or failed ${maxFailures} times (${networkReason(error)}). What has been downloaded is kept in "${part}"; run the command again to continue.`,
    { cause: error },
  );
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
