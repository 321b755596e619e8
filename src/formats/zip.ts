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

export interface ZipEntry {
  /** Path inside the archive, with forward slashes, never leading outside it. A folder ends with "/". */
  readonly name: string;
  readonly size: number;
  readonly compressedSize: number;
  readonly crc32: number;
  readonly method: "stored" | "deflated";
  /** Position of the local header in the file. */
  readonly offset: number;
  /** Whether its owner may execute it, on systems with such permissions. */
  readonly executable: boolean;
}

export interface ZipLimits {
  readonly entries?: number;
  /** Limit of the unpacked bytes of all entries together. */
  readonly totalBytes?: number;
}

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const maxCentralDirectory = 64 * 2 ** 20;

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
      return new ZipFile(path, file, await readDirectory(path, file, limits));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Position of an entry's bytes in the file; only stored entries can be read from there directly. */
  async dataOffset(entry: ZipEntry): Promise<number> {
    const header = await readAt(this.path, this.file, entry.offset, 30);
    if (header.readUInt32LE(0) !== signatures.local) throw damaged(this.path, `${quoted(entry.name)} has no header`);
    return entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
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

async function readDirectory(path: string, file: FileHandle, limits: ZipLimits): Promise<Map<string, ZipEntry>> {
  const { entries: maxEntries = 100_000, totalBytes = 2 ** 40 } = limits;
  const length = (await file.stat()).size;
  const { count, start, size } = await findDirectory(path, file, length);
  if (count > maxEntries) throw damaged(path, `it lists ${count} files, above the limit of ${maxEntries}`);
  if (size > maxCentralDirectory || start + size > length) throw damaged(path, "its table of contents has no room");
  const bytes = await readAt(path, file, start, size);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || bytes.readUInt32LE(at) !== signatures.central) throw damaged(path, `entry ${i} is cut off`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) throw damaged(path, `entry ${i} is cut off`);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const entry = readEntry(path, bytes.subarray(at, next), name, nameLength, extraLength);
    if (entry.offset + 30 + entry.compressedSize > length)
      throw damaged(path, `${quoted(name)} reaches beyond its end`);
    if (entries.has(name)) throw damaged(path, `it lists ${quoted(name)} twice`);
    total += entry.size;
    if (total > totalBytes) throw damaged(path, `it unpacks to more than ${totalBytes} bytes`);
    entries.set(name, entry);
    at = next;
  }
  return entries;
}

function readEntry(path: string, header: Buffer, name: string, nameLength: number, extraLength: number): ZipEntry {
  checkName(path, name);
  const flags = header.readUInt16LE(8);
  const method = header.readUInt16LE(10);
  const mode = header.readUInt32LE(38) >>> 16;
  if (flags & 1) throw damaged(path, `${quoted(name)} is encrypted`);
  if ((mode & 0o170000) === 0o120000) throw damaged(path, `${quoted(name)} is a symbolic link`);
  if (method !== 0 && method !== 8) throw damaged(path, `${quoted(name)} is packed by the unknown method ${method}`);
  const wide = [header.readUInt32LE(24), header.readUInt32LE(20), header.readUInt32LE(42)];
  const [size, compressedSize, offset] = widen(
    path,
    wide,
    header.subarray(46 + nameLength, 46 + nameLength + extraLength),
  );
  if (method === 0 && size !== compressedSize)
    throw damaged(path, `${quoted(name)} is stored with two different sizes`);
  return {
    name,
    size,
    compressedSize,
    offset,
    crc32: header.readUInt32LE(16),
    executable: (mode & 0o100) !== 0,
    method: method === 0 ? "stored" : "deflated",
  };
}

/** Replaces 32-bit fields that are saturated with those of the zip64 extra field, in its fixed order. */
function widen(path: string, fields: readonly number[], extra: Buffer): number[] {
  if (!fields.includes(0xffffffff)) return [...fields];
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1 && end <= extra.length) {
      let next = at + 4;
      return fields.map((value) => {
        if (value !== 0xffffffff) return value;
        if (next + 8 > end) throw damaged(path, "a zip64 field is cut off");
        next += 8;
        return safeNumber(path, extra.readBigUInt64LE(next - 8));
      });
    }
    at = end;
  }
  return [...fields];
}

async function findDirectory(path: string, file: FileHandle, length: number) {
  const tailLength = Math.min(length, 22 + 0xffff);
  const tail = await readAt(path, file, length - tailLength, tailLength);
  let at = tailLength - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== signatures.end) at--;
  if (at < 0) throw damaged(path, "it has no table of contents (the file may be cut off)");
  const narrow = {
    count: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    start: tail.readUInt32LE(at + 16),
  };
  const locator = at - 20;
  if (locator < 0 || tail.readUInt32LE(locator) !== signatures.locator64) return narrow;
  const record = await readAt(path, file, safeNumber(path, tail.readBigUInt64LE(locator + 8)), 56);
  if (record.readUInt32LE(0) !== signatures.end64) throw damaged(path, "its zip64 record is missing");
  const [count, size, start] = [32, 40, 48].map((field) => safeNumber(path, record.readBigUInt64LE(field)));
  return { count, size, start };
}

/** Refuses names that could lead outside the folder they are unpacked into, on any system. */
function checkName(path: string, name: string): void {
  const parts = name.split("/");
  const bad =
    name === "" || name.startsWith("/") || /[\\:\0]/.test(name) || parts.some((part) => part === ".." || part === ".");
  if (bad) throw damaged(path, `it names the path ${quoted(name)}, which leads outside`);
}

async function readAt(path: string, file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead !== length) throw damaged(path, "it is cut off");
  return bytes;
}

function safeNumber(path: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(path, `a size of ${value} bytes is impossible`);
  return Number(value);
}

function damaged(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `"${path}" is not a usable zip archive: ${reason}; get the file again.`, { cause });
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** The CRC-32 of `bytes` after data with the CRC `before`; that of no data is 0. */
const crc32: (bytes: Uint8Array, before: number) => number =
  // Built into Node since 20.15, about ten times faster.
  (zlib as { crc32?: (bytes: Uint8Array, before: number) => number }).crc32 ??
  ((bytes, before) => {
    let c = ~before;
    for (let i = 0; i < bytes.length; i++) c = (c >>> 8) ^ crcTable[(c ^ bytes[i]) & 255];
    return ~c >>> 0;
  });

/** The unpacked bytes; unlike `compose`, it ends with an error if the compressed data is malformed. */
function inflated(packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const inflate = zlib.createInflateRaw({ chunkSize: 1 << 20 });
  pipeline(Readable.from(packed), inflate, () => undefined); // failures reach the reader of the output
  return inflate;
}
