/** Unpacks archives (tar, tar.gz) into a folder, in pieces, with every name and size checked. */
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { quoted } from "../../errors/quoted.js";
import { type ByteSource, forwardSource } from "../../formats/byte-source.js";
import { gunzipped } from "../../formats/gunzip.js";
import { tarEntries } from "../../formats/tar.js";
import { streamRegular } from "../../system/files/regular-file.js";

export interface UnpackOptions {
  /** Number of leading folders removed from each name. */
  readonly strip: number;
  /** Maximum bytes of all files together. */
  readonly limit: number;
  /** Maximum number of files (default: two million). */
  readonly files?: number;
  readonly signal?: AbortSignal;
  /** Bytes unpacked so far. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Unpacks an archive into an existing folder. Throws FileError if it is damaged, contains anything but files and
 * folders, names a path outside, or exceeds the limits.
 */
export async function unpackTar(path: string, folder: string, options: UnpackOptions): Promise<void> {
  const { strip, limit, files: mostFiles = 2_000_000, signal, onProgress } = options;
  const file = await streamRegular(path, pieceBytes);
  const input = /gz$/i.test(path) ? gunzipped(path, 2 * limit + 2 ** 30) : (file as AsyncIterable<Buffer>);
  const source = forwardSource(path, input);
  let bytes = 0;
  let files = 0;
  try {
    for await (const { name, kind, offset, length } of tarEntries(source)) {
      signal?.throwIfAborted();
      if (kind === "other") throw damaged(path, `${quoted(name)} is neither file nor folder`);
      const parts = checked(path, name).slice(strip);
      if (kind !== "file" || parts.length === 0) continue;
      bytes += length;
      if (bytes > limit || ++files > mostFiles)
        throw damaged(path, `it unpacks to more than ${bytes > limit ? `${limit} bytes` : `${mostFiles} files`}`);
      await writeEntry(join(folder, ...parts), source, offset, length);
      onProgress?.(bytes);
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw fileError(path, "unpack", error);
  } finally {
    file.destroy();
  }
  if (files === 0) throw damaged(path, "it holds no files");
}

/** Bytes written at a time. */
const pieceBytes = 2 ** 20;

async function writeEntry(target: string, source: ByteSource, offset: number, length: number): Promise<void> {
  const failed = (error: unknown) => {
    throw fileError(target, "write", error);
  };
  await mkdir(dirname(target), { recursive: true }).catch(failed);
  const file = await open(target, "wx").catch(failed);
  try {
    for (let at = 0; at < length; at += pieceBytes) {
      const piece = await source.read(offset + at, Math.min(pieceBytes, length - at));
      await file!.writeFile(piece).catch(failed);
    }
  } finally {
    await file!.close();
  }
}

/** The folders and the file of a name; throws for one that could lead outside, on any system. */
function checked(path: string, name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || /[\\:\0]/.test(name) || parts.includes(".."))
    throw damaged(path, `it names the path ${quoted(name)}, which leads outside`);
  return parts;
}

function damaged(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `"${path}" is not a usable archive: ${reason}; get the file again.`, { cause });
}
