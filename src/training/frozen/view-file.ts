/** The file of one stored view of all images, and beside it how far it has come, with a checksum. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readJson } from "../../system/files/json-file.js";
import { readRange, withFile } from "../../system/files/read-range.js";
import { openRegular, streamRegular } from "../../system/files/regular-file.js";
import { type RowFormat, rowBytes } from "./rows.js";

const progressSchema = z.object({
  rows: z.number().int().min(0),
  sha256: z.string(),
});

/** Rows that are on the disk and belong to the checksum. */
interface Begun {
  readonly rows: number;
  readonly hash: Hash;
}

/** Writes the rows of a view, from where an earlier process has stopped. */
export class ViewWriter {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly hash: Hash,
    private written: number,
  ) {}

  /** Continues the file at `path`; what its checksum does not cover is dropped. */
  static async open(path: string, format: RowFormat): Promise<ViewWriter> {
    const begun = (await soundRows(path, format)) ?? { rows: 0, hash: createHash("sha256") };
    const file = begun.rows > 0 ? await openRegular(path, "change") : await open(path, "w");
    await file.truncate(begun.rows * rowBytes(format));
    return new ViewWriter(path, file, begun.hash, begun.rows);
  }

  get rows(): number {
    return this.written;
  }

  async add(bytes: Uint8Array, rows: number, format: RowFormat): Promise<void> {
    await this.file.write(bytes, 0, bytes.length, this.written * rowBytes(format)).catch((error) => {
      throw fileError(this.path, "write", error);
    });
    this.hash.update(bytes);
    this.written += rows;
  }

  /** Puts all rows so far on the disk. */
  async save(): Promise<void> {
    await this.file.sync();
    const progress = { rows: this.written, sha256: this.hash.copy().digest("hex") };
    await writeFileAtomic(progressOf(this.path), `${JSON.stringify(progress)}\n`);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

const progressOf = (path: string): string => `${path}.json`;

/** The rows of a file that its checksum covers; undefined if there is none, or if they have changed. */
export async function soundRows(path: string, format: RowFormat): Promise<Begun | undefined> {
  const told = progressSchema.safeParse(await readJson(progressOf(path)).catch(() => undefined));
  if (!told.success) return undefined;
  const { rows, sha256 } = told.data;
  const hash = createHash("sha256");
  let left = rows * rowBytes(format);
  try {
    for await (const piece of await streamRegular(path)) {
      const part = (piece as Buffer).subarray(0, left);
      hash.update(part);
      left -= part.length;
      if (left === 0) break;
    }
  } catch {
    return undefined; // it is written anew
  }
  return left === 0 && hash.copy().digest("hex") === sha256 ? { rows, hash } : undefined;
}

/** `rows` consecutive rows. */
export const readRows = (path: string, format: RowFormat, first: number, rows: number): Promise<Buffer> =>
  readRange(path, first * rowBytes(format), rows * rowBytes(format));

/** The rows at these places, one after another. */
export async function gatherRows(path: string, format: RowFormat, places: ArrayLike<number>): Promise<Buffer> {
  const bytes = rowBytes(format);
  const all = Buffer.allocUnsafeSlow(places.length * bytes);
  await withFile(path, async (file) => {
    await Promise.all(
      Array.from(places, async (place, i) => {
        const { bytesRead } = await file.read(all, i * bytes, bytes, place * bytes);
        if (bytesRead < bytes) throw new FileError(path, `"${path}" is cut short; remove it, and it is written anew.`);
      }),
    );
  });
  return all;
}
