/** The table of contents of zip archives: where their files are, with a limit on every size. Of bytes in memory. */
import { FileError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";

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
/** Largest table of contents. */
const maxCentralDirectory = 64 * 2 ** 20;

/** Where the table of contents is. */
export interface DirectoryPlace {
  readonly count: number;
  readonly start: number;
  readonly size: number;
}

/** Bytes at the end of an archive in which the place of its table is found. */
export const longestEnd = 22 + 0xffff;
/** Size of the record of large archives. */
export const end64Size = 56;

/** The place according to the last bytes of the archive; for a large archive the position of the record that has it. */
export function placeOfDirectory(path: string, tail: Uint8Array): DirectoryPlace | { readonly record: number } {
  const bytes = viewOf(tail);
  let at = tail.length - 22;
  while (at >= 0 && bytes.getUint32(at, true) !== signatures.end) at--;
  if (at < 0) throw damaged(path, "it has no table of contents (the file may be cut off)");
  const locator = at - 20;
  if (locator >= 0 && bytes.getUint32(locator, true) === signatures.locator64)
    return { record: safeNumber(path, bytes.getBigUint64(locator + 8, true)) };
  return {
    count: bytes.getUint16(at + 10, true),
    size: bytes.getUint32(at + 12, true),
    start: bytes.getUint32(at + 16, true),
  };
}

/** The place according to the record of a large archive. */
export function placeInRecord(path: string, record: Uint8Array): DirectoryPlace {
  const bytes = viewOf(record);
  if (bytes.getUint32(0, true) !== signatures.end64) throw damaged(path, "its zip64 record is missing");
  const [count, size, start] = [32, 40, 48].map((field) => safeNumber(path, bytes.getBigUint64(field, true)));
  return { count, size, start };
}

/** Throws FileError for a table that is larger than allowed or than an archive of `length` bytes. */
export function requireRoom(
  path: string,
  { count, start, size }: DirectoryPlace,
  length: number,
  limits: ZipLimits,
): void {
  const { entries: maxEntries = 100_000 } = limits;
  if (count > maxEntries) throw damaged(path, `it lists ${count} files, above the limit of ${maxEntries}`);
  if (size > maxCentralDirectory || start + size > length) throw damaged(path, "its table of contents has no room");
}

/** The entries in a table, checked against an archive of `length` bytes. */
export function readDirectory(
  path: string,
  table: Uint8Array,
  count: number,
  length: number,
  { totalBytes = 2 ** 40 }: ZipLimits,
): Map<string, ZipEntry> {
  const bytes = viewOf(table);
  const size = table.length;
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || bytes.getUint32(at, true) !== signatures.central)
      throw damaged(path, `entry ${i} is cut off`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => bytes.getUint16(at + field, true));
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) throw damaged(path, `entry ${i} is cut off`);
    const name = new TextDecoder().decode(table.subarray(at + 46, at + 46 + nameLength));
    const entry = readEntry(path, table.subarray(at, next), name, nameLength, extraLength);
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

/** Bytes from the start of an entry's header to its content, by the first 30 of them. */
export function headerLength(path: string, { name }: ZipEntry, header: Uint8Array): number {
  const bytes = viewOf(header);
  if (bytes.getUint32(0, true) !== signatures.local) throw damaged(path, `${quoted(name)} has no header`);
  return 30 + bytes.getUint16(26, true) + bytes.getUint16(28, true);
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

function readEntry(path: string, header: Uint8Array, name: string, nameLength: number, extraLength: number): ZipEntry {
  checkName(path, name);
  const bytes = viewOf(header);
  const flags = bytes.getUint16(8, true);
  const method = bytes.getUint16(10, true);
  const mode = bytes.getUint32(38, true) >>> 16;
  if (flags & 1) throw damaged(path, `${quoted(name)} is encrypted`);
  if ((mode & 0o170000) === 0o120000) throw damaged(path, `${quoted(name)} is a symbolic link`);
  if (method !== 0 && method !== 8) throw damaged(path, `${quoted(name)} is packed by the unknown method ${method}`);
  const wide = [bytes.getUint32(24, true), bytes.getUint32(20, true), bytes.getUint32(42, true)];
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
    crc32: bytes.getUint32(16, true),
    executable: (mode & 0o100) !== 0,
    method: method === 0 ? "stored" : "deflated",
  };
}

/** Replaces 32-bit fields that are saturated with those of the zip64 extra field, in its fixed order. */
function widen(path: string, fields: readonly number[], extra: Uint8Array): number[] {
  if (!fields.includes(0xffffffff)) return [...fields];
  const bytes = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + bytes.getUint16(at + 2, true);
    if (bytes.getUint16(at, true) === 1 && end <= extra.length) {
      let next = at + 4;
      return fields.map((value) => {
        if (value !== 0xffffffff) return value;
        if (next + 8 > end) throw damaged(path, "a zip64 field is cut off");
        next += 8;
        return safeNumber(path, bytes.getBigUint64(next - 8, true));
      });
    }
    at = end;
  }
  return [...fields];
}

/** Refuses names that could lead outside the folder they are unpacked into, on any system. */
function checkName(path: string, name: string): void {
  const parts = name.split("/");
  const bad =
    name === "" || name.startsWith("/") || /[\\:\0]/.test(name) || parts.some((part) => part === ".." || part === ".");
  if (bad) throw damaged(path, `it names the path ${quoted(name)}, which leads outside`);
}

function safeNumber(path: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(path, `a size of ${value} bytes is impossible`);
  return Number(value);
}

export function damaged(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `"${path}" is not a usable zip archive: ${reason}; get the file again.`, { cause });
}
