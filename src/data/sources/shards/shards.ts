/** Sources of a WebDataset's shards: files, compressed files, or URLs. */
import { createHash } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DownloadError, FileError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { gunzipped } from "../../../formats/gunzip.js";
import { requireFreeSpace, writeFileAtomic } from "../../../system/files/atomic-file.js";
import { withFile } from "../../../system/files/read-range.js";
import { download } from "../../../system/net/download.js";
import { request, shown } from "../../../system/net/http.js";
import { BadStatus, networkReason } from "../../../system/net/network-reason.js";
import { type Admit, type StoredShard, shardFolder } from "./store.js";

export interface Shard {
  /** Its path or address, for messages. */
  readonly name: string;
  /** Values that must not change for its index to remain valid. */
  readonly identity: readonly unknown[];
  /** Where it can be read; anything but a plain file has to be created first. */
  readonly file: string;
  readonly size: number | undefined;
  readonly make?: StoredShard["make"];
}

/** Maximum size of a shard. */
const largest = 2 ** 37;
/** Limits of a compressed shard's unpacked bytes: always allowed, and times its size, since images hardly compress. */
const unpacked = { always: 2 ** 30, times: 250 };

const isPacked = (name: string): boolean => /gz$/i.test(name);

export const isUrl = (path: string): boolean => /^https?:\/\//i.test(path);

export interface ShardOptions {
  readonly signal?: AbortSignal;
  /** First pause after a failure, in milliseconds. */
  readonly pause?: number;
}

/** Finds out what is at a path or URL. Throws FileError or DownloadError if there is nothing. */
export async function shardAt(name: string, options: ShardOptions = {}): Promise<Shard> {
  return isUrl(name) ? remoteShard(new URL(name), options) : localShard(name);
}

async function localShard(path: string): Promise<Shard> {
  const { size, mtimeMs } = await stat(path).catch((error) => {
    throw fileError(path, "read the shard", error);
  });
  const identity = [resolve(path), size, mtimeMs];
  if (!isPacked(path) && !(await isGzip(path))) return { name: path, identity, file: path, size };
  const file = storedAt(identity);
  return { name: path, identity, file, size: undefined, make: (_, admit) => unpack(path, file, admit) };
}

async function remoteShard(url: URL, { signal, pause }: ShardOptions): Promise<Shard> {
  const { size, version } = await headOf(url, { signal, pause });
  const identity = [url.href, size, version];
  const file = storedAt(identity);
  // Resumes a file only if it is still the same.
  const headers = version?.startsWith('"') ? { "if-range": version } : undefined;
  const fetchTo = async (target: string, signal: AbortSignal | undefined, admit: Admit) => {
    await admit(size ?? 0);
    await requireFreeSpace(dirname(file), size ?? 0, `"${shown(url)}"`);
    await download(url, target, { size, atMost: largest, admit, headers, signal, pause });
  };
  const make: StoredShard["make"] = async (signal, admit) => {
    if (!isPacked(url.pathname)) {
      await fetchTo(file, signal, admit);
      if (await isGzip(file)) await unpack(file, file, admit, shown(url));
      return;
    }
    const packed = `${file}.gz`;
    await fetchTo(packed, signal, admit);
    await unpack(packed, file, admit, shown(url)).finally(() => rm(packed, { force: true }));
  };
  return { name: shown(url), identity, file, size: isPacked(url.pathname) ? undefined : size, make };
}

function storedAt(identity: readonly unknown[]): string {
  const name = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  return join(shardFolder(), `${name}.tar`);
}

/** Whether a file is compressed regardless of its name, as some servers and programs leave them. */
const isGzip = async (path: string): Promise<boolean> =>
  withFile(path, async (file) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  });

async function unpack(from: string, to: string, admit: Admit, name = from): Promise<void> {
  const { size } = await stat(from);
  const most = Math.max(unpacked.always, unpacked.times * size);
  const pieces = async function* () {
    let bytes = 0;
    for await (const piece of gunzipped(from, largest)) {
      bytes += piece.length;
      if (bytes > most)
        throw new FileError(name, `"${name}" unpacks to more than ${unpacked.times} times its size; get it again.`);
      await admit(bytes);
      yield piece;
    }
  };
  await writeFileAtomic(to, pieces());
}

const attempts = 5;

/** Length and version of the file at a URL, if the server reports them. */
async function headOf(
  url: URL,
  { signal, pause = 500 }: ShardOptions,
): Promise<{ size: number | undefined; version: string | undefined }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request(url, { method: "HEAD", signal });
      response.destroy();
      const { statusCode = 0, headers } = response;
      const { etag, "last-modified": modified, "content-length": length } = headers;
      if (statusCode === 429 || statusCode >= 500) throw new BadStatus(statusCode);
      // Some servers sign URLs only for GET; then the length comes with the content.
      if (statusCode === 403 || statusCode === 405) return { size: undefined, version: undefined };
      if (statusCode !== 200)
        throw new DownloadError(`${shown(url)} answered with status ${statusCode}; check the address of the shard.`);
      return { size: length === undefined ? undefined : Number(length), version: etag ?? modified };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DownloadError) throw error;
      if (attempt === attempts) {
        throw new DownloadError(
          `${shown(url)} cannot be reached (${networkReason(error)}, ${attempts} times); check the address, or try again later.`,
          { cause: error },
        );
      }
      await sleep(pause * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}
