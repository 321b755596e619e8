/** Content of gzip files, streamed and limited in size. */
import { createGunzip } from "node:zlib";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { streamRegular } from "../system/files/regular-file.js";

/** Throws FileError if the file is damaged, truncated, or unpacks to more than `limit` bytes. */
export async function* gunzipped(path: string, limit: number): AsyncGenerator<Buffer, void> {
  const input = await streamRegular(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  const packed = createGunzip();
  input.on("error", (error) => packed.destroy(error));
  let size = 0;
  try {
    for await (const piece of input.pipe(packed) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > limit) throw new FileError(path, `"${path}" unpacks to more than the limit of ${limit} bytes.`);
      yield piece;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw fileError(path, "read", error);
    if (error instanceof FileError) throw error;
    const reason = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR" ? "it is cut short" : "it is damaged";
    throw new FileError(path, `"${path}" is not a usable gzip file: ${reason}; get it again.`, { cause: error });
  } finally {
    input.destroy();
  }
}
