/**
 * Zip archives (wheels, PyTorch checkpoints) read from disk: stored and deflated entries, zip64, with a limit on every
 * size.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import * as zlib from "node:zlib";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { quoted } from "../errors/quoted.js";
import { openRegular } from "../system/files/regular-file.js";
import { crc32 } from "./crc32.js";
import {
  damaged,
  end64Size,
  headerLength,
  longestEnd,
  placeInRecord,
  placeOfDirectory,
  readDirectory,
  requireRoom,
  type ZipEntry,
  type ZipLimits,
} from "./zip-directory.js";

export class ZipFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    /** Entries by name, in the order of the archive. */
    readonly entries: ReadonlyMap<string, ZipEntry>,
  ) {}

  /** Reads the table of contents. Throws FileError if it is damaged, states wrong sizes or names paths outside. */
  static async open(path: string, limits: ZipLimits = {}): Promise<ZipFile> {
    const file = await openRegular(path).catch((error) => {
      throw fileError(path, "open", error);
    });
    try {
      return new ZipFile(path, file, await directoryOf(path, file, limits));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Position of an entry's bytes in the file; only stored entries can be read from there directly. */
  async dataOffset(entry: ZipEntry): Promise<number> {
    const header = await readAt(this.path, this.file, entry.offset, 30);
    return entry.offset + headerLength(this.path, entry, header);
  }

  /** The unpacked bytes of an entry, in pieces; throws if they do not match the archive's size and checksum. */
  async *stream(name: string): AsyncGenerator<Buffer> {
    const entry = this.entries.get(name);
    if (!entry) throw new FileError(this.path, `"${this.path}" holds no file ${quoted(name)}.`);
    const start = await this.dataOffset(entry);
    let size = 0;
    let crc = 0;
    const packed = this.#pieces(start, entry.compressedSize);
    const unpacked = entry.method === "stored" ? packed : inflated(packed);
    try {
      for await (const piece of unpacked as AsyncIterable<Buffer>) {
        size += piece.length;
        if (size > entry.size) throw damaged(this.path, `${quoted(name)} is longer than its ${entry.size} bytes`);
        crc = crc32(piece, crc);
        yield piece;
      }
    } catch (error) {
      throw error instanceof FileError ? error : damaged(this.path, `${quoted(name)} cannot be unpacked`, error);
    }
    if (size !== entry.size) throw damaged(this.path, `${quoted(name)} ends after ${size} of ${entry.size} bytes`);
    if (crc !== entry.crc32) throw damaged(this.path, `${quoted(name)} has another checksum than promised`);
  }

  /** A whole entry in memory; throws if it exceeds `maxBytes`. */
  async read(name: string, maxBytes = 2 ** 30): Promise<Buffer> {
    const entry = this.entries.get(name);
    if (entry && entry.size > maxBytes) {
      throw new FileError(
        this.path,
        `${quoted(name)} in "${this.path}" has ${entry.size} bytes; at most ${maxBytes} are expected there.`,
      );
    }
    const pieces: Buffer[] = [];
    for await (const piece of this.stream(name)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Unpacks the entries that `wanted` accepts into an existing, empty folder; files are synced to disk. */
  async extract(
    folder: string,
    wanted: (entry: ZipEntry) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<string[]> {
    const written: string[] = [];
    for (const entry of this.entries.values()) {
      if (entry.name.endsWith("/") || !wanted(entry)) continue;
      const target = join(folder, ...entry.name.split("/"));
      try {
        await mkdir(dirname(target), { recursive: true });
        const out = await open(target, "wx", entry.executable ? 0o755 : 0o644);
        try {
          for await (const piece of this.stream(entry.name)) {
            signal?.throwIfAborted();
            await out.writeFile(piece);
          }
          await out.sync();
        } finally {
          await out.close();
        }
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw fileError(target, "write", error);
      }
      written.push(target);
    }
    return written;
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** The bytes of the file from `start`, in pieces of a mebibyte. */
  async *#pieces(start: number, length: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < length; at += 1 << 20) {
      yield await readAt(this.path, this.file, start + at, Math.min(1 << 20, length - at));
    }
  }
}

async function directoryOf(path: string, file: FileHandle, limits: ZipLimits): Promise<Map<string, ZipEntry>> {
  const length = (await file.stat()).size;
  const tailLength = Math.min(length, longestEnd);
  const found = placeOfDirectory(path, await readAt(path, file, length - tailLength, tailLength));
  const place = "record" in found ? placeInRecord(path, await readAt(path, file, found.record, end64Size)) : found;
  requireRoom(path, place, length, limits);
  return readDirectory(path, await readAt(path, file, place.start, place.size), place.count, length, limits);
}

async function readAt(path: string, file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead !== length) throw damaged(path, "it is cut off");
  return bytes;
}

/** The unpacked bytes; unlike `compose`, it ends with an error if the compressed data is malformed. */
function inflated(packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const inflate = zlib.createInflateRaw({ chunkSize: 1 << 20 });
  pipeline(Readable.from(packed), inflate, () => undefined); // failures reach the reader of the output
  return inflate;
}
