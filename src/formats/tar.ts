/**
 * Tar archives read in place: a walk over the headers finds each member's offset and skips its content. Supports ustar,
 * GNU's long names and pax records; every size is checked against the available bytes.
 */
import { FileError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import type { ByteSource } from "./byte-source.js";

export interface TarMember {
  /** Path inside the archive; nothing is written to that path. */
  readonly name: string;
  /** Position of the content in the source. */
  readonly offset: number;
  readonly length: number;
}

const block = 512;
/** Longest name or set of pax records that is accepted. */
const longestExtension = 1 << 20;

/** Any entry of an archive: a file, a folder, or a link, a device and the like. */
export interface TarEntry extends TarMember {
  readonly kind: "file" | "folder" | "other";
}

/** The files of an archive, in its order. Throws FileError if it is damaged, truncated or states wrong sizes. */
export async function* tarMembers(source: ByteSource): AsyncGenerator<TarMember, void> {
  for await (const { kind, ...member } of tarEntries(source)) if (kind === "file") yield member;
}

const kinds: Readonly<Record<string, TarEntry["kind"]>> = { "0": "file", "\0": "file", "7": "file", "5": "folder" };

/** All entries of an archive, in its order. Reads only forwards. */
export async function* tarEntries(source: ByteSource): AsyncGenerator<TarEntry, void> {
  let extended: Extension = {};
  for (let at = 0; ; ) {
    if (at + block > source.size) throw damaged(source, at === 0 ? "it is too short" : "it is cut short");
    const header = await source.read(at, block);
    if (header.every((byte) => byte === 0)) return;
    if (!hasChecksum(header))
      throw damaged(
        source,
        at === 0 ? `it does not begin as one${packed(header)}` : `the header at byte ${at} is damaged`,
      );
    const type = String.fromCharCode(header[156]);
    const length = extended.size ?? numberOf(source, header.subarray(124, 136));
    const name = extended.name ?? nameOf(header);
    const offset = at + block;
    if (offset + length > source.size) {
      throw damaged(
        source,
        `${quoted(name)} is said to have ${length} bytes, more than there are (the archive may be cut short)`,
      );
    }
    at = offset + Math.ceil(length / block) * block;
    if (type === "L" || type === "x") {
      if (length > longestExtension) throw damaged(source, `it has a name of ${length} bytes`);
      const content = await source.read(offset, length);
      extended = type === "L" ? { ...extended, name: text(content) } : { ...extended, ...paxRecords(source, content) };
      continue;
    }
    if (type === "S") throw damaged(source, `${quoted(name)} is sparse, which is not supported`);
    // Names of links, and settings for the whole archive, are not about the next member.
    if (type === "K" || type === "g") continue;
    extended = {};
    yield { kind: kinds[type] ?? "other", name, offset, length };
  }
}

/** What an extension member states about the next one. */
interface Extension {
  readonly name?: string;
  readonly size?: number;
}

function nameOf(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const prefix = header.toString("latin1", 257, 263) === "ustar\0" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Up to the first zero byte. */
function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** An octal number, or a binary one from 8 GiB. */
function numberOf(source: ByteSource, field: Buffer): number {
  const digits = text(field).trim();
  const binary = () => Number(BigInt(`0x${(field[0] & 0x7f).toString(16)}${field.subarray(1).toString("hex")}`));
  const octal = () => (/^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN);
  const value = field[0] & 0x80 ? binary() : octal();
  if (!Number.isSafeInteger(value)) throw damaged(source, "it holds an invalid or absurdly large size");
  return value;
}

function hasChecksum(header: Buffer): boolean {
  const stated = Number.parseInt(text(header.subarray(148, 156)).trim(), 8);
  let sum = 8 * 32;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i];
  return sum === stated;
}

/** `LENGTH key=value\n` lines, of which only names and sizes matter. */
function paxRecords(source: ByteSource, bytes: Buffer): Extension {
  const found: { name?: string; size?: number } = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 || space - at > 8 ? Number.NaN : Number(bytes.toString("latin1", at, space));
    if (!Number.isInteger(length) || length <= space - at + 1 || at + length > bytes.length)
      throw damaged(source, "a pax record is damaged");
    const record = bytes.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === "path") found.name = value;
    if (key === "size") {
      found.size = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
      if (Number.isNaN(found.size)) throw damaged(source, "a pax record holds an impossible size");
    }
    if (key.startsWith("GNU.sparse")) throw damaged(source, "it holds sparse files, which are not supported");
    at += length;
  }
  return found;
}

/** A remark on the compression of a file that has to be unpacked first. */
function packed(header: Buffer): string {
  const head = header.toString("latin1", 0, 6);
  const packers = { BZh: "bzip2", "\xfd7zXZ": "xz", "(\xb5/\xfd": "zstd", PK: "zip" };
  const found = Object.entries(packers).find(([begins]) => head.startsWith(begins))?.[1];
  return found === undefined ? "" : ` but as a file packed with ${found}, which is to be unpacked first`;
}

function damaged(source: ByteSource, reason: string): FileError {
  return new FileError(source.name, `"${source.name}" is not a usable tar archive: ${reason}; get the file again.`);
}
