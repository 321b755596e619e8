/**
 * Reads record files: header, foot and index on opening, then the contents of records, each verified by its checksum.
 */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { fileSource } from "../../formats/byte-source.js";
import { crc32 } from "../../formats/crc32.js";
import { atOnce, fill, fillSync } from "../../system/files/read-at-once.js";
import { withFile } from "../../system/files/read-range.js";
import { openRegular } from "../../system/files/regular-file.js";
import type { SampleSource } from "../dataset/dataset.js";
import {
  type Description,
  damaged,
  decodeDescription,
  decodeFoot,
  descriptionLength,
  footBytes,
  headBytes,
} from "./layout.js";
import { RecordIndex } from "./record-index.js";

/** Limit of the index: enough for a hundred million samples. */
const largestIndex = 2 ** 31 - 1;

export interface RecordFile {
  readonly description: Description;
  readonly index: RecordIndex;
  /** Distinguishes different files at the same path. */
  readonly stamp: number;
}

/** Opens a finished record file. Throws FileError if it is not one, of a different version, truncated or damaged. */
export function readRecordFile(path: string): Promise<RecordFile> {
  return withFile(path, async (file) => {
    const source = await fileSource(path, file);
    const head = await source.read(0, Math.min(headBytes, source.size));
    const text = await source.read(headBytes, descriptionLength(path, head));
    const description = decodeDescription(path, head, text);
    const foot = decodeFoot(path, await source.read(source.size - footBytes, footBytes), source.size);
    if (foot.length > largestIndex) throw damaged(path, "its foot");
    const bytes = await source.read(foot.offset, foot.length);
    if (crc32(bytes) !== foot.checksum) throw damaged(path, "its index");
    const index = new RecordIndex(path, bytes, foot.offset, description.encoding === "raw");
    return { description, index, stamp: foot.checksum };
  });
}

type RecordSource = SampleSource & { kind: "record" };

/** Open record files of this thread: opening the file for each record would cost more than reading it. */
const files = new Map<string, { readonly stamp: number; readonly handle: Promise<FileHandle> }>();

function fileOf({ path, stamp }: RecordSource): Promise<FileHandle> {
  const known = files.get(path);
  if (known?.stamp === stamp) return known.handle;
  // The file at the path has been replaced.
  void known?.handle.then((handle) => handle.close()).catch(() => undefined);
  const handle = openRegular(path).catch((error) => {
    files.delete(path);
    throw fileError(path, "read", error);
  });
  files.set(path, { stamp, handle });
  return handle;
}

/** The content of a record, in memory from `allocate`. Throws FileError if it is not what was packed. */
export async function readRecord(source: RecordSource, allocate: (bytes: number) => Uint8Array): Promise<Uint8Array> {
  const { path, offset, length, checksum, name } = source;
  const file = await fileOf(source);
  const bytes = allocate(length);
  const count = await atOnce(
    () => fillSync(file.fd, bytes, offset),
    () => fill(file, bytes, offset),
  ).catch((error) => {
    throw fileError(path, "read", error);
  });
  if (count < length || crc32(bytes) !== checksum)
    throw new FileError(
      path,
      `"${name}" is damaged: its bytes have changed since it was packed; download the file again, or pack it again.`,
    );
  return bytes;
}
