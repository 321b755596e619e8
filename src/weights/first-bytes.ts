/** The first bytes of a weights file, which identify its format. */
import { fileError } from "../errors/file-error.js";
import { openRegular } from "../system/files/regular-file.js";

/** At most the first `count` bytes. Throws FileError if they cannot be read. */
export async function firstBytes(path: string, count: number): Promise<Buffer> {
  try {
    const file = await openRegular(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, "read the weights in", error);
  }
}

const zipStart = Buffer.from("PK\x03\x04", "latin1");

export const isZip = (head: Buffer): boolean => head.subarray(0, zipStart.length).equals(zipStart);
