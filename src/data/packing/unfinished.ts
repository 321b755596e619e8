/** Recovers an unfinished record file after an interruption, record by record, each verified by its checksum. */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../errors/errors.js";
import { fileSource, windowed } from "../../formats/byte-source.js";
import { crc32 } from "../../formats/crc32.js";
import {
  type Description,
  decodeDescription,
  decodeRecordHead,
  descriptionLength,
  encodeHead,
  headBytes,
  type RecordHead,
  recordHeadBytes,
} from "../records/layout.js";

/** A record, and the offset of its content. */
export type FoundRecord = RecordHead & { readonly offset: number };

/** Larger than any image within Pillow's limit. */
const largestContent = 2 ** 30;

/**
 * Complete records from the start of the file, whose description must be `description`; anything after them is
 * unusable. A file without a complete header has none. Throws FileError if it was started with different settings or
 * data.
 */
export async function* wholeRecords(
  path: string,
  file: FileHandle,
  description: Description,
): AsyncGenerator<FoundRecord, void> {
  const source = windowed(await fileSource(path, file), 1 << 22);
  let at = encodeHead(description).length;
  if (source.size < headBytes) return;
  const head = Buffer.from(await source.read(0, headBytes));
  const length = descriptionLength(path, head);
  if (source.size < headBytes + length) return;
  const begun = decodeDescription(path, head, await source.read(headBytes, length));
  if (JSON.stringify(begun) !== JSON.stringify(description)) {
    throw new FileError(
      path,
      `"${path}" was started with other data or settings; finish it with those, or remove it to start over.`,
    );
  }
  while (at + recordHeadBytes <= source.size) {
    const record = decodeRecordHead(await source.read(at, recordHeadBytes));
    const offset = at + recordHeadBytes;
    if (!record || record.length > largestContent || offset + record.length > source.size) return;
    if (crc32(await source.read(offset, record.length)) !== record.checksum) return;
    yield { ...record, offset };
    at = offset + record.length;
  }
}
