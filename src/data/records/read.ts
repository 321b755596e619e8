/** Reading of record files: head, foot and index when one is opened, then the contents of records, each held against its checksum. */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { fileSource } from "../../formats/byte-source.js";
import { crc32 } from "../../formats/crc32.js";
import { atOnce, fillSync } from "../../system/files/read-at-once.js";
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

/** Larger indices than of a hundred million samples are none. */
const largestIndex = 2 ** 31 - 1;

export interface RecordFile {
  readonly description: Description;
  readonly index: RecordIndex;
  /** Tells files at one path apart. */
  readonly stamp: number;
}

/** Opens a finished record file. Throws FileError when it is none, of another version, cut short or damaged. */
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

/** Files that this thread reads records from: opening one for each record would cost more than reading it. */
const files = new Map<string, { readonly stamp: number; readonly handle: Promise<FileHandle> }>();

function fileOf({ path, stamp }: RecordSource): Promise<FileHandle> {
  const known = files.get(path);
  if (known?.stamp === stamp) return known.handle;
  // Another file stands at the path by now.
  void known?.handle.then((handle) => handle.close()).catch(() => undefined);
  const handle = openRegular(path).catch((error) => {
    files.delete(path);
    throw fileError(path, "read", error);
  });
  files.set(path, { stamp, handle });
  return handle;
}

/** The content of a record, in memory from `allocate`. Throws FileError when it is not what was packed. */
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

async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}
