/** Zip archives in the page's memory. */
import { FileError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { crc32ByTable } from "../formats/crc32-table.js";
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
} from "../formats/zip-directory.js";
import type { NamedBytes } from "./fetched.js";

/** Most bytes of all files of an archive, unpacked. */
const limits = { entries: 10_000, totalBytes: 2 ** 32 };

/** Whether a file's bytes are a zip archive. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** The entries of an archive by name. Throws FileError for a damaged one. */
export function zipEntries({ name, bytes }: NamedBytes): ReadonlyMap<string, ZipEntry> {
  const within = (start: number, length: number): Uint8Array => {
    if (start < 0 || start + length > bytes.length) throw damaged(name, "it is cut off");
    return bytes.subarray(start, start + length);
  };
  const tail = Math.min(bytes.length, longestEnd);
  const found = placeOfDirectory(name, within(bytes.length - tail, tail));
  const place = "record" in found ? placeInRecord(name, within(found.record, end64Size)) : found;
  requireRoom(name, place, bytes.length, limits);
  return readDirectory(name, within(place.start, place.size), place.count, bytes.length, limits);
}

/** The unpacked bytes of an entry. Throws FileError if they are not as the archive says. */
export async function unzipped({ name, bytes }: NamedBytes, entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>> {
  const start = entry.offset + headerLength(name, entry, bytes.subarray(entry.offset, entry.offset + 30));
  const packed = bytes.subarray(start, start + entry.compressedSize);
  const unpacked = entry.method === "stored" ? packed : await inflated(name, packed, entry);
  if (unpacked.length !== entry.size || crc32ByTable(unpacked) !== entry.crc32)
    throw damaged(name, `${quoted(entry.name)} is not what its checksum promises`);
  return unpacked;
}

async function inflated(
  archive: string,
  packed: Uint8Array<ArrayBuffer>,
  { name, size }: ZipEntry,
): Promise<Uint8Array<ArrayBuffer>> {
  const result = new Uint8Array(size);
  let at = 0;
  try {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    for (const reader = stream.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return result.subarray(0, at);
      if (at + value.length > size) throw damaged(archive, `${quoted(name)} is longer than its ${size} bytes`);
      result.set(value, at);
      at += value.length;
    }
  } catch (error) {
    throw error instanceof FileError ? error : damaged(archive, `${quoted(name)} cannot be unpacked`, error);
  }
}
