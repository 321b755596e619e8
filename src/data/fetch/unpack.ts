/** Packed archives (tar, tar.gz) unpacked into a folder, piece by piece, with every name and size checked. */
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { FileError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import { quoted } from "../../system/quoted.js";

export interface UnpackOptions {
  /** Leading folders of each name that are left out. */
  readonly strip: number;
  /** Bytes of all files together, at most. */
  readonly limit: number;
  /** Files, at most; two million unless told. */
  readonly files?: number;
  readonly signal?: AbortSignal;
  /** Bytes unpacked so far. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Unpacks an archive into an existing folder. Throws FileError when it is damaged, holds anything but files and folders,
 * names a place outside, or grows beyond the limits.
 */
export async function unpackTar(path: string, folder: string, options: UnpackOptions): Promise<void> {
  const { strip, limit, files: mostFiles = 2_000_000, signal, onProgress } = options;
  const input = createReadStream(path, { highWaterMark: 1 << 20 });
  const entries = extract();
  const packed = /gz$/i.test(path);
  const flow = (packed ? pipeline(input, createGunzip(), entries) : pipeline(input, entries)).catch(() => undefined);
  let bytes = 0;
  let files = 0;
  try {
    for await (const entry of entries) {
      signal?.throwIfAborted();
      const { name, type, size = 0 } = entry.header;
      const parts = checked(path, name).slice(strip);
      if (type === "file" && parts.length > 0) {
        bytes += size;
        if (bytes > limit || ++files > mostFiles) {
          throw damaged(path, `it unpacks to more than ${bytes > limit ? `${limit} bytes` : `${mostFiles} files`}`);
        }
        await writeEntry(join(folder, ...parts), entry as unknown as Readable);
        onProgress?.(bytes);
      } else if (type !== "file" && type !== "directory") {
        throw damaged(path, `${quoted(name)} is neither file nor folder`);
      }
      entry.resume();
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof FileError) throw error;
    throw damaged(path, (error as Error).message, error);
  } finally {
    input.destroy();
    entries.destroy();
    await flow;
  }
  if (files === 0) throw damaged(path, "it holds no files");
}

async function writeEntry(target: string, content: Readable): Promise<void> {
  const failed = (error: unknown) => {
    throw fileError(target, "write", error);
  };
  await mkdir(dirname(target), { recursive: true }).catch(failed);
  const file = await open(target, "wx").catch(failed);
  try {
    for await (const piece of content) await file!.writeFile(piece as Buffer).catch(failed);
  } finally {
    await file!.close();
  }
}

/** The folders and the file of a name; refuses one that could lead outside, on any system. */
function checked(path: string, name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || /[\\:\0]/.test(name) || parts.includes(".."))
    throw damaged(path, `it names the path ${quoted(name)}, which leads outside`);
  return parts;
}

function damaged(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `"${path}" is not a usable archive: ${reason}; get the file again.`, { cause });
}
