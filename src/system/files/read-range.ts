/** Parts of files: exactly the requested bytes, or an error. */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { openRegular } from "./regular-file.js";

/** Runs `work` with the file open for reading. */
export async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openRegular(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** The `length` bytes of a file from `offset`. Throws FileError if the file ends before. */
export async function readRange(path: string, offset: number, length: number): Promise<Buffer> {
  return withFile(path, async (file) => {
    const bytes = Buffer.allocUnsafeSlow(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await file.read(bytes, at, length - at, offset + at).catch((error) => {
        throw fileError(path, "read", error);
      });
      if (bytesRead === 0) {
        throw new FileError(
          path,
          `"${path}" is cut short: it ends within the ${length} bytes from ${offset} on; get the file again.`,
        );
      }
      at += bytesRead;
    }
    return bytes;
  });
}
