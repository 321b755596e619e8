/** The bytes of a record file (docs/records.md): its head, the head of each record, and its foot. Numbers are little-endian. */
import { z } from "zod";
import { FileError } from "../../errors/errors.js";
import { crc32 } from "../../formats/crc32.js";
import { parseJson } from "../../system/text/json.js";

const recordVersion = 1;
/** As in PNG: not text, and damaged by line-ending conversion. */
const magic = Buffer.from("\x89DREC\r\n\x1a", "latin1");
const marker = 0x44434552; // "RECD"

/** Bytes before the description, before the content of a record, and after the index. */
export const headBytes = 24;
export const recordHeadBytes = 28;
export const footBytes = 32;

/** Upper limit, longer than any description that is written. */
const longestDescription = 1 << 16;

const descriptionSchema = z.object({
  /** SHA-256 of the packed data: over the names of classes, and names and labels of samples. */
  identity: z.string().regex(/^[0-9a-f]{64}$/),
  /** `raw`: 8-bit RGB, row by row. */
  encoding: z.enum(["jpeg", "raw"]),
  /** Maximum shorter side of the images. */
  size: z.number().int().min(1),
  /** JPEG quality, 1 … 100. */
  quality: z.number().int().min(1).max(100).optional(),
  /** Whether images were rotated according to their metadata, which re-encoded images no longer have. */
  exif: z.literal("apply").optional(),
});

/** What a record file was made from and how: packing resumes only if it is identical. */
export type Description = Readonly<z.infer<typeof descriptionSchema>>;

/** The header of a record. */
export interface RecordHead {
  /** Index of the sample in the packed data, counted across its parts. */
  readonly sample: number;
  readonly width: number;
  readonly height: number;
  readonly length: number;
  /** CRC-32 of the content. */
  readonly checksum: number;
}

export function encodeHead(description: Description): Buffer {
  const text = Buffer.from(JSON.stringify(description));
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt32LE(recordVersion, 8);
  head.writeUInt32LE(text.length, 12);
  head.writeUInt32LE(crc32(text), 16);
  head.writeUInt32LE(crc32(head.subarray(0, 20)), 20);
  return Buffer.concat([head, text]);
}

/** Length of the description, from the first `headBytes` of a file. */
export function descriptionLength(path: string, head: Buffer): number {
  if (head.length < headBytes || !head.subarray(0, 8).equals(magic))
    throw new FileError(path, `"${path}" is not a record file; make one with deit data pack.`);
  if (head.readUInt32LE(20) !== crc32(head.subarray(0, 20))) throw damaged(path, "its head");
  const version = head.readUInt32LE(8);
  if (version !== recordVersion) {
    throw new FileError(
      path,
      `"${path}" is a record file of version ${version}, and this deit reads version ${recordVersion}; pack the data again, or use the deit that made it.`,
    );
  }
  const length = head.readUInt32LE(12);
  if (length > longestDescription) throw damaged(path, "its head");
  return length;
}

/** The description, from the first `headBytes` and the bytes that follow. */
export function decodeDescription(path: string, head: Buffer, text: Buffer): Description {
  if (head.readUInt32LE(16) !== crc32(text)) throw damaged(path, "its head");
  try {
    return descriptionSchema.parse(parseJson(text.toString("utf8")));
  } catch (cause) {
    throw damaged(path, "its description", cause);
  }
}

export function encodeRecordHead({ sample, width, height, length, checksum }: RecordHead): Buffer {
  const head = Buffer.alloc(recordHeadBytes);
  for (const [i, value] of [marker, sample, width, height, length, checksum].entries())
    head.writeUInt32LE(value, 4 * i);
  head.writeUInt32LE(crc32(head.subarray(0, 24)), 24);
  return head;
}

/** Undefined if the bytes are not a record header. */
export function decodeRecordHead(head: Buffer): RecordHead | undefined {
  if (head.length < recordHeadBytes || head.readUInt32LE(0) !== marker) return undefined;
  if (head.readUInt32LE(24) !== crc32(head.subarray(0, 24))) return undefined;
  const [sample, width, height, length, checksum] = [4, 8, 12, 16, 20].map((at) => head.readUInt32LE(at));
  return { sample, width, height, length, checksum };
}

/** The position of the index. */
export interface Foot {
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

export function encodeFoot({ offset, length, checksum }: Foot): Buffer {
  const foot = Buffer.alloc(footBytes);
  foot.writeBigUInt64LE(BigInt(offset), 0);
  foot.writeBigUInt64LE(BigInt(length), 8);
  foot.writeUInt32LE(checksum, 16);
  foot.writeUInt32LE(crc32(foot.subarray(0, 20)), 20);
  magic.copy(foot, 24);
  return foot;
}

/** The foot of a file of `size` bytes, checked against that size. */
export function decodeFoot(path: string, foot: Buffer, size: number): Foot {
  const whole = foot.subarray(24).equals(magic) && foot.readUInt32LE(20) === crc32(foot.subarray(0, 20));
  if (!whole)
    throw new FileError(path, `"${path}" is cut short or damaged at its end; get it again, or pack it again.`);
  const offset = Number(foot.readBigUInt64LE(0));
  const length = Number(foot.readBigUInt64LE(8));
  if (offset < headBytes || offset + length + footBytes !== size) throw damaged(path, "its foot");
  return { offset, length, checksum: foot.readUInt32LE(16) };
}

export function damaged(path: string, what: string, cause?: unknown): FileError {
  return new FileError(
    path,
    `The record file "${path}" is damaged: ${what} does not hold; get it again, or pack it again.`,
    {
      cause,
    },
  );
}
