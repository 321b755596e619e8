/** Random access to bytes: of a file, of a slower source through a window, of a part of a larger source. */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";

/** Bytes with random access: a file, a part of one, or one behind HTTP. */
export interface ByteSource {
  /** Its name in messages. */
  readonly name: string;
  readonly size: number;
  /** Exactly these bytes; throws FileError if the source does not have them. */
  read(offset: number, length: number): Promise<Buffer>;
}

export async function fileSource(path: string, file: FileHandle, name = path): Promise<ByteSource> {
  const { size } = await file.stat();
  return {
    name,
    size,
    async read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset).catch((error) => {
        throw fileError(path, "read", error);
      });
      if (bytesRead < length) throw new FileError(path, `"${path}" is cut short at byte ${offset + bytesRead}.`);
      return bytes;
    },
  };
}

/** The same bytes, fetched at least `window` at a time, which saves round trips when reads are close together. */
export function windowed(source: ByteSource, window: number): ByteSource {
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  return {
    name: source.name,
    size: source.size,
    async read(offset, length) {
      if (offset < start || offset + length > start + held.length) {
        const wanted = Math.max(length, Math.min(window, source.size - offset));
        held = await source.read(offset, wanted);
        start = offset;
      }
      return held.subarray(offset - start, offset - start + length);
    },
  };
}

/** Bytes that are in memory, with a name for messages. */
export function bufferSource(name: string, bytes: Buffer): ByteSource {
  return { name, size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The part of a source that begins at `start`. */
export function within(source: ByteSource, start: number, size: number, name: string): ByteSource {
  return { name, size, read: (offset, length) => source.read(start + offset, length) };
}

/**
 * Bytes that arrive sequentially, such as those of a compressed file: a read must not start before the previous one
 * did.
 */
export function forwardSource(name: string, pieces: AsyncIterable<Buffer>): ByteSource {
  const iterator = pieces[Symbol.asyncIterator]();
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<Buffer> => {
    const { done, value } = await iterator.next();
    if (done) throw new FileError(name, `"${name}" is cut short at byte ${start + held.length}; get it again.`);
    return value;
  };
  return {
    name,
    size: Number.POSITIVE_INFINITY,
    async read(offset, length) {
      while (offset > start + held.length) {
        start += held.length;
        held = Buffer.alloc(0);
        held = await more();
      }
      held = held.subarray(offset - start);
      start = offset;
      if (held.length < length) {
        const parts = [held];
        for (let size = held.length; size < length; size += parts.at(-1)!.length) parts.push(await more());
        held = Buffer.concat(parts);
      }
      return held.subarray(0, length);
    },
  };
}
